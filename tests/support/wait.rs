//! Owns waiting: always for a condition, never for a time. The limit only keeps a test that would hang from hanging.

use std::time::{Duration, Instant};

/// Ample on the slowest machine.
pub const LIMIT: Duration = Duration::from_mins(1);

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// What `look` finds, as soon as it finds something. Fails the test if that never happens.
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_within(LIMIT, look).unwrap_or_else(|| panic!("waited in vain for {what}"))
}

/// What `look` finds, or nothing if the limit passes.
pub fn until_within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    while began.elapsed() < limit {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
    None
}
