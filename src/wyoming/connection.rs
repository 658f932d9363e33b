//! Owns one connection: what is read is done in its order, what is to be told goes out in its order and no faster than
//! it is taken.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, copy, sink, split};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::FramedRead;

use super::failure::Failure;
use super::frame::{FrameDecoder, FrameError, write};
use super::message::{SynthesizeOptions, WyomingMessage};
use super::parts::ServerParts;
use super::reader::UtteranceReader;
use super::utterance::{AudioChunk, SentAudio, SpokenUtterance, TextDelivery};
use super::voices;
use crate::live::Refused;
use crate::speech::PublicError;

/// A connection that is open.
pub struct Connection<S> {
    parts: Arc<ServerParts>,
    reading: FramedRead<ReadHalf<S>, FrameDecoder>,
    writing: WriteHalf<S>,
    /// What is to be sent.
    waiting: BytesMut,
    turn: CallerTurn,
    /// What was asked for while something else is spoken.
    next: Option<WyomingMessage>,
    is_leaving: bool,
    /// Nothing more is read, and nothing is said that does not wait.
    is_closing: bool,
}

/// What a caller has asked for.
enum CallerTurn {
    Nothing,
    Speaking(Box<SpokenUtterance>),
    /// A text that comes in chunks and is read when all of it is there.
    Collecting {
        reader: Box<UtteranceReader>,
        text: String,
    },
    /// A stream that failed: what still comes of it is passed over.
    Failed,
}

/// What happens next.
enum ConnectionStep {
    Leave,
    Cut,
    Heard(Option<Result<WyomingMessage, FrameError>>),
    Sent(io::Result<usize>),
    Spoken(Option<Result<AudioChunk, Failure>>),
    Late,
}

/// Bytes that may wait to be sent; with more, nothing is read.
const MAX_WAITING: usize = 64 << 10;

/// Bytes of a sample.
const WIDTH: u64 = 2;

/// Of a message with sound.
const CHUNK_BYTES: usize = 4 << 10;

/// How long what a caller still sends is read when the connection is closed: he would not get what he was told, else.
const LINGER: Duration = Duration::from_secs(2);

// === impl Connection ===

impl<S: AsyncRead + AsyncWrite> Connection<S> {
    pub fn new(stream: S, parts: Arc<ServerParts>) -> Self {
        let (reading, writing) = split(stream);
        let decoder = FrameDecoder::new(parts.message_limit);
        Self {
            parts,
            reading: FramedRead::new(reading, decoder),
            writing,
            waiting: BytesMut::new(),
            turn: CallerTurn::Nothing,
            next: None,
            is_leaving: false,
            is_closing: false,
        }
    }

    /// Serves it until it ends.
    pub async fn run(mut self) {
        let (idle, patience) = (self.parts.idle, self.parts.patience);
        let (mut active, mut taken) = (Instant::now(), Instant::now());
        loop {
            if self.waiting.is_empty() {
                if self.is_closing {
                    break;
                }
                taken = Instant::now();
            }
            let late = if self.waiting.is_empty() { active + idle } else { taken + patience };
            match self.step(late).await {
                ConnectionStep::Leave => self.leave(),
                ConnectionStep::Cut => self.cut(),
                ConnectionStep::Heard(Some(Ok(message))) => {
                    active = Instant::now();
                    self.hear(message);
                }
                ConnectionStep::Heard(Some(Err(FrameError::Io(_))) | None) | ConnectionStep::Sent(Err(_)) => return,
                ConnectionStep::Heard(Some(Err(error))) => self.refuse(&error),
                ConnectionStep::Sent(Ok(_)) => {
                    taken = Instant::now();
                    active = taken;
                }
                ConnectionStep::Spoken(Some(Ok(part))) => self.tell(part),
                ConnectionStep::Spoken(Some(Err(error))) => self.fail(&error),
                ConnectionStep::Spoken(None) => self.finish(),
                ConnectionStep::Late if !self.waiting.is_empty() => return,
                ConnectionStep::Late if self.turn.is_silent() => self.end_idle(),
                // It is being made.
                ConnectionStep::Late => active = Instant::now(),
            }
        }
        let mut unread = self.reading.into_inner();
        let _ = self.writing.shutdown().await;
        let _ = timeout(LINGER, copy(&mut unread, &mut sink())).await;
    }

    async fn step(&mut self, late: Instant) -> ConnectionStep {
        let Self { parts, reading, writing, waiting, turn, next, is_leaving, is_closing } = self;
        let is_read = !*is_closing && next.is_none() && waiting.len() < MAX_WAITING;
        let (is_told, is_left) = (waiting.is_empty(), *is_leaving);
        tokio::select! {
            () = parts.sessions.leaving(), if !is_left => ConnectionStep::Leave,
            () = parts.sessions.until_cut(), if !*is_closing => ConnectionStep::Cut,
            message = reading.next(), if is_read => ConnectionStep::Heard(message),
            sent = writing.write_buf(waiting), if !is_told => ConnectionStep::Sent(sent),
            part = turn.next(), if is_told => ConnectionStep::Spoken(part),
            () = sleep_until(late) => ConnectionStep::Late,
        }
    }

