//! Owns the cache within this process: finished answers and entries, under one budget of bytes, each for its time to
//! live.

use std::time::{Duration, Instant};

use moka::Expiry;
use moka::sync::Cache;

use super::{Answer, CacheEntry, CacheKey};
use crate::resilience::{ByteBudget, HoldSource, SharedHold};

/// The cache in memory. A clone is another handle to it.
#[derive(Clone)]
pub struct L1 {
    kept: Cache<CacheKey, Kept>,
    max_entry_bytes: usize,
}

#[derive(Clone)]
struct Kept {
    what: What,
    lender: HoldSource,
}

#[derive(Clone)]
enum What {
    Answer(Answer),
    Entry(CacheEntry),
}

/// What was made earlier elsewhere is kept for what remains of its time.
struct SinceMade(Duration);

/// What an entry costs beside its bytes: key, value, moka's own.
const OVERHEAD_BYTES: usize = 256;

// === impl L1 ===

impl L1 {
    /// `on_eviction` is called for each entry that goes before anybody replaced it. What goes and is still read counts
    /// to `answers`.
    pub fn new(
        bytes: u64,
        max_entry_bytes: usize,
        ttl: Duration,
        answers: ByteBudget,
        on_eviction: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let kept = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, kept: &Kept| u32::try_from(kept.bytes() + OVERHEAD_BYTES).unwrap_or(u32::MAX))
            .expire_after(SinceMade(ttl))
            .eviction_listener(move |_, gone: Kept, cause| {
                gone.lender.let_go(&answers, gone.bytes());
                if cause.was_evicted() {
                    on_eviction();
                }
            })
            .build();
        Self { kept, max_entry_bytes }
    }

    pub fn answer(&self, key: &CacheKey) -> Option<Answer> {
        let Kept { what: What::Answer(answer), lender } = self.kept.get(key)? else { return None };
        Some(Answer { loan: lender.lend(), ..answer })
    }

    pub fn entry(&self, key: &CacheKey) -> Option<CacheEntry> {
        let Kept { what: What::Entry(entry), lender } = self.kept.get(key)? else { return None };
        Some(CacheEntry { loan: lender.lend(), ..entry })
    }

    pub fn keep_answer(&self, key: CacheKey, answer: Answer) {
        self.keep(key, What::Answer(Answer { loan: SharedHold::default(), ..answer }));
    }

    pub fn keep_entry(&self, key: CacheKey, entry: CacheEntry) {
        self.keep(key, What::Entry(CacheEntry { loan: SharedHold::default(), ..entry }));
    }

    /// About; what was just added or removed may not be counted yet.
    pub fn bytes(&self) -> u64 {
        self.kept.weighted_size()
    }

    pub fn entries(&self) -> u64 {
        self.kept.entry_count()
    }

    fn keep(&self, key: CacheKey, what: What) {
        let kept = Kept { what, lender: HoldSource::default() };
        if kept.bytes() <= self.max_entry_bytes {
            self.kept.insert(key, kept);
        }
    }
}

// === impl Kept ===

impl Kept {
    fn bytes(&self) -> usize {
        match &self.what {
            What::Answer(answer) => answer.audio.len(),
            What::Entry(entry) => entry.payload.len(),
        }
    }

    fn age(&self) -> Duration {
        match &self.what {
            What::Answer(answer) => answer.age(),
            What::Entry(entry) => entry.age(),
        }
    }
}

impl Expiry<CacheKey, Kept> for SinceMade {
    fn expire_after_create(&self, _: &CacheKey, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(self.0.saturating_sub(kept.age()))
    }

    fn expire_after_update(&self, _: &CacheKey, kept: &Kept, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(self.0.saturating_sub(kept.age()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use bytes::Bytes;

    use super::*;
    use crate::cache::KeyBuilder;

    const DAY: Duration = Duration::from_hours(24);

    fn key(number: u32) -> CacheKey {
        KeyBuilder::new("test").part("number", number.to_le_bytes()).finish()
    }

    fn answer(bytes: usize) -> Answer {
        let audio = Bytes::from(vec![1; bytes]);
        Answer {
            audio,
            stream_head: Bytes::new(),
            body_at: 0,
            sample_rate: 8_000,
            seconds: 1.0,
            resampled: false,
            missing: None,
            made_at: SystemTime::now(),
            loan: SharedHold::default(),
        }
    }

    fn budget() -> ByteBudget {
        ByteBudget::new(1 << 20)
    }

    #[test]
    fn a_hit_shares_the_bytes() {
        let l1 = L1::new(1 << 20, 1 << 20, DAY, budget(), || {});
        let kept = answer(1_000);
        l1.keep_answer(key(1), kept.clone());

        let found = l1.answer(&key(1)).unwrap();

        assert_eq!(found.audio.as_ptr(), kept.audio.as_ptr());
        assert!(l1.entry(&key(1)).is_none() && l1.answer(&key(2)).is_none());
    }

    #[test]
    fn a_hundred_thousand_answers_stay_within_the_limit() {
        const LIMIT: u64 = 1 << 20;
        let l1 = L1::new(LIMIT, 1 << 20, DAY, budget(), || {});
        let bytes = Bytes::from(vec![1; 1_000]);

        for number in 0..100_000 {
            l1.keep_answer(key(number), Answer { audio: bytes.clone(), ..answer(0) });
        }
        l1.kept.run_pending_tasks();

        assert!(l1.kept.weighted_size() <= LIMIT, "{} bytes", l1.kept.weighted_size());
        assert!(l1.kept.entry_count() > 500, "{} answers", l1.kept.entry_count());
    }

    #[test]
    fn what_is_let_go_and_still_read_counts_until_it_is_read() {
        let answers = budget();
        let l1 = L1::new(1 << 20, 1 << 20, DAY, answers.clone(), || {});
        for number in 1..=2 {
            l1.keep_answer(key(number), answer(1_000));
        }
        let read = l1.answer(&key(1)).unwrap();
        assert_eq!(answers.held(), 0, "what L1 has is counted there");

        for number in 1..=2 {
            l1.kept.invalidate(&key(number));
        }
        l1.kept.run_pending_tasks();

        assert_eq!(answers.held(), 1_000);
        drop(read);
        assert_eq!(answers.held(), 0);
    }

    #[test]
    fn what_is_larger_than_an_entry_may_be_is_not_kept() {
        let l1 = L1::new(1 << 20, 100, DAY, budget(), || {});

        l1.keep_answer(key(1), answer(101));
        l1.keep_answer(key(2), answer(100));

        assert!(l1.answer(&key(1)).is_none() && l1.answer(&key(2)).is_some());
    }

    #[test]
    fn what_was_made_longer_ago_than_its_time_is_not_found() {
        let l1 = L1::new(1 << 20, 1 << 20, DAY, budget(), || {});
        let old = |age| CacheEntry {
            payload: Bytes::from_static(b"old"),
            made_at: SystemTime::now() - age,
            loan: SharedHold::default(),
        };

        l1.keep_entry(key(1), old(DAY));
        l1.keep_entry(key(2), old(DAY / 2));

        assert!(l1.entry(&key(1)).is_none() && l1.entry(&key(2)).is_some());
    }
}
