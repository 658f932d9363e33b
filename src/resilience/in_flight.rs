//! Owns the count of requests under way, so that the service knows at its end whether it cuts one, and tells those that
//! it cuts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// The requests that are under way. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<InFlightShared>);

#[derive(Debug, Default)]
struct InFlightShared {
    count: AtomicUsize,
    is_cut: watch::Sender<bool>,
}

/// One of them, until this is dropped.
#[derive(Debug)]
pub struct Entered(InFlight);

// === impl InFlight ===

impl InFlight {
    pub fn enter(&self) -> Entered {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        Entered(self.clone())
    }

    pub fn count(&self) -> usize {
        self.0.count.load(Ordering::Relaxed)
    }

    /// The time to finish is over: what is under way has a moment to say so.
    pub fn cut(&self) {
        self.0.is_cut.send_replace(true);
    }

    pub fn is_cut(&self) -> bool {
        *self.0.is_cut.borrow()
    }

    /// Waits until that.
    pub async fn until_cut(&self) {
        let mut is_cut = self.0.is_cut.subscribe();
        // The sender lives as long as this.
        let _ = is_cut.wait_for(|is_cut| *is_cut).await;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}
