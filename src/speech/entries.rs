//! Owns what the cache's entries hold: a sentence is its samples at the voice's own rate, as FLAC; a plan is that rate and the keys of a text's
//! sentences, so that neither the phonemizer nor the voice is needed to find them.

use std::sync::Arc;

use super::SpeechError;
use super::plan::PlannedSentence;
use crate::audio::{FlacError, Pcm, from_flac, to_flac};
use crate::cache::{CacheKey, Entry};

/// The sentences of a text, in its order. A clone shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The voice's own, in hertz.
    pub sample_rate: u32,
    pub sentences: Arc<[CacheKey]>,
}

const RATE_BYTES: usize = 4;

// === impl Plan ===

impl Plan {
    pub fn of(sentences: &[PlannedSentence], sample_rate: u32) -> Self {
        Self { sample_rate, sentences: sentences.iter().map(|sentence| sentence.key).collect() }
    }

    pub fn to_entry(&self) -> Entry {
        let keys = self.sentences.iter().flat_map(|key| *key.as_bytes());
        Entry::new(self.sample_rate.to_le_bytes().into_iter().chain(keys).collect::<Vec<u8>>())
    }

    /// `None`: the entry holds no plan.
    pub fn from_entry(entry: &Entry) -> Option<Self> {
        let (rate, keys) = entry.payload.split_first_chunk::<RATE_BYTES>()?;
        let (keys, rest) = keys.as_chunks::<{ CacheKey::BYTES }>();
        rest.is_empty().then(|| Self {
            sample_rate: u32::from_le_bytes(*rate),
            sentences: keys.iter().map(|key| CacheKey::from_bytes(*key)).collect(),
        })
    }
}

/// Takes time: not for an async thread.
pub fn sentence_to_entry(pcm: &Pcm) -> Result<Entry, FlacError> {
    to_flac(pcm).map(Entry::new)
}

pub fn sentence_from_entry(entry: &Entry) -> Result<Pcm, FlacError> {
    from_flac(&entry.payload)
}

/// Runs what takes more than half a millisecond where it holds up nobody.
pub async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SpeechError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| SpeechError::Failed("computing audio panicked".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::KeyBuilder;

    #[test]
    fn a_plan_comes_back_as_it_was() {
        let key = |name: &str| KeyBuilder::new("test").part("name", name).finish();
        for sentences in [vec![], vec![key("a")], vec![key("a"), key("b"), key("a")]] {
            let plan = Plan { sample_rate: 22_050, sentences: sentences.into() };

            assert_eq!(Plan::from_entry(&plan.to_entry()), Some(plan));
        }
        assert_eq!(Plan::from_entry(&Entry::new(vec![0; 3])), None);
        assert_eq!(Plan::from_entry(&Entry::new(vec![0; 35])), None);
    }
}
