//! Owns speech on its way: its parts in order, each as soon as it is there. A request has a few sentences under way at once, as many as could be
//! computed at the same time, and one ahead.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};

use super::SpeechError;
use super::entries::off_thread;
use super::service::{AudioSpec, CacheUse, answer_of};
use super::sources::Sources;
use super::work::Work;
use crate::audio::{Pcm, resample, silence};
use crate::cache::{CacheHandle, CacheKey};

/// Speech in parts. Dropping it drops what is not computed yet, unless others wait for it.
pub struct Speaking {
    pub sample_rate: u32,
    pub resampled: bool,
    pub cache: CacheUse,
    /// Of a hit.
    pub age: Option<Duration>,
    parts: BoxStream<'static, Result<Pcm, SpeechError>>,
    keeper: Option<Keeper>,
}

/// One sentence, and the silence before it.
pub type SpokenPart = Pcm;

/// Keeps the whole of what was said in parts, if it is not too much.
pub(super) struct Keeper {
    cache: CacheHandle,
    key: CacheKey,
    spec: AudioSpec,
    said: Vec<SpokenPart>,
    bytes: usize,
}

// === impl Speaking ===

impl Speaking {
    pub(super) fn begin(work: Arc<Work>, sources: Sources, sample_rate: Option<u32>, keeper: Option<Keeper>) -> Self {
        let native_rate = sources.plan.sample_rate;
        let sample_rate = sample_rate.unwrap_or(native_rate);
        let prosody = &work.request.prosody;
        let finish = Finish { volume: prosody.volume(), sample_rate, silence_ms: prosody.sentence_silence_ms() };
        let ahead = work.ahead();
        let age = sources.age();
        let parts = stream::iter(sources.sentences.into_iter().enumerate())
            .map(move |(index, source)| {
                let work = work.clone();
                async move {
                    let pcm = work.sentence(source, index).await?;
                    off_thread(move || finish.apply(pcm, index > 0)).await?
                }
            })
            .buffered(ahead)
            .boxed();
        Self { sample_rate, resampled: sample_rate != native_rate, cache: sources.cache, age, parts, keeper }
    }

    /// The next part; `None` at the end. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<SpokenPart, SpeechError>> {
        let part = self.parts.next().await;
        match &part {
            Some(Ok(part)) => {
                if self.keeper.as_mut().is_some_and(|keeper| !keeper.takes(part)) {
                    self.keeper = None;
                }
            }
            Some(Err(_)) => self.keeper = None,
            None => {
                if let Some(keeper) = self.keeper.take() {
                    keeper.keep(self.sample_rate, self.resampled, self.age.unwrap_or_default()).await;
                }
            }
        }
        part
    }

    /// All parts.
    pub async fn finish(mut self) -> Result<Vec<SpokenPart>, SpeechError> {
        let mut parts = Vec::new();
        while let Some(part) = self.next().await {
            parts.push(part?);
        }
        Ok(parts)
    }
}

// === impl Keeper ===

impl Keeper {
    pub fn new(cache: CacheHandle, key: CacheKey, spec: AudioSpec) -> Self {
        Self { cache, key, spec, said: Vec::new(), bytes: 0 }
    }

    /// False: it would be too much.
    fn takes(&mut self, part: &SpokenPart) -> bool {
        self.bytes += 2 * part.samples.len();
        self.said.push(part.clone());
        self.bytes <= self.cache.max_entry_bytes()
    }

    async fn keep(self, sample_rate: u32, resampled: bool, age: Duration) {
        let (spec, said) = (self.spec, self.said);
        if let Ok(answer) = off_thread(move || answer_of(spec.format, sample_rate, resampled, &said, age)).await {
            self.cache.keep_answer(self.key, answer);
        }
    }
}

/// What happens to a sentence after the network.
#[derive(Clone, Copy)]
struct Finish {
    volume: f32,
    sample_rate: u32,
    silence_ms: u32,
}

impl Finish {
    fn apply(self, pcm: Pcm, has_sentence_before: bool) -> Result<Pcm, SpeechError> {
        let pcm = resample(&pcm.with_volume(self.volume), self.sample_rate)?;
        if !has_sentence_before || self.silence_ms == 0 {
            return Ok(pcm);
        }
        let pause = silence(self.silence_ms, self.sample_rate);
        Ok(Pcm { samples: [&pause.samples[..], &pcm.samples[..]].concat().into(), ..pcm })
    }
}
