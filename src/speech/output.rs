//! Owns the way from samples to an answer: level, volume and rate of a sentence, the format of an answer, and the whole
//! of it where that is wanted or kept, within the memory that answers may hold.

use std::time::Instant;

use bytes::Bytes;

use super::SpeechError;
use super::entries::off_thread;
use super::level::Levelling;
use super::work::{RequestContext, SpeechParts};
use crate::audio::{Encoder, Limiter, Pcm, ResampleError, Resampler};
use crate::resilience::HeldBytes;
use crate::telemetry::{Stage, stage_span};

/// What happens to one sentence after the network.
pub struct Finish {
    volume: f32,
    sample_rate: u32,
    level: Finishing,
    /// Once its own rate is known.
    resampler: Option<Resampler>,
}

enum Finishing {
    AsTrained,
    /// After the change of rate, so that it is what is heard that has no higher peaks.
    Limited(Box<Limiter>),
    /// What has come of it.
    FullPeaks(Vec<Pcm>),
}

/// The answer's bytes.
pub struct AnswerOutput {
    pub encoder: Encoder,
    samples: u64,
    /// The whole, with room for its head; `None`: more than is wanted of it.
    body: Option<Vec<u8>>,
    /// Before what is sent after the head.
    body_at: usize,
    max_body: usize,
    /// It is an error if it cannot be kept.
    is_wanted: bool,
    /// For `body`.
    held: HeldBytes,
    parts: SpeechParts,
}

/// Samples that are copied at once; more take some tenths of a millisecond.
pub const COPIED_AT_ONCE: usize = 1 << 17;

/// Turns samples to bytes: where it is asked for if that `is_quick`, otherwise where it holds up nobody.
pub async fn run<T: Send + 'static>(
    is_quick: bool,
    encode: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SpeechError> {
    if is_quick { Ok(encode()) } else { off_thread(encode).await }
}

/// The same as a stage of `work`.
pub async fn encoded<T: Send + 'static>(
    work: &RequestContext,
    is_quick: bool,
    encode: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SpeechError> {
    let (metrics, span) = (work.parts().metrics.clone(), work.span.clone());
    let stage = move || {
        let began = Instant::now();
        let encoded = span.in_scope(|| stage_span!("encode").in_scope(encode));
        metrics.observe_stage(Stage::Encode, began.elapsed());
        encoded
    };
    run(is_quick, stage).await
}

// === impl Finish ===

impl Finish {
    pub fn new(levelling: Levelling, volume: f32, sample_rate: u32) -> Self {
        let level = match levelling {
            Levelling::AsTrained => Finishing::AsTrained,
            Levelling::Factor(factor) => Finishing::Limited(Box::new(Limiter::new(factor * volume, sample_rate))),
            Levelling::FullPeaks => Finishing::FullPeaks(Vec::new()),
        };
        Self { volume, sample_rate, level, resampler: None }
    }

    pub fn part(&mut self, part: Pcm) -> Result<Pcm, ResampleError> {
        let Self { volume, sample_rate, level, resampler } = self;
        let mut resampled = |part: &Pcm| at_rate(*sample_rate, part, resampler);
        match level {
            Finishing::AsTrained => resampled(&part.with_volume(*volume)),
            Finishing::Limited(limiter) => Ok(limiter.push(&resampled(&part)?)),
            Finishing::FullPeaks(parts) => {
                parts.push(part);
                Ok(Pcm { samples: [].into(), sample_rate: *sample_rate })
            }
        }
    }

    /// What is left when all parts have come.
    pub fn rest(&mut self) -> Result<Vec<Pcm>, ResampleError> {
        let Self { volume, sample_rate, level, resampler } = self;
        let mut left = Vec::new();
        if let Finishing::FullPeaks(parts) = level
            && !parts.is_empty()
        {
            let whole = Pcm::joined(&std::mem::take(parts)).at_full_level().with_volume(*volume);
            left.push(at_rate(*sample_rate, &whole, resampler)?);
        }
        left.extend(resampler.as_mut().map(Resampler::finish).transpose()?);
        if let Finishing::Limited(limiter) = level {
            left = left.iter().map(|part| limiter.push(part)).collect();
            left.push(limiter.finish());
        }
        Ok(left)
    }
}

