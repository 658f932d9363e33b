//! Owns sharing the steps of one computation among threads: one leads and hands out the parts of each step, others help
//! while it lasts. Refuses to know what is computed.
//!
//! A part is a value, and what is made of it is one: nothing is borrowed across threads. So whoever leads computes what
//! nobody has taken, and once more what a helper that panicked leaves behind, and may go away while helpers compute.
//! Nobody waits for a thread that never comes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The lead of a computation. Helpers leave when it is closed or dropped.
#[derive(Debug)]
pub struct Crew<P, R> {
    shared: Arc<CrewShared<P, R>>,
    size: usize,
}

/// The right to help. A clone is another's.
#[derive(Debug)]
pub struct Helper<P, R>(Arc<CrewShared<P, R>>);

#[derive(Debug)]
struct CrewShared<P, R> {
    state: Mutex<CrewState<P, R>>,
    changed: Condvar,
    /// How often the state has changed for those who wait.
    changes: AtomicUsize,
}

#[derive(Debug)]
struct CrewState<P, R> {
    /// Parts of the step, with their numbers, the first one last.
    waiting: Vec<(usize, P)>,
    made: Vec<(usize, R)>,
    is_over: bool,
}

/// A part in a helper's hands. Dropped without a result, it waits again.
struct TakenTask<'a, P, R> {
    shared: &'a CrewShared<P, R>,
    part: Option<(usize, P)>,
}

/// What comes next for whoever leads.
enum NextTask<P> {
    Part((usize, P)),
    /// All parts of the step are made.
    Made,
}

/// Looks at what others have done before a thread is put to sleep: some 20 microseconds, of which steps have one or two
/// between them.
const LOOKS: usize = 1_000;

/// How often whoever leads asks whether to go on while a helper computes.
const PATIENCE: Duration = Duration::from_millis(5);

// === impl Crew ===

impl<P: Clone, R> Crew<P, R> {
    /// Of so many threads, the leading one included.
    pub fn new(size: usize) -> Self {
        let state = CrewState { waiting: Vec::new(), made: Vec::new(), is_over: false };
        let shared = CrewShared { state: Mutex::new(state), changed: Condvar::new(), changes: AtomicUsize::new(0) };
        Self { shared: Arc::new(shared), size: size.max(1) }
    }

    /// Into how many parts a step is worth cutting.
    pub fn size(&self) -> usize {
        self.size
    }

    pub fn helper(&self) -> Helper<P, R> {
        Helper(self.shared.clone())
    }

    /// What `compute` makes of each part of a step, in their order. `None` if it was not to go on.
    pub fn share(
        &self,
        parts: Vec<P>,
        mut compute: impl FnMut(&P) -> R,
        mut keep_going: impl FnMut() -> bool,
    ) -> Option<Vec<R>> {
        let count = parts.len();
        if self.size == 1 || count == 1 {
            return parts.iter().map(|part| keep_going().then(|| compute(part))).collect();
        }
        self.shared.change(|state| {
            state.waiting.extend(parts.into_iter().enumerate().rev());
            state.made.clear();
        });
        while keep_going() {
            match self.shared.next(count) {
                Some(NextTask::Part((number, part))) => {
                    let made = compute(&part);
                    self.shared.lock().made.push((number, made));
                }
                Some(NextTask::Made) => {
                    let mut made = std::mem::take(&mut self.shared.lock().made);
                    made.sort_unstable_by_key(|(number, _)| *number);
                    return Some(made.into_iter().map(|(_, made)| made).collect());
                }
                None => {}
            }
        }
        self.close();
        None
    }

    /// Lets the helpers go.
    pub fn close(&self) {
        self.shared.close();
    }
}

impl<P, R> Drop for Crew<P, R> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

// === impl Helper ===

impl<P: Clone, R> Helper<P, R> {
    /// Computes parts until all is over.
    pub fn help(&self, mut compute: impl FnMut(&P) -> R) {
        while let Some(mut taken) = self.0.take() {
            let Some((number, part)) = &taken.part else { return };
            let made = (*number, compute(part));
            taken.part = None;
            self.0.change(|state| state.made.push(made));
        }
    }
}

impl<P, R> Clone for Helper<P, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P, R> Drop for TakenTask<'_, P, R> {
    fn drop(&mut self) {
        if let Some(part) = self.part.take() {
            self.shared.change(|state| state.waiting.push(part));
        }
    }
}

// === impl CrewShared ===

