//! Owns a budget of bytes for what is made quickly and may be taken slowly, in which no caller among others holds all
//! of them.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use tokio::sync::Notify;

/// Bytes that all may hold together, for one caller. Clones share them.
#[derive(Debug, Clone)]
pub struct ByteBudget {
    all: Arc<All>,
    caller: ByteShare,
}

#[derive(Debug)]
struct All {
    limit: usize,
    held: AtomicUsize,
    freed: Notify,
}

/// What one caller holds. Clones are the same caller.
#[derive(Debug, Clone, Default)]
pub struct ByteShare {
    held: Arc<AtomicUsize>,
    is_one_of_many: bool,
}

/// Bytes of a budget, until this is dropped.
#[derive(Debug)]
pub struct HeldBytes {
    budget: ByteBudget,
    bytes: usize,
}

/// What somebody who reads something holds of it: nothing as long as it stands elsewhere too, else its bytes, until the
/// last reader is done. Clones are readers of the same thing.
#[derive(Debug, Clone, Default)]
pub struct SharedHold {
    _held: Arc<OnceLock<HeldBytes>>,
}

/// Whoever has something that others read. Clones have the same thing.
#[derive(Debug, Clone, Default)]
pub struct HoldSource(Arc<Mutex<Weak<OnceLock<HeldBytes>>>>);

/// Why bytes are not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoBytes {
    #[error("others hold too many bytes")]
    Now,
    #[error("nobody may hold so many bytes")]
    Ever,
}

// === impl ByteBudget ===

impl ByteBudget {
    pub fn new(limit: usize) -> Self {
        let all = All { limit, held: AtomicUsize::new(0), freed: Notify::new() };
        Self { all: Arc::new(all), caller: ByteShare::default() }
    }

    /// The same bytes for this caller.
    pub fn of_caller(&self, caller: ByteShare) -> Self {
        Self { all: self.all.clone(), caller }
    }

    /// The most that the caller may hold.
    pub fn limit(&self) -> usize {
        if self.caller.is_one_of_many { self.all.limit / 2 } else { self.all.limit }
    }

    /// What all hold.
    pub fn held(&self) -> usize {
        self.all.held.load(Ordering::Relaxed)
    }

    pub fn hold(&self, bytes: usize) -> Result<HeldBytes, NoBytes> {
        let mut held = self.hold_nothing();
        held.grow(bytes)?;
        Ok(held)
    }

    /// To be grown.
    pub fn hold_nothing(&self) -> HeldBytes {
        HeldBytes { budget: self.clone(), bytes: 0 }
    }

    /// As soon as they are to be had; as many as the caller may hold, if they are more.
    pub async fn hold_when_free(&self, bytes: usize) -> HeldBytes {
        let bytes = bytes.min(self.limit());
        loop {
            let mut freed = pin!(self.all.freed.notified());
            // What is given back from here on wakes it.
            freed.as_mut().enable();
            if let Ok(held) = self.hold(bytes) {
                return held;
            }
            freed.await;
        }
    }

    /// Counts what is held already, though that may be more than there is.
    pub fn hold_anyway(&self, bytes: usize) -> HeldBytes {
        let mut held = self.hold_nothing();
        held.grow_anyway(bytes);
        held
    }
}

// === impl ByteShare ===

impl ByteShare {
    /// Of one caller among others, who leaves them half, however much it asks for.
    pub fn among_others() -> Self {
        Self { is_one_of_many: true, ..Self::default() }
    }
}

// === impl HeldBytes ===

impl HeldBytes {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Holds more, or as much as before.
    pub fn grow(&mut self, more: usize) -> Result<(), NoBytes> {
        let (all, caller, limit) = (&self.budget.all, &self.budget.caller.held, self.budget.limit());
        if self.bytes.saturating_add(more) > limit {
            return Err(NoBytes::Ever);
        }
        if !add_within(caller, more, limit) {
            return Err(NoBytes::Now);
        }
        if !add_within(&all.held, more, all.limit) {
            caller.fetch_sub(more, Ordering::Relaxed);
            return Err(NoBytes::Now);
        }
        self.bytes += more;
        Ok(())
    }

