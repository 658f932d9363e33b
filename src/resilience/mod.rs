//! Owns what keeps the service honest about its own state. A leaf: it knows no other part of the service.

mod readiness;

pub use readiness::{Readiness, Reason};