fn at_rate(sample_rate: u32, part: &Pcm, resampler: &mut Option<Resampler>) -> Result<Pcm, ResampleError> {
    let resampler = match resampler {
        Some(resampler) => resampler,
        none => none.insert(Resampler::new(part.sample_rate, sample_rate)?),
    };
    resampler.push(part)
}

// === impl AnswerOutput ===

impl AnswerOutput {
    pub fn new(encoder: Encoder, max_body: Option<usize>, is_wanted: bool, parts: &SpeechParts) -> Self {
        let head = encoder.whole_head();
        Self {
            encoder,
            samples: 0,
            body_at: head.len(),
            body: max_body.map(|_| head),
            max_body: max_body.unwrap_or_default(),
            is_wanted,
            held: parts.settings.answers.hold_nothing(),
            parts: parts.clone(),
        }
    }

    /// Has memory for what the whole is expected to be.
    pub fn expect(&mut self, bytes: usize) -> Result<(), SpeechError> {
        self.hold(bytes.min(self.max_body).min(self.parts.settings.answers.limit()))
    }

    /// The whole, once it is finished, the place in it where what follows its head begins, and the memory that it
    /// holds.
    pub fn take_whole(&mut self) -> Option<(Bytes, usize, HeldBytes)> {
        let (head, mut whole) = (self.encoder.whole_head(), self.body.take()?);
        let body_at = head.len();
        // What a head says is known now; most are as long as they were.
        whole.splice(..self.body_at, head);
        let mut held = std::mem::replace(&mut self.held, self.parts.settings.answers.hold_nothing());
        held.shrink_to(whole.len());
        // It grew by doubling, and is kept for long: more than an eighth of it is not to be kept empty.
        if whole.capacity() - whole.len() > whole.len() / 8 {
            whole.shrink_to_fit();
        }
        Some((whole.into(), body_at, held))
    }

    pub fn push(&mut self, part: &Pcm) -> Result<Vec<u8>, SpeechError> {
        self.samples += part.samples.len() as u64;
        let bytes = self.encoder.push(part)?;
        self.collect(&bytes)?;
        Ok(bytes)
    }

    pub fn push_all(&mut self, parts: &[Pcm]) -> Result<Vec<u8>, SpeechError> {
        parts.iter().map(|part| self.push(part)).collect::<Result<Vec<_>, _>>().map(|bytes| bytes.concat())
    }

    pub fn finish(&mut self) -> Result<Vec<u8>, SpeechError> {
        let bytes = self.encoder.finish()?;
        self.collect(&bytes)?;
        Ok(bytes)
    }

    pub fn seconds(&self, sample_rate: u32) -> f64 {
        self.samples as f64 / f64::from(sample_rate)
    }

    fn collect(&mut self, bytes: &[u8]) -> Result<(), SpeechError> {
        let Some(length) = self.body.as_ref().map(|body| body.len() + bytes.len()) else { return Ok(()) };
        let room = if length > self.max_body { Err(SpeechError::TooLarge) } else { self.hold(length) };
        match (room, &mut self.body) {
            (Ok(()), Some(body)) => body.extend_from_slice(bytes),
            (Err(error), _) if self.is_wanted => return Err(error),
            _ => {
                self.body = None;
                self.held.shrink_to(0);
            }
        }
        Ok(())
    }

    /// Has memory for so much of the whole. The background is not refused, as few of it is under way at a time, and
    /// nobody reads it slowly.
    fn hold(&mut self, bytes: usize) -> Result<(), SpeechError> {
        let more = bytes.saturating_sub(self.held.bytes());
        if self.parts.pool.is_background() {
            self.held.grow_anyway(more);
            return Ok(());
        }
        self.held.grow(more).map_err(|error| if self.is_wanted { self.parts.refused(error) } else { error.into() })
    }
}
