//! Owns stopping a computation from another thread.

use std::sync::{Arc, Mutex, PoisonError};

/// A request to stop, shared by who computes and who may want it stopped.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Mutex<CancelState>>);

#[derive(Default)]
struct CancelState {
    cancelled: bool,
    stop: Option<Box<dyn FnOnce() + Send>>,
}

/// Takes the way to stop back when the computation is over.
pub struct Running(Cancel);

// === impl Cancel ===

impl Cancel {
    /// Asks the computation to stop; one that begins later stops at once.
    pub fn cancel(&self) {
        let stop = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.cancelled = true;
            state.stop.take()
        };
        if let Some(stop) = stop {
            stop();
        }
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cancelled
    }

    /// Has [`Cancel::cancel`] call `stop` while the result lives.
    pub fn on_cancel(&self, stop: impl FnOnce() + Send + 'static) -> Running {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.cancelled {
            drop(state);
            stop();
        } else {
            state.stop = Some(Box::new(stop));
        }
        Running(self.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).stop = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_computation_is_stopped_once_before_or_after_it_begins() {
        let stops = Arc::new(AtomicUsize::new(0));
        let count = || {
            let stops = stops.clone();
            move || {
                stops.fetch_add(1, Ordering::Relaxed);
            }
        };

        let cancel = Cancel::default();
        let running = cancel.on_cancel(count());
        cancel.cancel();
        cancel.cancel();
        drop(running);
        let _late = cancel.on_cancel(count());

        assert_eq!(stops.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_computation_that_is_over_is_not_stopped() {
        let cancel = Cancel::default();
        drop(cancel.on_cancel(|| panic!("it is over")));

        cancel.cancel();

        assert!(cancel.is_cancelled());
    }
}
