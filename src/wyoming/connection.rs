//! Owns one connection: what is read is done in its order, what is to be told goes out in its order and no faster than it is taken.

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
use super::message::{Manner, Message};
use super::reader::Reader;
use super::server::Parts;
use super::utterance::{Asked, Part, Sent, Utterance};
use super::voices;
use crate::live::Refused;
use crate::speech::PublicError;

/// A connection that is open.
pub struct Connection<S> {
    parts: Arc<Parts>,
    reading: FramedRead<ReadHalf<S>, FrameDecoder>,
    writing: WriteHalf<S>,
    /// What is to be sent.
    waiting: BytesMut,
    turn: Turn,
    /// What was asked for while something else is spoken.
    next: Option<Message>,
    is_leaving: bool,
    /// Nothing more is read, and nothing is said that does not wait.
    is_closing: bool,
}

/// What a caller has asked for.
enum Turn {
    Nothing,
    Speaking(Box<Utterance>),
    /// A text that comes in chunks and is read when all of it is there.
    Collecting {
        reader: Box<Reader>,
        text: String,
    },
    /// A stream that failed: what still comes of it is passed over.
    Failed,
}

/// What happens next.
enum Step {
    Leave,
    Cut,
    Heard(Option<Result<Message, FrameError>>),
    Sent(io::Result<usize>),
    Spoken(Option<Result<Part, Failure>>),
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
    pub fn new(stream: S, parts: Arc<Parts>) -> Self {
        let (reading, writing) = split(stream);
        let decoder = FrameDecoder::new(parts.message_limit);
        Self {
            parts,
            reading: FramedRead::new(reading, decoder),
            writing,
            waiting: BytesMut::new(),
            turn: Turn::Nothing,
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
                Step::Leave => self.leave(),
                Step::Cut => self.cut(),
                Step::Heard(Some(Ok(message))) => {
                    active = Instant::now();
                    self.hear(message);
                }
                Step::Heard(Some(Err(FrameError::Io(_))) | None) | Step::Sent(Err(_)) => return,
                Step::Heard(Some(Err(error))) => self.refuse(&error),
                Step::Sent(Ok(_)) => {
                    taken = Instant::now();
                    active = taken;
                }
                Step::Spoken(Some(Ok(part))) => self.tell(part),
                Step::Spoken(Some(Err(error))) => self.fail(&error),
                Step::Spoken(None) => self.finish(),
                Step::Late if !self.waiting.is_empty() => return,
                Step::Late if self.turn.is_silent() => self.end_idle(),
                // It is being made.
                Step::Late => active = Instant::now(),
            }
        }
        let mut unread = self.reading.into_inner();
        let _ = self.writing.shutdown().await;
        let _ = timeout(LINGER, copy(&mut unread, &mut sink())).await;
    }

    async fn step(&mut self, late: Instant) -> Step {
        let Self { parts, reading, writing, waiting, turn, next, is_leaving, is_closing } = self;
        let is_read = !*is_closing && next.is_none() && waiting.len() < MAX_WAITING;
        let (is_told, is_left) = (waiting.is_empty(), *is_leaving);
        tokio::select! {
            () = parts.sessions.leaving(), if !is_left => Step::Leave,
            () = parts.sessions.until_cut(), if !*is_closing => Step::Cut,
            message = reading.next(), if is_read => Step::Heard(message),
            sent = writing.write_buf(waiting), if !is_told => Step::Sent(sent),
            part = turn.next(), if is_told => Step::Spoken(part),
            () = sleep_until(late) => Step::Late,
        }
    }

    // --- what callers say ---

    fn hear(&mut self, message: Message) {
        match (message, &mut self.turn) {
            (Message::Describe, _) => {
                let speaking = &self.parts.speaking;
                let info = voices::described(&speaking.catalogue, &speaking.default_voice);
                write(&mut self.waiting, "info", &info, None);
            }
            (Message::Ping(text), _) => write(&mut self.waiting, "pong", &json!({"text": text}), None),
            (Message::Unknown, _) => {}
            // In its turn.
            (message, Turn::Speaking(utterance)) if utterance.asked != Asked::Open => self.next = Some(message),
            (Message::Synthesize { text, manner }, Turn::Nothing) => {
                let begun = self.reader(&manner).and_then(|reader| self.whole(reader, &text, Asked::Whole));
                self.begin(begun, Asked::Whole);
            }
            // The whole text once more, for servers that know no streams.
            (Message::Synthesize { .. }, _) | (Message::Chunk(_), Turn::Failed) => {}
            (Message::Start(manner), Turn::Nothing | Turn::Failed) => {
                let begun = self.reader(&manner).and_then(|reader| self.open(reader));
                self.begin(begun, Asked::Open);
            }
            (Message::Start(_), Turn::Speaking(_) | Turn::Collecting { .. }) => {
                self.fail(&Failure::new("out_of_order", "a stream is open: stop it first"));
            }
            (Message::Chunk(text), Turn::Speaking(utterance)) => {
                if let Err(error) = utterance.append(&text) {
                    self.fail(&error);
                }
            }
            (Message::Chunk(chunk), Turn::Collecting { text, .. }) => {
                text.push_str(&chunk);
                let most = self.parts.sessions.limits().unsaid_chars;
                if text.chars().count() > most {
                    self.fail(&Refused::TooMuchText(most).into());
                }
            }
            (Message::Stop, Turn::Speaking(utterance)) => {
                if let Err(error) = utterance.end() {
                    self.fail(&error);
                }
            }
            (Message::Stop, Turn::Collecting { .. }) => {
                if let Turn::Collecting { reader, text } = std::mem::replace(&mut self.turn, Turn::Nothing) {
                    let begun = self.whole(*reader, &text, Asked::Stopped);
                    self.begin(begun, Asked::Stopped);
                }
            }
            (Message::Stop, Turn::Failed) => self.turn = Turn::Nothing,
            (Message::Chunk(_), Turn::Nothing) => self.write_error(&no_stream()),
            (Message::Stop, Turn::Nothing) => {
                self.write_error(&no_stream());
                self.write_stopped();
            }
        }
    }

    fn reader(&self, manner: &Manner) -> Result<Reader, Failure> {
        Reader::new(self.parts.speaking.clone(), manner)
    }

    fn whole(&self, reader: Reader, text: &str, asked: Asked) -> Result<Turn, Failure> {
        let utterance = Utterance::whole(reader, text, asked, self.parts.in_flight.enter())?;
        Ok(Turn::Speaking(Box::new(utterance)))
    }

    fn open(&self, reader: Reader) -> Result<Turn, Failure> {
        if !reader.reads_parts() {
            return Ok(Turn::Collecting { reader: Box::new(reader), text: String::new() });
        }
        let utterance = Utterance::live(reader, self.parts.sessions.clone(), self.parts.in_flight.enter())?;
        Ok(Turn::Speaking(Box::new(utterance)))
    }

    fn begin(&mut self, begun: Result<Turn, Failure>, asked: Asked) {
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
        if self.turn.asked() == Asked::Open {
            self.fail(&Failure::new("silent", "nothing was written for too long"));
        }
        self.is_closing = true;
    }

    /// The service stops: what is begun is finished, as far as its text is there.
    fn leave(&mut self) {
        self.is_leaving = true;
        match &mut self.turn {
            Turn::Speaking(utterance) => utterance.leave(),
            Turn::Collecting { .. } => self.fail(&stopping()),
            Turn::Nothing | Turn::Failed => self.is_closing = true,
        }
    }

    /// The time for that is over.
    fn cut(&mut self) {
        self.fail(&stopping());
        self.is_closing = true;
    }

    // --- what they are told ---

    fn tell(&mut self, part: Part) {
        let Turn::Speaking(utterance) = &mut self.turn else { return };
        let Part { sample_rate, mut samples } = part;
        let format = |sent: &Sent| json!({"rate": sent.sample_rate, "width": WIDTH, "channels": 1, "timestamp": sent.milliseconds()});
        let waiting = &mut self.waiting;
        let sent = utterance.sent.get_or_insert_with(|| {
            let sent = Sent { sample_rate, samples: 0 };
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
        let Turn::Speaking(utterance) = std::mem::replace(&mut self.turn, Turn::Nothing) else { return };
        self.write_audio_stop(utterance.sent);
        self.end_turn(utterance.asked);
    }

    fn fail(&mut self, error: &Failure) {
        self.fail_as(error, self.turn.asked());
    }

    /// A stream ends, and the connection goes on; whoever waits for a whole text waits for nothing but its sound, or the connection's end.
    fn fail_as(&mut self, error: &Failure, asked: Asked) {
        error.log();
        self.write_error(error);
        let turn = std::mem::replace(&mut self.turn, Turn::Nothing);
        if asked == Asked::Whole {
            self.is_closing = true;
            return;
        }
        if let Turn::Speaking(utterance) = turn {
            self.write_audio_stop(utterance.sent);
        }
        self.end_turn(asked);
    }

    fn end_turn(&mut self, asked: Asked) {
        if asked != Asked::Whole {
            self.write_stopped();
        }
        self.turn = if asked == Asked::Open { Turn::Failed } else { Turn::Nothing };
        self.is_closing |= self.is_leaving;
        if let Some(next) = self.next.take().filter(|_| !self.is_closing) {
            self.hear(next);
        }
    }

    fn write_error(&mut self, error: &Failure) {
        let PublicError { code, message, .. } = &error.0;
        write(&mut self.waiting, "error", &json!({"text": message, "code": code}), None);
    }

    fn write_audio_stop(&mut self, sent: Option<Sent>) {
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

// === impl Turn ===

impl Turn {
    /// What comes next of what is spoken. May be given up at any time.
    async fn next(&mut self) -> Option<Result<Part, Failure>> {
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

    fn asked(&self) -> Asked {
        match self {
            Self::Speaking(utterance) => utterance.asked,
            Self::Collecting { .. } => Asked::Open,
            Self::Nothing | Self::Failed => Asked::Whole,
        }
    }
}
