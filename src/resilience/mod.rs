//! Owns what keeps the service honest about its own state. A leaf: it knows no other part of the service.

mod breaker;
mod readiness;

pub use breaker::{Breaker, BreakerSettings, BreakerState};
pub use readiness::{Readiness, Reason};
