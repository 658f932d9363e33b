//! Owns one text and its sound: as samples at one rate, each part as soon as it is made. Dropping it drops what is not
//! made yet.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, LocalBoxStream, Stream};

use super::failure::Failure;
use super::reader::UtteranceReader;
use crate::audio::AudioFormat;
use crate::live::{Client, Event, Opening, Session, Sessions};
use crate::resilience::Entered;
use crate::speech::{AudioSpec, Caching, SpeechStream};

/// What is being spoken.
pub struct SpokenUtterance {
    source: TextSource,
    pub asked: TextDelivery,
    /// Of what was sent; `None`: nothing was.
    pub sent: Option<SentAudio>,
    /// Work that is not to be cut without a word.
    _entered: Entered,
}

/// How a text came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextDelivery {
    Whole,
    /// In chunks, of which more may come.
    Open,
    /// In chunks, all of which are there.
    Stopped,
}

/// What was sent of a sound.
#[derive(Debug, Clone, Copy)]
pub struct SentAudio {
    /// In hertz; does not change.
    pub sample_rate: u32,
    pub samples: u64,
}

/// Samples as little-endian words of 16 bits, of one channel.
pub struct AudioChunk {
    pub sample_rate: u32,
    pub samples: Bytes,
}

enum TextSource {
    /// A text that is known.
    Whole(LocalBoxStream<'static, Result<AudioChunk, Failure>>),
    /// One that is still being written.
    Live { texts: Box<Session<UtteranceReader>>, sample_rate: u32 },
}

/// Counts what was sent when it is over, also when its caller leaves.
struct Counted {
    speaking: SpeechStream,
    characters: usize,
    reader: UtteranceReader,
}

/// A connection says one text at a time.
const TEXT: &str = "";

const SPEC: AudioSpec = AudioSpec { format: AudioFormat::Pcm, sample_rate: None };

// === impl SpokenUtterance ===

impl SpokenUtterance {
    /// Of a text that is known.
    pub fn whole(reader: UtteranceReader, text: &str, asked: TextDelivery, entered: Entered) -> Result<Self, Failure> {
        let request = reader.read(text)?;
        let characters = request.script.said_chars();
        let begin = async move {
            let named = reader.speech().identify(request, SPEC).await?;
            let speaking = reader.speech().begin(named, Caching::Allowed).await?;
            Ok::<_, Failure>(Counted { speaking, characters, reader })
        };
        let parts = stream::once(begin).flat_map(|begun| match begun {
            Ok(counted) => parts(counted).left_stream(),
            Err(error) => stream::once(std::future::ready(Err(error))).right_stream(),
        });
        Ok(Self { source: TextSource::Whole(parts.boxed_local()), asked, sent: None, _entered: entered })
    }

    /// Of a text that is yet to be written.
    pub fn live(reader: UtteranceReader, sessions: Sessions, entered: Entered) -> Result<Self, Failure> {
        let mut texts = Box::new(Session::new(sessions));
        let opening = Opening { format: AudioFormat::Pcm, sample_rate: None, wants_times: false, clause_delay: None };
        texts.open(TEXT, reader, opening)?;
        let source = TextSource::Live { texts, sample_rate: 0 };
        Ok(Self { source, asked: TextDelivery::Open, sent: None, _entered: entered })
    }

    /// Writes more of the text.
    pub fn append(&mut self, text: &str) -> Result<(), Failure> {
        match &mut self.source {
            TextSource::Live { texts, .. } => Ok(texts.append(TEXT, text)?),
            TextSource::Whole(_) => Ok(()),
        }
    }

    /// All of the text is there.
    pub fn end(&mut self) -> Result<(), Failure> {
        self.asked = TextDelivery::Stopped;
        match &mut self.source {
            TextSource::Live { texts, .. } => Ok(texts.end(TEXT)?),
            TextSource::Whole(_) => Ok(()),
        }
    }

    /// Ends a text that is still being written with the sentence that is being said.
    pub fn leave(&mut self) {
        if let TextSource::Live { texts, .. } = &mut self.source {
            texts.leave();
        }
    }

    /// Whether it waits for its caller to write.
    pub fn is_silent(&self) -> bool {
        match &self.source {
            TextSource::Live { texts, .. } => texts.is_silent(),
            TextSource::Whole(_) => false,
        }
    }

    /// The next samples; `None` at the end. Nothing follows an error. May be given up at any time.
    pub async fn next(&mut self) -> Option<Result<AudioChunk, Failure>> {
        match &mut self.source {
            TextSource::Whole(parts) => parts.next().await,
            TextSource::Live { texts, sample_rate } => loop {
                match texts.next().await.1 {
                    Event::Begun { sample_rate: rate } => *sample_rate = rate,
                    Event::Audio(samples) => return Some(Ok(AudioChunk { sample_rate: *sample_rate, samples })),
                    Event::Ended { .. } => return None,
                    Event::Failed(error) => return Some(Err(error)),
                    // Nobody asks for these.
                    Event::Said(_) | Event::Flushed { .. } | Event::Cleared { .. } => {}
                }
            },
        }
    }
}

// === impl SentAudio ===

impl SentAudio {
    pub fn milliseconds(&self) -> u64 {
        self.samples * 1_000 / u64::from(self.sample_rate).max(1)
    }
}

// === impl Counted ===

fn parts(counted: Counted) -> impl Stream<Item = Result<AudioChunk, Failure>> {
    stream::unfold(counted, |mut counted| async move {
        let sample_rate = counted.speaking.sample_rate;
        let samples = counted.speaking.next().await?.map_err(Failure::from);
        Some((samples.map(|samples| AudioChunk { sample_rate, samples }), counted))
    })
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.reader.count(self.characters, self.speaking.seconds(), self.speaking.cache.is_hit());
    }
}
