//! Owns the order in which waiting units of work are computed: those that somebody waits for before those of the background, fair between
//! callers, and between the requests of each, earliest deadline first among equals, and within a request what comes first in its text.
//!
//! Start-time fair queueing (Goyal, Vin, Cheng, 1996) with all units counted alike: the n-th unit that a caller puts in gives it a turn with
//! the tag `max(now, tag of its turn before) + 1`, where `now` is the tag of the last turn taken; the lowest tag goes next. A caller that
//! was quiet while others took turns has as many saved up, to those of a sentence: for it `now` is [`SAVED_TURNS`] earlier. So a flood of one caller
//! delays a sentence of another, who asks now and then, by no more than what is being computed already, each time that this has nothing waiting. The
//! one with much waits for what others have saved up, which is soon spent, and is never starved. Which of its requests has a caller's turn is found in the same way among these, but nothing is
//! saved up, so that a text of a hundred sentences does not hold back another of a single one. Which of its units a request spends its turn on is its
//! own affair: it computes what is heard first, however late that was put in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

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

/// What a caller has had so far. Clones are the same caller.
#[derive(Debug, Clone, Default)]
pub struct CallerShare(Arc<CallerTags>);

#[derive(Debug, Default)]
struct CallerTags {
    tag: AtomicU64,
    /// The tag of the last turn that one of its requests took.
    now: AtomicU64,
    /// Places that its requests have in the pool.
    held: AtomicUsize,
    is_one_of_many: bool,
}

/// What a request has had so far. Clones are the same request.
#[derive(Debug, Clone, Default)]
pub struct Share {
    class: Class,
    caller: CallerShare,
    tag: Arc<AtomicU64>,
}

/// Where in a request's sound something belongs: sentence, frame.
pub type Position = (usize, usize);

/// Waiting items, next first.
#[derive(Debug)]
pub struct FairQueue<T> {
    /// As many of each caller as it has items waiting.
    callers: BTreeMap<Turn, CallerShare>,
    /// As many of each request, by its caller.
    requests: BTreeMap<(usize, Turn), Share>,
    items: BTreeMap<Place, T>,
    now: u64,
    pushed: u64,
}

/// About as many units as a sentence has.
const SAVED_TURNS: u64 = 8;

/// Class, tag, deadline, order of arrival.
type Turn = (Class, u64, Deadline, u64);

/// Request, position in it, order of arrival.
type Place = (usize, Position, u64);

// === impl CallerShare ===

impl CallerShare {
    /// Of one caller among others, who leaves them an eighth of the places, however much it asks for.
    pub fn among_others() -> Self {
        Self(Arc::new(CallerTags { is_one_of_many: true, ..CallerTags::default() }))
    }

    /// Whether it may have one more of so many places.
    pub(super) fn may_have(&self, places: usize) -> bool {
        !self.0.is_one_of_many || self.0.held.load(Ordering::Relaxed) < places - places / 8
    }

    pub(super) fn take_place(&self) {
        self.0.held.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn give_place_back(&self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
    }

    /// Unlike that of any other caller who waits.
    fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

// === impl Share ===

impl Share {
    pub fn of(caller: CallerShare, class: Class) -> Self {
        Self { class, caller, ..Self::default() }
    }

    pub fn class(&self) -> Class {
        self.class
    }

    pub(super) fn caller(&self) -> &CallerShare {
        &self.caller
    }

    /// Unlike that of any other request that waits.
    fn id(&self) -> usize {
        Arc::as_ptr(&self.tag).addr()
    }
}

// === impl FairQueue ===

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        let (callers, requests, items) = Default::default();
        Self { callers, requests, items, now: 0, pushed: 0 }
    }
}

impl<T> FairQueue<T> {
    pub fn push(&mut self, share: &Share, deadline: Deadline, position: Position, item: T) {
        let CallerTags { tag, now, .. } = &*share.caller.0;
        self.pushed += 1;
        let turn = |tag| (share.class, tag, deadline, self.pushed);
        self.callers.insert(turn(next(tag, self.now.saturating_sub(SAVED_TURNS))), share.caller.clone());
        let of_request = turn(next(&share.tag, now.load(Ordering::Relaxed)));
        self.requests.insert((share.caller.id(), of_request), share.clone());
        self.items.insert((share.id(), position, self.pushed), item);
    }

    /// Of what comes next.
    pub fn next_class(&self) -> Option<Class> {
        self.callers.keys().next().map(|(class, ..)| *class)
    }