    // --- what callers say ---

    fn hear(&mut self, message: WyomingMessage) {
        match (message, &mut self.turn) {
            (WyomingMessage::Describe, _) => {
                let speaking = &self.parts.speaking;
                let info = voices::described(&speaking.catalogue, &speaking.default_voice);
                write(&mut self.waiting, "info", &info, None);
            }
            (WyomingMessage::Ping(text), _) => write(&mut self.waiting, "pong", &json!({"text": text}), None),
            (WyomingMessage::Unknown, _) => {}
            // In its turn.
            (message, CallerTurn::Speaking(utterance)) if utterance.asked != TextDelivery::Open => {
                self.next = Some(message);
            }
            (WyomingMessage::Synthesize { text, manner }, CallerTurn::Nothing) => {
                let begun = self.reader(&manner).and_then(|reader| self.whole(reader, &text, TextDelivery::Whole));
                self.begin(begun, TextDelivery::Whole);
            }
            // The whole text once more, for servers that know no streams.
            (WyomingMessage::Synthesize { .. }, _) | (WyomingMessage::Chunk(_), CallerTurn::Failed) => {}
            (WyomingMessage::Start(manner), CallerTurn::Nothing | CallerTurn::Failed) => {
                let begun = self.reader(&manner).and_then(|reader| self.open(reader));
                self.begin(begun, TextDelivery::Open);
            }
            (WyomingMessage::Start(_), CallerTurn::Speaking(_) | CallerTurn::Collecting { .. }) => {
                self.fail(&Failure::new("out_of_order", "a stream is open: stop it first"));
            }
            (WyomingMessage::Chunk(text), CallerTurn::Speaking(utterance)) => {
                if let Err(error) = utterance.append(&text) {
                    self.fail(&error);
                }
            }
            (WyomingMessage::Chunk(chunk), CallerTurn::Collecting { text, .. }) => {
                text.push_str(&chunk);
                let most = self.parts.sessions.limits().unsaid_chars;
                if text.chars().count() > most {
                    self.fail(&Refused::TooMuchText(most).into());
                }
            }
            (WyomingMessage::Stop, CallerTurn::Speaking(utterance)) => {
                if let Err(error) = utterance.end() {
                    self.fail(&error);
                }
            }
            (WyomingMessage::Stop, CallerTurn::Collecting { .. }) => {
                if let CallerTurn::Collecting { reader, text } = std::mem::replace(&mut self.turn, CallerTurn::Nothing)
                {
                    let begun = self.whole(*reader, &text, TextDelivery::Stopped);
                    self.begin(begun, TextDelivery::Stopped);
                }
            }
            (WyomingMessage::Stop, CallerTurn::Failed) => self.turn = CallerTurn::Nothing,
            (WyomingMessage::Chunk(_), CallerTurn::Nothing) => self.write_error(&no_stream()),
            (WyomingMessage::Stop, CallerTurn::Nothing) => {
                self.write_error(&no_stream());
                self.write_stopped();
            }
        }
    }

    fn reader(&self, manner: &SynthesizeOptions) -> Result<UtteranceReader, Failure> {
        UtteranceReader::new(self.parts.speaking.clone(), manner)
    }

    fn whole(&self, reader: UtteranceReader, text: &str, asked: TextDelivery) -> Result<CallerTurn, Failure> {
        let utterance = SpokenUtterance::whole(reader, text, asked, self.parts.in_flight.enter())?;
        Ok(CallerTurn::Speaking(Box::new(utterance)))
    }

    fn open(&self, reader: UtteranceReader) -> Result<CallerTurn, Failure> {
        if !reader.reads_parts() {
            return Ok(CallerTurn::Collecting { reader: Box::new(reader), text: String::new() });
        }
        let utterance = SpokenUtterance::live(reader, self.parts.sessions.clone(), self.parts.in_flight.enter())?;
        Ok(CallerTurn::Speaking(Box::new(utterance)))
    }

    fn begin(&mut self, begun: Result<CallerTurn, Failure>, asked: TextDelivery) {
        match begun {
            Ok(turn) => self.turn = turn,
            Err(error) => self.fail_as(&error, asked),
        }
    }

    /// What cannot be read ends the connection, as nobody knows where the next message begins.
    fn refuse(&mut self, error: &FrameError) {
        let code = if matches!(error, FrameError::TooLarge(_)) { "message_too_large" } else { "malformed_message" };
        self.fail(&Failure(PublicError::new(code, error.to_string())));
        self.is_closing = true;
    }

