//! Owns the order in which waiting units of work are computed: those that somebody waits for before those of the
//! background, fair between callers, and within a request what comes first in its text.
//!
//! Between callers start-time fair queueing (Goyal, Vin, Cheng, 1996) with all units counted alike: the n-th unit that
//! a caller puts in gives it a turn with the tag `max(now, tag of its turn before) + 1`, where `now` is the tag of the
//! last turn taken; the lowest tag goes next, and among equals the earliest deadline. A caller that was quiet while
//! others took turns has as many saved up, to those of a sentence: for it `now` is [`SAVED_TURNS`] earlier. So a flood
//! of one caller delays a sentence of another, who asks now and then, by no more than what is being computed already,
//! whenever the other has nothing else waiting. The one with much waits for what others have saved up, which is soon
//! spent, and is never starved.
//!
//! A caller's turns go round between its oldest request (first come, first served) and the one that has least left
//! (shortest remaining processing time), which most of the time are one: so requests are finished one after another
//! instead of all together at the end, a short one does not wait for the rest of a long one, and no number of short
//! ones starves that. While a stream of the caller's does not sound yet or will soon be silent, every third turn is the
//! oldest such stream's, so that streams that play side by side all go on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::demand::Demand;
use crate::domain::Deadline;

/// Who waits for a request. What comes first here is computed first, however much of the other waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
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
    /// Turns that its requests took.
    taken: AtomicUsize,
    /// Places that its requests have in the pool.
    held: AtomicUsize,
    is_one_of_many: bool,
}

/// A request that has a place. Clones are the same request.
#[derive(Debug, Clone, Default)]
pub struct Share {
    class: Priority,
    caller: CallerShare,
    demand: Demand,
    own: Arc<Own>,
}

#[derive(Debug, Default)]
struct Own {
    /// After how long to come back, if the request was refused though it had a place.
    refused: OnceLock<Duration>,
}

/// Where in a request's sound something belongs: sentence, frame.
pub type SoundPosition = (usize, usize);

/// Waiting items, next first.
#[derive(Debug)]
pub struct FairQueue<T> {
    /// As many of each caller as it has items waiting.
    callers: BTreeMap<QueueOrder, CallerShare>,
    /// Each caller's requests that have items waiting, by their arrival.
    requests: BTreeMap<(usize, Priority), BTreeMap<u64, WaitingRequest<T>>>,
    now: u64,
    pushed: u64,
}

/// What waits of a request.
#[derive(Debug)]
struct WaitingRequest<T> {
    demand: Demand,
    items: BTreeMap<ArrivalOrder, T>,
}

/// About as many units as a sentence has.
const SAVED_TURNS: u64 = 8;

/// Class, tag, deadline, order of arrival.
type QueueOrder = (Priority, u64, Deadline, u64);

/// Position in the request, order of arrival.
type ArrivalOrder = (SoundPosition, u64);

// === impl CallerShare ===

impl CallerShare {
    /// Of one caller among others, who leaves them an eighth of the places, however much it asks for.
    pub fn among_others() -> Self {
        Self(Arc::new(CallerTags { is_one_of_many: true, ..CallerTags::default() }))
    }

    /// How many of so many places it may have.
    pub(super) fn places_of(&self, places: usize) -> usize {
        if self.0.is_one_of_many { places - places / 8 } else { places }
    }

    /// Places that its requests have.
    pub(super) fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    /// The tag of its next turn.
    fn next_tag(&self, now: u64) -> u64 {
        let next = now.saturating_sub(SAVED_TURNS).max(self.0.tag.load(Ordering::Relaxed)) + 1;
        self.0.tag.store(next, Ordering::Relaxed);
        next
    }