    pub fn pop(&mut self) -> Option<T> {
        let ((class, tag, deadline, _), caller) = self.callers.pop_first()?;
        self.now = self.now.max(tag);
        // No turn has the tag 0.
        let first = *self.requests.range((caller.id(), (class, 0, deadline, 0))..).next()?.0;
        let share = self.requests.remove(&first)?;
        let (_, (_, tag, ..)) = first;
        caller.0.now.fetch_max(tag, Ordering::Relaxed);
        let place = *self.items.range((share.id(), (0, 0), 0)..).next()?.0;
        self.items.remove(&place)
    }

    /// Takes out what `keep` does not want to keep, and the last turns of the requests and callers that it belongs to.
    pub fn drop_unless(&mut self, mut keep: impl FnMut(&T) -> bool) -> Vec<T> {
        let dropped: Vec<(Place, T)> = self.items.extract_if(.., |_, item| !keep(item)).collect();
        for ((request, ..), _) in &dropped {
            let of_request = self.requests.iter().rev().find(|(_, share)| share.id() == *request);
            let Some((turn, share)) = of_request.map(|(turn, share)| (*turn, share.clone())) else { continue };
            self.requests.remove(&turn);
            let of_caller = |((class, ..), caller): &(&Turn, &CallerShare)| {
                *class == share.class && caller.id() == share.caller.id()
            };
            if let Some(turn) = self.callers.iter().rev().find(of_caller).map(|(turn, _)| *turn) {
                self.callers.remove(&turn);
            }
        }
        dropped.into_iter().map(|(_, item)| item).collect()
    }
}

/// The tag of somebody's next turn.
fn next(tag: &AtomicU64, now: u64) -> u64 {
    let next = now.max(tag.load(Ordering::Relaxed)) + 1;
    tag.store(next, Ordering::Relaxed);
    next
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
    fn a_caller_with_many_requests_does_not_hold_back_another() {
        let flood = CallerShare::default();
        let mut queue = FairQueue::default();
        for _ in 0..20 {
            queue.push(&Share::of(flood.clone(), Class::Interactive), in_seconds(10), (0, 0), "flood");
        }
        for _ in 0..16 {
            queue.pop();
        }

        let other = Share::default();
        for frame in 0..10 {
            queue.push(&other, in_seconds(30), (0, frame), "other");
        }

        let served = drain(&mut queue);
        assert_eq!(served[..8], ["other"; 8], "which it had saved up");
        assert_eq!(served[8..], ["flood", "other", "flood", "other", "flood", "flood"]);
    }

    #[test]
    fn a_caller_with_much_is_not_starved_by_one_that_always_wants_more() {
        let (much, more) = (Share::default(), Share::default());
        let mut queue = FairQueue::default();
        for _ in 0..20 {
            queue.push(&much, in_seconds(30), (0, 0), "much");
        }
        for _ in 0..16 {
            queue.pop();
        }

        let mut served = Vec::new();
        for _ in 0..12 {
            queue.push(&more, in_seconds(10), (0, 0), "more");
            served.extend(queue.pop());
        }

        assert!(served[8..].contains(&"much"), "{served:?}");
    }

    #[test]
    fn a_short_request_does_not_wait_for_a_long_one_of_the_same_caller() {
        let caller = CallerShare::default();
        let request = || Share::of(caller.clone(), Class::Interactive);
        let (long, short) = (request(), request());
        let mut queue = FairQueue::default();
        for _ in 0..4 {
            queue.push(&long, in_seconds(30), (0, 0), "long");
        }
        queue.pop();
        queue.push(&short, in_seconds(30), (0, 0), "short");

        assert_eq!(drain(&mut queue), ["long", "short", "long", "long"]);
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
        let caller = CallerShare::default();
        let request = || Share::of(caller.clone(), Class::Interactive);
        let old = request();
        let mut queue = FairQueue::default();
        for _ in 0..2 {
            queue.push(&old, in_seconds(30), (0, 0), "old");
        }

        let mut served = Vec::new();
        for _ in 0..4 {
            queue.push(&request(), in_seconds(10), (0, 0), "new");
            served.extend(queue.pop());
        }

        assert!(served.contains(&"old"), "{served:?}");
    }

    #[test]
    fn the_background_waits_for_everybody() {
        let background = || Share::of(CallerShare::default(), Class::Background);
        let (bulk, other) = (background(), background());
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
        assert!(queue.callers.is_empty() && queue.requests.is_empty() && queue.items.is_empty());
    }
}
