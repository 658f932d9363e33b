//! Owns the content of the cache's entries: a sentence is how long its phoneme ids last and its samples at the
//! voice's own rate, packed; a plan is that rate and the keys of a text's
//! sentences, so that neither the phonemizer nor the voice is needed to find them.

use std::sync::Arc;

use super::SpeechError;
use super::plan::PlannedSentence;
use crate::audio::{MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Pcm, from_packed, to_packed};
use crate::cache::{CacheEntry, CacheKey};
use crate::pool::Stretch;

/// The sentences of a text, in its order. A clone shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The voice's own, in hertz.
    pub sample_rate: u32,
    pub sentences: Arc<[PlanItem]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanItem {
    pub key: CacheKey,
    /// The number of the passage that it is of.
    pub passage: u32,
}

const RATE_BYTES: usize = 4;
/// Of a number of ids, of an id's duration, and of a passage's number.
const COUNT_BYTES: usize = 4;

// === impl Plan ===

impl Plan {
    pub fn of(sentences: &[PlannedSentence], sample_rate: u32) -> Self {
        let items = sentences.iter().map(|sentence| PlanItem { key: sentence.key, passage: sentence.passage as u32 });
        Self { sample_rate, sentences: items.collect() }
    }

    pub fn to_entry(&self) -> CacheEntry {
        let mut payload = self.sample_rate.to_le_bytes().to_vec();
        for PlanItem { key, passage } in &*self.sentences {
            payload.extend_from_slice(key.as_bytes());
            payload.extend_from_slice(&passage.to_le_bytes());
        }
        CacheEntry::new(payload)
    }

    /// `None`: the entry holds no plan.
    pub fn from_entry(entry: &CacheEntry) -> Option<Self> {
        let (rate, items) = entry.payload.split_first_chunk::<RATE_BYTES>()?;
        let (items, rest) = items.as_chunks::<{ CacheKey::BYTES + COUNT_BYTES }>();
        let item = |item: &[u8; CacheKey::BYTES + COUNT_BYTES]| {
            let (key, passage) = item.split_first_chunk()?;
            Some(PlanItem { key: CacheKey::from_bytes(*key), passage: u32::from_le_bytes(passage.try_into().ok()?) })
        };
        let sentences = items.iter().map(item).collect::<Option<_>>()?;
        let sample_rate = u32::from_le_bytes(*rate);
        (rest.is_empty() && is_rate(sample_rate)).then_some(Self { sample_rate, sentences })
    }
}

/// Takes time: not for an async thread.
pub fn sentence_to_entry(stretches: &[Stretch]) -> CacheEntry {
    let parts: Vec<Pcm> = stretches.iter().map(|stretch| stretch.pcm.clone()).collect();
    let durations = stretches.iter().find_map(|stretch| stretch.durations.as_deref()).unwrap_or_default();
    let mut payload = (durations.len() as u32).to_le_bytes().to_vec();
    payload.extend(durations.iter().flat_map(|samples| samples.to_le_bytes()));
    payload.extend(to_packed(&Pcm::joined(&parts)));
    CacheEntry::new(payload)
}

/// The whole sentence. Takes time too. `None`: the entry holds none.
pub fn sentence_from_entry(entry: &CacheEntry) -> Option<Stretch> {
    let (count, rest) = entry.payload.split_first_chunk::<COUNT_BYTES>()?;
    let (durations, packed) = rest.split_at_checked(COUNT_BYTES * u32::from_le_bytes(*count) as usize)?;
    let durations = durations.as_chunks::<COUNT_BYTES>().0.iter().map(|samples| u32::from_le_bytes(*samples));
    let durations = Some(durations.collect()).filter(|durations: &Arc<[u32]>| !durations.is_empty());
    let pcm = from_packed(packed).filter(|pcm| is_rate(pcm.sample_rate))?;
    Some(Stretch { pcm, durations })
}

/// Whether a voice can have it. Whoever writes to Redis can write entries.
fn is_rate(sample_rate: u32) -> bool {
    (MIN_SAMPLE_RATE..=MAX_SAMPLE_RATE).contains(&sample_rate)
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
    fn a_sentence_comes_back_whole_with_its_durations() {
        let pcm = |samples: Vec<i16>| Pcm { samples: samples.into(), sample_rate: 22_050 };
        let wave = |from: i16, to: i16| pcm((from..to).map(|at| at % 100 * 50).collect());
        for durations in [None, Some([3_000, 2_000].into())] {
            let stretches = [
                Stretch { pcm: wave(0, 2_000), durations: durations.clone() },
                Stretch { pcm: wave(2_000, 5_000), durations: None },
            ];

            let entry = sentence_to_entry(&stretches);

            assert_eq!(sentence_from_entry(&entry), Some(Stretch { pcm: wave(0, 5_000), durations }));
        }
    }

    #[test]
    fn what_holds_no_sentence_is_none() {
        for payload in [vec![], vec![1, 0, 0], vec![255; 8], vec![1, 0, 0, 0, 9], vec![0; 12]] {
            assert_eq!(sentence_from_entry(&CacheEntry::new(payload)), None);
        }
    }

    #[test]
    fn a_plan_comes_back_as_it_was() {
        let key = |name: &str| PlanItem {
            key: KeyBuilder::new("test").part("name", name).finish(),
            passage: name.len() as u32,
        };
        for sentences in [vec![], vec![key("a")], vec![key("a"), key("bb"), key("a")]] {
            let plan = Plan { sample_rate: 22_050, sentences: sentences.into() };

            assert_eq!(Plan::from_entry(&plan.to_entry()), Some(plan));
        }
        for sample_rate in [0, 7_999, 48_001, u32::MAX] {
            let plan = Plan { sample_rate, sentences: Arc::new([]) };
            assert_eq!(Plan::from_entry(&plan.to_entry()), None, "{sample_rate}");
        }
        assert_eq!(Plan::from_entry(&CacheEntry::new(vec![0; 3])), None);
        assert_eq!(Plan::from_entry(&CacheEntry::new(vec![0; 36])), None);
    }
}
