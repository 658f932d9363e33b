//! Owns the order in which waiting sentences are computed: fair between requests, earliest deadline first among equals.
//!
//! Start-time fair queueing (Goyal, Vin, Cheng, 1996) with all sentences counted alike: the n-th sentence that a request puts in gets the tag
//! `max(now, tag of its sentence before) + 1`, where `now` is the tag of what was computed last; the lowest tag goes next. A request that
//! has had much waits for one that has had little, so a text of a hundred sentences delays one of a single sentence by no more than what is
//! being computed already; and as `now` moves on, the long one is never starved.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::Deadline;

/// What a request has had so far. Clones are the same request.
#[derive(Debug, Clone, Default)]
pub struct Share(Arc<AtomicU64>);

/// Waiting items, next first.
#[derive(Debug)]
pub struct FairQueue<T> {
    items: BTreeMap<Place, T>,
    now: u64,
    pushed: u64,
}

/// Tag, deadline, order of arrival.
type Place = (u64, Deadline, u64);

// === impl FairQueue ===

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), now: 0, pushed: 0 }
    }
}

impl<T> FairQueue<T> {
    pub fn push(&mut self, share: &Share, deadline: Deadline, item: T) {
        let tag = self.now.max(share.0.load(Ordering::Relaxed)) + 1;
        share.0.store(tag, Ordering::Relaxed);
        self.pushed += 1;
        self.items.insert((tag, deadline, self.pushed), item);
    }

    pub fn pop(&mut self) -> Option<T> {
        let ((tag, ..), item) = self.items.pop_first()?;
        self.now = self.now.max(tag);
        Some(item)
    }

    /// Takes out what `keep` does not want to keep.
    pub fn drop_unless(&mut self, mut keep: impl FnMut(&T) -> bool) -> Vec<T> {
        self.items.extract_if(.., |_, item| !keep(item)).map(|(_, item)| item).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn in_seconds(seconds: u64) -> Deadline {
        Deadline::after(Duration::from_secs(seconds))
    }

    fn drain(queue: &mut FairQueue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn a_short_request_does_not_wait_for_a_long_one() {
        let (long, short) = (Share::default(), Share::default());
        let deadline = in_seconds(30);
        let mut queue = FairQueue::default();
        for _ in 0..3 {
            queue.push(&long, deadline, "long");
        }
        queue.pop();

        queue.push(&short, deadline, "short");
        queue.push(&short, deadline, "short");

        assert_eq!(drain(&mut queue), ["long", "short", "long", "short"]);
    }

    #[test]
    fn what_is_due_first_goes_first_among_equals() {
        let mut queue = FairQueue::default();
        queue.push(&Share::default(), in_seconds(30), "later");
        queue.push(&Share::default(), in_seconds(10), "sooner");

        assert_eq!(drain(&mut queue), ["sooner", "later"]);
    }

    #[test]
    fn a_stream_of_new_requests_does_not_starve_an_old_one() {
        let old = Share::default();
        let mut queue = FairQueue::default();
        for _ in 0..2 {
            queue.push(&old, in_seconds(30), "old");
        }

        let mut served = Vec::new();
        for _ in 0..4 {
            queue.push(&Share::default(), in_seconds(10), "new");
            served.extend(queue.pop());
        }

        assert!(served.contains(&"old"), "{served:?}");
    }

    #[test]
    fn unwanted_items_are_taken_out_wherever_they_wait() {
        let share = Share::default();
        let mut queue = FairQueue::default();
        for item in ["a", "b", "a"] {
            queue.push(&share, in_seconds(1), item);
        }

        assert_eq!(queue.drop_unless(|item| *item == "b"), ["a", "a"]);
        assert_eq!(drain(&mut queue), ["b"]);
    }
}
