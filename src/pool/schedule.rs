//! Owns the order in which waiting units of work are computed: those that somebody waits for before those of the background, fair between
//! requests, earliest deadline first among equals, and within a request what comes first in its text.
//!
//! Start-time fair queueing (Goyal, Vin, Cheng, 1996) with all units counted alike: the n-th unit that a request puts in gives it a turn with
//! the tag `max(now, tag of its turn before) + 1`, where `now` is the tag of the last turn taken; the lowest tag goes next. A request that
//! has had much waits for one that has had little, so a text of a hundred sentences delays one of a single sentence by no more than what is
//! being computed already; and as `now` moves on, the long one is never starved. Which of its units a request spends its turn on is its own
//! affair: it computes what is heard first, however late that was put in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::Deadline;

/// Who waits for a request. What comes first here is computed first, however much of the other waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Somebody, now.
    #[default]
    Interactive,
    /// Nobody: it has the workers that are idle.
    Background,
}

/// What a request has had so far. Clones are the same request.
#[derive(Debug, Clone, Default)]
pub struct Share {
    class: Class,
    tag: Arc<AtomicU64>,
}

/// Where in a request's sound something belongs: sentence, frame.
pub type Position = (usize, usize);

/// Waiting items, next first.
#[derive(Debug)]
pub struct FairQueue<T> {
    /// As many of each request as it has items waiting.
    turns: BTreeMap<Turn, Share>,
    items: BTreeMap<Place, T>,
    now: u64,
    pushed: u64,
}

/// Class, tag, deadline, order of arrival.
type Turn = (Class, u64, Deadline, u64);

/// Request, position in it, order of arrival.
type Place = (usize, Position, u64);

// === impl Share ===

impl Share {
    pub fn of(class: Class) -> Self {
        Self { class, ..Self::default() }
    }

    pub fn class(&self) -> Class {
        self.class
    }

    /// Unlike that of any other request that waits.
    fn id(&self) -> usize {
        Arc::as_ptr(&self.tag).addr()
    }
}

// === impl FairQueue ===

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { turns: BTreeMap::new(), items: BTreeMap::new(), now: 0, pushed: 0 }
    }
}

impl<T> FairQueue<T> {
    pub fn push(&mut self, share: &Share, deadline: Deadline, position: Position, item: T) {
        let tag = self.now.max(share.tag.load(Ordering::Relaxed)) + 1;
        share.tag.store(tag, Ordering::Relaxed);
        self.pushed += 1;
        self.turns.insert((share.class, tag, deadline, self.pushed), share.clone());
        self.items.insert((share.id(), position, self.pushed), item);
    }

    /// Of what comes next.
    pub fn next_class(&self) -> Option<Class> {
        self.turns.keys().next().map(|(class, ..)| *class)
    }

    pub fn pop(&mut self) -> Option<T> {
        let ((_, tag, ..), share) = self.turns.pop_first()?;
        self.now = self.now.max(tag);
        let place = *self.items.range((share.id(), (0, 0), 0)..).next()?.0;
        self.items.remove(&place)
    }

    /// Takes out what `keep` does not want to keep, and the last turns of the requests that it belongs to.
    pub fn drop_unless(&mut self, mut keep: impl FnMut(&T) -> bool) -> Vec<T> {
        let dropped: Vec<(Place, T)> = self.items.extract_if(.., |_, item| !keep(item)).collect();
        for ((request, ..), _) in &dropped {
            let last = self.turns.iter().rev().find(|(_, share)| share.id() == *request).map(|(turn, _)| *turn);
            if let Some(turn) = last {
                self.turns.remove(&turn);
            }
        }
        dropped.into_iter().map(|(_, item)| item).collect()
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
            queue.push(&long, deadline, (0, 0), "long");
        }
        queue.pop();

        queue.push(&short, deadline, (0, 0), "short");
        queue.push(&short, deadline, (0, 0), "short");

        assert_eq!(drain(&mut queue), ["long", "short", "long", "short"]);
    }

    #[test]
    fn within_a_request_what_comes_first_in_its_text_goes_first() {
        let (text, other) = (Share::default(), Share::default());
        let deadline = in_seconds(30);
        let mut queue = FairQueue::default();
        queue.push(&text, deadline, (1, 0), "beginning of the second");
        queue.push(&other, deadline, (0, 0), "other");
        queue.push(&text, deadline, (0, 0), "first stretch of the first");
        queue.push(&text, deadline, (0, 0), "second stretch of the first");

        assert_eq!(
            drain(&mut queue),
            ["first stretch of the first", "other", "second stretch of the first", "beginning of the second"]
        );
    }

    #[test]
    fn what_is_due_first_goes_first_among_equals() {
        let mut queue = FairQueue::default();
        queue.push(&Share::default(), in_seconds(30), (0, 0), "later");
        queue.push(&Share::default(), in_seconds(10), (0, 0), "sooner");

        assert_eq!(drain(&mut queue), ["sooner", "later"]);
    }

    #[test]
    fn a_stream_of_new_requests_does_not_starve_an_old_one() {
        let old = Share::default();
        let mut queue = FairQueue::default();
        for _ in 0..2 {
            queue.push(&old, in_seconds(30), (0, 0), "old");
        }

        let mut served = Vec::new();
        for _ in 0..4 {
            queue.push(&Share::default(), in_seconds(10), (0, 0), "new");
            served.extend(queue.pop());
        }

        assert!(served.contains(&"old"), "{served:?}");
    }

    #[test]
    fn the_background_waits_for_everybody() {
        let (bulk, other) = (Share::of(Class::Background), Share::of(Class::Background));
        let mut queue = FairQueue::default();
        for item in ["bulk", "bulk"] {
            queue.push(&bulk, in_seconds(1), (0, 0), item);
        }
        queue.push(&other, in_seconds(1), (0, 0), "other");

        let caller = Share::default();
        queue.push(&caller, in_seconds(30), (0, 0), "caller");
        queue.push(&caller, in_seconds(30), (0, 0), "caller");

        assert_eq!(drain(&mut queue), ["caller", "caller", "bulk", "other", "bulk"]);
    }

    #[test]
    fn unwanted_items_are_taken_out_wherever_they_wait() {
        let share = Share::default();
        let mut queue = FairQueue::default();
        for item in ["a", "b", "a"] {
            queue.push(&share, in_seconds(1), (0, 0), item);
        }

        assert_eq!(queue.drop_unless(|item| *item == "b"), ["a", "a"]);
        assert_eq!(drain(&mut queue), ["b"]);
        assert!(queue.turns.is_empty() && queue.items.is_empty());
    }
}