    pub fn grow_anyway(&mut self, more: usize) {
        self.budget.caller.held.fetch_add(more, Ordering::Relaxed);
        self.budget.all.held.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
    }

    /// Gives back what is more than that.
    pub fn shrink_to(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        if less == 0 {
            // Nothing came back. Whoever waits and has tried in vain would wake itself.
            return;
        }
        self.budget.caller.held.fetch_sub(less, Ordering::Relaxed);
        self.budget.all.held.fetch_sub(less, Ordering::Relaxed);
        self.bytes -= less;
        self.budget.all.freed.notify_waiters();
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

fn add_within(held: &AtomicUsize, more: usize, limit: usize) -> bool {
    let sum = |held: usize| held.checked_add(more).filter(|sum| *sum <= limit);
    held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok()
}

// === impl SharedHold ===

impl SharedHold {
    /// Of what its readers hold from the beginning.
    pub fn of(held: HeldBytes) -> Self {
        Self { _held: Arc::new(held.into()) }
    }
}

// === impl HoldSource ===

impl HoldSource {
    pub fn lend(&self) -> SharedHold {
        let mut lent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let readers = lent.upgrade().unwrap_or_default();
        *lent = Arc::downgrade(&readers);
        SharedHold { _held: readers }
    }

    /// The lender has it no more: from now on its readers hold it, if there are any.
    pub fn let_go(&self, budget: &ByteBudget, bytes: usize) {
        if let Some(readers) = self.0.lock().unwrap_or_else(PoisonError::into_inner).upgrade() {
            // Once it is counted it stays so.
            let _ = readers.set(budget.hold_anyway(bytes));
        }
    }
}

/// Who reads something makes no difference to what it is.
impl PartialEq for SharedHold {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for SharedHold {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_bounded_and_comes_back() {
        let budget = ByteBudget::new(100);
        let mut one = budget.hold(60).unwrap();

        assert_eq!(budget.hold(50).unwrap_err(), NoBytes::Now);
        assert_eq!(one.grow(41).unwrap_err(), NoBytes::Ever);
        assert_eq!((budget.held(), one.bytes()), (60, 60));

        one.shrink_to(50);
        let other = budget.hold(50).unwrap();
        drop((one, other));
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_caller_among_others_leaves_them_half() {
        let budget = ByteBudget::new(100);
        let greedy = budget.of_caller(ByteShare::among_others());

        assert_eq!(greedy.hold(51).unwrap_err(), NoBytes::Ever);
        let all = greedy.hold(50).unwrap();
        assert_eq!(greedy.hold(1).unwrap_err(), NoBytes::Now);
        let others = budget.of_caller(ByteShare::among_others()).hold(50).unwrap();

        drop(all);
        assert!(greedy.hold(50).is_ok());
        drop(others);
    }

    #[tokio::test]
    async fn who_waits_has_bytes_when_they_come_back() {
        let budget = ByteBudget::new(100);
        let held = budget.hold(80).unwrap();
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.hold_when_free(500).await.bytes() }
        });
        tokio::task::yield_now().await;

        drop(held);

        assert_eq!(waiting.await.unwrap(), 100);
    }

    #[test]
    fn readers_hold_what_its_owner_has_let_go_until_the_last_is_done() {
        let (budget, owner) = (ByteBudget::new(100), HoldSource::default());
        let (one, other) = (owner.lend(), owner.lend());
        assert_eq!(budget.held(), 0);

        owner.let_go(&budget, 300);
        drop(one);
        assert_eq!((budget.held(), budget.hold(1).unwrap_err()), (300, NoBytes::Now));
        drop(other);

        assert_eq!(budget.held(), 0);
        owner.let_go(&budget, 300);
        assert_eq!(budget.held(), 0, "nobody reads it");
    }
}