    /// A caller who has left a stream open for too long is told so.
    fn end_idle(&mut self) {
        if self.turn.asked() == TextDelivery::Open {
            self.fail(&Failure::new("silent", "nothing was written for too long"));
        }
        self.is_closing = true;
    }

    /// The service stops: what is begun is finished, as far as its text is there.
    fn leave(&mut self) {
        self.is_leaving = true;
        match &mut self.turn {
            CallerTurn::Speaking(utterance) => utterance.leave(),
            CallerTurn::Collecting { .. } => self.fail(&stopping()),
            CallerTurn::Nothing | CallerTurn::Failed => self.is_closing = true,
        }
    }

    /// The time for that is over.
    fn cut(&mut self) {
        self.fail(&stopping());
        self.is_closing = true;
    }

    // --- what they are told ---

    fn tell(&mut self, part: AudioChunk) {
        let CallerTurn::Speaking(utterance) = &mut self.turn else { return };
        let AudioChunk { sample_rate, mut samples } = part;
        let format = |sent: &SentAudio| json!({"rate": sent.sample_rate, "width": WIDTH, "channels": 1, "timestamp": sent.milliseconds()});
        let waiting = &mut self.waiting;
        let sent = utterance.sent.get_or_insert_with(|| {
            let sent = SentAudio { sample_rate, samples: 0 };
            write(waiting, "audio-start", &format(&sent), None);
            sent
        });
        while !samples.is_empty() {
            let chunk = samples.split_to(samples.len().min(CHUNK_BYTES));
            write(&mut self.waiting, "audio-chunk", &format(sent), Some(&chunk));
            sent.samples += chunk.len() as u64 / WIDTH;
        }
    }

    /// All is said.
    fn finish(&mut self) {
        let CallerTurn::Speaking(utterance) = std::mem::replace(&mut self.turn, CallerTurn::Nothing) else { return };
        self.write_audio_stop(utterance.sent);
        self.end_turn(utterance.asked);
    }

    fn fail(&mut self, error: &Failure) {
        self.fail_as(error, self.turn.asked());
    }

    /// A stream ends, and the connection goes on; whoever waits for a whole text waits for nothing but its sound, or
    /// the connection's end.
    fn fail_as(&mut self, error: &Failure, asked: TextDelivery) {
        error.log();
        self.write_error(error);
        let turn = std::mem::replace(&mut self.turn, CallerTurn::Nothing);
        if asked == TextDelivery::Whole {
            self.is_closing = true;
            return;
        }
        if let CallerTurn::Speaking(utterance) = turn {
            self.write_audio_stop(utterance.sent);
        }
        self.end_turn(asked);
    }

    fn end_turn(&mut self, asked: TextDelivery) {
        if asked != TextDelivery::Whole {
            self.write_stopped();
        }
        self.turn = if asked == TextDelivery::Open { CallerTurn::Failed } else { CallerTurn::Nothing };
        self.is_closing |= self.is_leaving;
        if let Some(next) = self.next.take().filter(|_| !self.is_closing) {
            self.hear(next);
        }
    }

    fn write_error(&mut self, error: &Failure) {
        let PublicError { code, message, .. } = &error.0;
        write(&mut self.waiting, "error", &json!({"text": message, "code": code}), None);
    }

    fn write_audio_stop(&mut self, sent: Option<SentAudio>) {
        if let Some(sent) = sent {
            write(&mut self.waiting, "audio-stop", &json!({"timestamp": sent.milliseconds()}), None);
        }
    }

    fn write_stopped(&mut self) {
        write(&mut self.waiting, "synthesize-stopped", &json!({}), None);
    }
}

fn stopping() -> Failure {
    Failure::new("stopping", "the service is stopping: connect again")
}

fn no_stream() -> Failure {
    Failure::new("out_of_order", "no stream is open: start one first")
}

// === impl CallerTurn ===

impl CallerTurn {
    /// What comes next of what is spoken. May be given up at any time.
    async fn next(&mut self) -> Option<Result<AudioChunk, Failure>> {
        match self {
            Self::Speaking(utterance) => utterance.next().await,
            Self::Nothing | Self::Collecting { .. } | Self::Failed => pending().await,
        }
    }

    /// Whether it is for the caller to go on.
    fn is_silent(&self) -> bool {
        match self {
            Self::Speaking(utterance) => utterance.is_silent(),
            Self::Nothing | Self::Collecting { .. } | Self::Failed => true,
        }
    }

    fn asked(&self) -> TextDelivery {
        match self {
            Self::Speaking(utterance) => utterance.asked,
            Self::Collecting { .. } => TextDelivery::Open,
            Self::Nothing | Self::Failed => TextDelivery::Whole,
        }
    }
}
