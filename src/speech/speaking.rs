//! Owns speech on its way: its parts in order, each as soon as it is there. A request has a few sentences under way at once, as many as could be
//! computed at the same time, and one ahead.

use std::collections::VecDeque;
use std::iter::Enumerate;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec;

use super::SpeechError;
use super::entries::off_thread;
use super::sentence::SpokenSentence;
use super::service::{AudioSpec, CacheUse, answer_of};
use super::sources::Sources;
use super::work::{Source, Work};
use crate::audio::{Pcm, Resampler, silence};
use crate::cache::{CacheHandle, CacheKey};

/// Speech in parts. Dropping it drops what is not computed yet, unless others wait for it.
pub struct Speaking {
    pub sample_rate: u32,
    pub resampled: bool,
    pub cache: CacheUse,
    /// Of a hit.
    pub age: Option<Duration>,
    work: Arc<Work>,
    native_rate: u32,
    to_begin: Enumerate<vec::IntoIter<Source>>,
    /// The first of them is being sent.
    under_way: VecDeque<(SpokenSentence, Arc<Mutex<Finish>>)>,
    keeper: Option<Keeper>,
}

/// As much of the answer as comes at once: a stretch of a sentence, a whole one, the silence before one.
pub type SpokenPart = Pcm;

/// Keeps the whole of what was said in parts, if it is not too much.
pub(super) struct Keeper {
    cache: CacheHandle,
    key: CacheKey,
    spec: AudioSpec,
    said: Vec<SpokenPart>,
    bytes: usize,
}

/// What happens to one sentence after the network.
struct Finish {
    volume: f32,
    /// The silence before it, until that is sent.
    silence_ms: u32,
    sample_rate: u32,
    resampler: Resampler,
}

// === impl Speaking ===

impl Speaking {
    pub(super) fn begin(work: Arc<Work>, sources: Sources, sample_rate: Option<u32>, keeper: Option<Keeper>) -> Self {
        let native_rate = sources.plan.sample_rate;
        let sample_rate = sample_rate.unwrap_or(native_rate);
        Self {
            sample_rate,
            resampled: sample_rate != native_rate,
            cache: sources.cache,
            age: sources.age(),
            work,
            native_rate,
            to_begin: sources.sentences.into_iter().enumerate(),
            under_way: VecDeque::new(),
            keeper,
        }
    }

    /// The next part; `None` at the end. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<SpokenPart, SpeechError>> {
        let part = self.next_part().await.transpose();
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

    async fn next_part(&mut self) -> Result<Option<SpokenPart>, SpeechError> {
        loop {
            self.begin_ahead()?;
            let Some((sentence, finish)) = self.under_way.front_mut() else { return Ok(None) };
            let part = if let Some(part) = sentence.next().await.transpose()? {
                let finish = finish.clone();
                off_thread(move || lock(&finish).part(part)).await??
            } else {
                let rest = lock(finish).resampler.finish()?;
                self.under_way.pop_front();
                rest
            };
            if !part.samples.is_empty() {
                return Ok(Some(part));
            }
        }
    }

    fn begin_ahead(&mut self) -> Result<(), SpeechError> {
        let prosody = &self.work.request.prosody;
        while self.under_way.len() < self.work.ahead()
            && let Some((index, source)) = self.to_begin.next()
        {
            let finish = Finish {
                volume: prosody.volume(),
                silence_ms: if index == 0 { 0 } else { prosody.sentence_silence_ms() },
                sample_rate: self.sample_rate,
                resampler: Resampler::new(self.native_rate, self.sample_rate)?,
            };
            let sentence = SpokenSentence::begin(&self.work, source, index);
            self.under_way.push_back((sentence, Arc::new(Mutex::new(finish))));
        }
        Ok(())
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

fn lock(finish: &Mutex<Finish>) -> MutexGuard<'_, Finish> {
    finish.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Finish ===

impl Finish {
    fn part(&mut self, part: Pcm) -> Result<SpokenPart, SpeechError> {
        let silence = silence(std::mem::take(&mut self.silence_ms), self.sample_rate);
        let part = self.resampler.push(&part.with_volume(self.volume))?;
        Ok(if silence.samples.is_empty() { part } else { Pcm::joined(&[silence, part]) })
    }
}
