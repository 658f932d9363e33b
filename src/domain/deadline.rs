//! Owns the moment at which an answer stops being of use. Built on the monotonic clock, so that a jump of the wall
//! clock changes nothing.

use std::time::{Duration, Instant};

/// A point in time that travels down the call chain with the work it limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    at: Instant,
    /// What was between it and the beginning.
    time: Duration,
}

/// The deadline passed before the work was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed")]
pub struct DeadlinePassed;

impl Deadline {
    pub fn after(duration: Duration) -> Self {
        Self { at: Instant::now() + duration, time: duration }
    }

    /// As much time as this one gave, from now on.
    pub fn anew(self) -> Self {
        Self::after(self.time)
    }

    pub fn has_passed(self) -> bool {
        Instant::now() >= self.at
    }

    /// Time until then.
    pub fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// True once `grace` more than the deadline has passed.
    pub fn passed_by(self, grace: Duration) -> bool {
        Instant::now() >= self.at + grace
    }

    /// Runs `work` until it ends or the deadline passes, whichever is first.
    pub async fn limit<F: Future>(self, work: F) -> Result<F::Output, DeadlinePassed> {
        tokio::time::timeout_at(self.at.into(), work).await.map_err(|_| DeadlinePassed)
    }
}
