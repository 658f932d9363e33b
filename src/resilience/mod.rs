//! Owns limits, budgets, breakers and readiness. A leaf: it knows no other part of the service.

mod breaker;
mod budget;
mod failed_auth;
mod in_flight;
mod quota;
mod readiness;

pub use breaker::{Breaker, BreakerSettings, BreakerState};
pub use budget::{ByteBudget, ByteShare, HeldBytes, HoldSource, NoBytes, SharedHold};
pub use failed_auth::FailedAuthLimiter;
pub use in_flight::{Entered, InFlight};
pub use quota::{Allowance, Quota};
pub use readiness::{NotReadyReason, Readiness};
