//! Speech on its way to a caller: kept, or made as it is taken.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::SpeechError;
use super::assembly::AnswerAssembler;
use super::timing::Placed;
use super::types::{CacheUse, FirstAudioTimer, WholeSpeech};
use crate::cache::{Answer, CacheKey};

/// Speech in parts, made or kept. Dropping it drops what is not computed yet, unless others wait for it.
pub struct SpeechStream {
    /// The answer's name, under which it would be the same again.
    pub key: Option<CacheKey>,
    pub sample_rate: u32,
    pub cache: CacheUse,
    /// Of a hit.
    pub age: Option<Duration>,
    /// Phonemes that a voice lacks and leaves out, as far as it is known.
    pub missing: Option<Arc<str>>,
    /// Until the first part.
    waiting: Option<FirstAudioTimer>,
    way: AnswerOrigin,
}

enum AnswerOrigin {
    /// The rest of an answer.
    Kept {
        answer: Answer,
        left: Bytes,
    },
    Made(Box<AnswerAssembler>),
}

/// Of what is kept and sent as a stream.
const PART_BYTES: usize = 64 << 10;

// === impl SpeechStream ===

impl SpeechStream {
    /// What is kept, as it would be made.
    pub(super) fn kept(answer: Answer, key: CacheKey, waiting: FirstAudioTimer) -> Self {
        let (sample_rate, age) = (answer.sample_rate, Some(answer.age()));
        let (left, missing) = (answer.body(), answer.missing.clone());
        let way = AnswerOrigin::Kept { answer, left };
        Self { key: Some(key), sample_rate, cache: CacheUse::HitL1, age, missing, waiting: Some(waiting), way }
    }

    pub(super) fn made(
        assembler: AnswerAssembler,
        cache: CacheUse,
        key: Option<CacheKey>,
        waiting: FirstAudioTimer,
    ) -> Self {
        let (sample_rate, age, missing) = (assembler.sample_rate(), assembler.age(), assembler.missing());
        Self {
            key,
            sample_rate,
            cache,
            age,
            missing,
            waiting: Some(waiting),
            way: AnswerOrigin::Made(Box::new(assembler)),
        }
    }

    /// What a stream begins with.
    pub fn head(&self) -> Bytes {
        match &self.way {
            AnswerOrigin::Kept { answer, .. } => answer.stream_head.clone(),
            AnswerOrigin::Made(assembler) => assembler.stream_head(),
        }
    }

    /// The next bytes after the head; `None` at the end. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<Bytes, SpeechError>> {
        let part = match &mut self.way {
            AnswerOrigin::Kept { left, .. } => {
                let length = left.len().min(PART_BYTES);
                (length > 0).then(|| Ok(left.split_to(length)))
            }
            AnswerOrigin::Made(assembler) => assembler.next().await,
        };
        if let (Some(Ok(_)), Some(waiting)) = (&part, self.waiting.take()) {
            waiting.end(self.cache);
            if let AnswerOrigin::Made(assembler) = &self.way {
                assembler.begin_answer();
            }
        }
        part
    }

    /// The whole answer, if it was kept; then nothing is left to be sent.
    pub fn take_kept(&mut self) -> Option<WholeSpeech> {
        let AnswerOrigin::Kept { answer, left } = &mut self.way else { return None };
        left.clear();
        self.waiting.take().into_iter().for_each(|waiting| waiting.end(self.cache));
        Some(WholeSpeech { answer: answer.clone(), cache: self.cache, key: self.key })
    }

    /// The sentences whose sound has begun, as far as they tell how long their ids last.
    pub(super) fn placed(&self) -> &[Placed] {
        match &self.way {
            AnswerOrigin::Kept { .. } => &[],
            AnswerOrigin::Made(assembler) => assembler.placed(),
        }
    }

    /// Of the sound so far.
    pub fn seconds(&self) -> f64 {
        match &self.way {
            AnswerOrigin::Kept { answer, .. } => answer.seconds,
            AnswerOrigin::Made(assembler) => assembler.seconds(),
        }
    }
}

impl AsRef<Self> for SpeechStream {
    fn as_ref(&self) -> &Self {
        self
    }
}