    pub(super) fn take_place(&self) {
        self.0.held.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn give_place_back(&self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
    }

    /// Unlike that of any other caller who waits.
    pub(super) fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

// === impl Share ===

impl Share {
    pub fn of(caller: CallerShare, class: Priority, demand: Demand) -> Self {
        Self { class, caller, demand, ..Self::default() }
    }

    pub fn class(&self) -> Priority {
        self.class
    }

    pub(super) fn caller(&self) -> &CallerShare {
        &self.caller
    }

    pub(super) fn demand(&self) -> &Demand {
        &self.demand
    }

    /// Whatever waits of it is not computed; it may come back after so long.
    pub(super) fn refuse(&self, retry_after: Duration) {
        // Once is enough.
        let _ = self.own.refused.set(retry_after);
    }

    pub(super) fn refused(&self) -> Option<Duration> {
        self.own.refused.get().copied()
    }

    /// Unlike that of any other request that has a place.
    pub(super) fn id(&self) -> usize {
        Arc::as_ptr(&self.own).addr()
    }
}

// === impl FairQueue ===

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        let (callers, requests) = Default::default();
        Self { callers, requests, now: 0, pushed: 0 }
    }
}

impl<T> FairQueue<T> {
    pub fn push(&mut self, share: &Share, deadline: Deadline, position: SoundPosition, item: T) {
        self.pushed += 1;
        let turn = (share.class, share.caller.next_tag(self.now), deadline, self.pushed);
        self.callers.insert(turn, share.caller.clone());
        let requests = self.requests.entry((share.caller.id(), share.class)).or_default();
        let new = || WaitingRequest { demand: share.demand.clone(), items: BTreeMap::new() };
        let waiting = requests.entry(share.demand.arrival()).or_insert_with(new);
        waiting.items.insert((position, self.pushed), item);
    }

    /// Of what comes next.
    pub fn next_class(&self) -> Option<Priority> {
        self.callers.keys().next().map(|(class, ..)| *class)
    }

    pub fn pop(&mut self) -> Option<T> {
        let ((class, tag, ..), caller) = self.callers.pop_first()?;
        self.now = self.now.max(tag);
        let key = (caller.id(), class);
        let requests = self.requests.get_mut(&key)?;
        let next = next_of(requests, caller.0.taken.fetch_add(1, Ordering::Relaxed))?;
        let waiting = requests.get_mut(&next)?;
        waiting.demand.begin();
        let (_, item) = waiting.items.pop_first()?;
        if waiting.items.is_empty() {
            requests.remove(&next);
        }
        if requests.is_empty() {
            self.requests.remove(&key);
        }
        Some(item)
    }

    /// Takes out what `keep` does not want to keep, and the last turns of the callers that it belongs to.
    pub fn drop_unless(&mut self, mut keep: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut dropped = Vec::new();
        self.requests.retain(|(caller, class), requests| {
            let before = dropped.len();
            requests.retain(|_, waiting| {
                dropped.extend(waiting.items.extract_if(.., |_, item| !keep(item)).map(|(_, item)| item));
                !waiting.items.is_empty()
            });
            for _ in before..dropped.len() {
                let is_theirs = |((of, ..), other): &(&QueueOrder, &CallerShare)| of == class && other.id() == *caller;
                if let Some(turn) = self.callers.iter().rev().find(is_theirs).map(|(turn, _)| *turn) {
                    self.callers.remove(&turn);
                }
            }
            !requests.is_empty()
        });
        dropped
    }
}

/// Which of a caller's requests has its next turn, after so many others.
fn next_of<T>(requests: &BTreeMap<u64, WaitingRequest<T>>, taken: usize) -> Option<u64> {
    let first = |is_meant: fn(&Demand) -> bool| {
        requests.iter().find(|(_, waiting)| is_meant(&waiting.demand)).map(|(arrival, _)| *arrival)
    };
    let oldest = || first(Demand::has_begun).or_else(|| first(|_| true));
    let least_left = || {
        let left = requests.iter().map(|(arrival, waiting)| (waiting.demand.seconds_left(), *arrival));
        left.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, arrival)| arrival)
    };
    match first(Demand::will_soon_be_silent) {
        Some(stream) if taken.is_multiple_of(3) => Some(stream),
        Some(_) if taken % 3 == 1 => oldest(),
        None if taken.is_multiple_of(2) => oldest(),
        _ => least_left(),
    }
}

#[cfg(test)]
mod tests;