impl<P, R> CrewShared<P, R> {
    fn lock(&self) -> MutexGuard<'_, CrewState<P, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut CrewState<P, R>)) {
        let mut state = self.lock();
        change(&mut state);
        self.changes.fetch_add(1, Ordering::Release);
        drop(state);
        self.changed.notify_all();
    }

    fn close(&self) {
        self.change(|state| {
            state.is_over = true;
            state.waiting.clear();
        });
    }

    /// For whoever leads a step of so many parts. `None`: nothing yet.
    fn next(&self, count: usize) -> Option<NextTask<P>> {
        self.wait(|state| match state.waiting.pop() {
            Some(part) => Some(NextTask::Part(part)),
            None => (state.made.len() == count).then_some(NextTask::Made),
        })
    }

    /// For a helper. `None`: all is over.
    fn take(&self) -> Option<TakenTask<'_, P, R>> {
        loop {
            let next = self.wait(|state| if state.is_over { Some(None) } else { state.waiting.pop().map(Some) });
            if let Some(part) = next {
                return part.map(|part| TakenTask { shared: self, part: Some(part) });
            }
        }
    }

    /// Waits a little for what somebody waits for.
    fn wait<T>(&self, mut look: impl FnMut(&mut CrewState<P, R>) -> Option<T>) -> Option<T> {
        let seen = self.changes.load(Ordering::Acquire);
        if let Some(found) = look(&mut self.lock()) {
            return Some(found);
        }
        let is_changed = || self.changes.load(Ordering::Acquire) != seen;
        for _ in 0..LOOKS {
            if is_changed() {
                break;
            }
            std::hint::spin_loop();
        }
        let waited = self.changed.wait_timeout_while(self.lock(), PATIENCE, |_| !is_changed());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        look(&mut state)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc::channel;
    use std::thread::{current, scope};

    use super::*;

    type Numbers = Crew<usize, usize>;

    #[test]
    fn parts_are_made_in_their_order_with_any_number_of_helpers() {
        for size in 1..5 {
            let crew = Numbers::new(size);
            scope(|scope| {
                for _ in 1..size {
                    let helper = crew.helper();
                    scope.spawn(move || helper.help(|part| part * 2));
                }

                for step in 0..100 {
                    let parts: Vec<usize> = (step..step + 7).collect();
                    let made = crew.share(parts.clone(), |part| part * 2, || true).unwrap();
                    assert_eq!(made, parts.iter().map(|part| part * 2).collect::<Vec<_>>());
                }
                crew.close();
            });
        }
    }

    #[test]
    fn whoever_leads_computes_all_where_no_helper_comes() {
        let crew = Numbers::new(4);
        let _never_comes = crew.helper();

        assert_eq!(crew.share(vec![1, 2, 3], |part| part + 1, || true), Some(vec![2, 3, 4]));
    }

    #[test]
    fn helpers_take_parts_while_the_first_one_is_computed() {
        let crew = Numbers::new(2);
        let helper = crew.helper();
        let (taken, is_taken) = channel();
        scope(|scope| {
            let leading = current().id();
            scope.spawn(move || {
                helper.help(|part| {
                    taken.send(*part).unwrap();
                    assert_ne!(current().id(), leading);
                    *part
                });
            });

            // The first part is not done before the helper has the second.
            let made = crew.share(vec![0, 1], |_| is_taken.recv().unwrap() * 10, || true);

            assert_eq!(made, Some(vec![10, 1]));
            crew.close();
        });
    }

    #[test]
    fn what_a_helper_that_panics_leaves_behind_is_computed_by_whoever_leads() {
        let crew = Numbers::new(2);
        let helper = crew.helper();
        let (ended, has_ended) = channel();
        scope(|scope| {
            scope.spawn(move || {
                let panicked = catch_unwind(AssertUnwindSafe(|| helper.help(|_| panic!("of the test"))));
                ended.send(panicked.is_err()).unwrap();
            });

            let compute = |part: &usize| {
                if *part == 0 {
                    assert!(has_ended.recv().unwrap());
                }
                *part
            };
            assert_eq!(crew.share(vec![0, 1], compute, || true), Some(vec![0, 1]));
        });
    }

    #[test]
    fn whoever_leads_may_go_away_while_a_helper_computes() {
        let crew = Numbers::new(2);
        let helper = crew.helper();
        let (taken, is_taken) = channel();
        let (gone, is_gone) = channel::<()>();
        scope(|scope| {
            scope.spawn(move || {
                helper.help(|part| {
                    taken.send(()).unwrap();
                    is_gone.recv().unwrap();
                    *part
                });
            });
            let mut goes_on = true;
            let compute = |part: &usize| {
                is_taken.recv().unwrap();
                *part
            };

            let made = crew.share(vec![0, 1], compute, || std::mem::replace(&mut goes_on, false));

            assert_eq!(made, None);
            // The helper's part is made, and it finds that all is over.
            gone.send(()).unwrap();
        });
    }

    #[test]
    fn helpers_leave_when_the_lead_is_dropped() {
        let crew = Numbers::new(2);
        let helper = crew.helper();
        scope(|scope| {
            let helping = scope.spawn(move || helper.help(|part| *part));
            drop(crew);
            helping.join().unwrap();
        });
    }
}
