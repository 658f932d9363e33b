//! Owns what the service says of itself: logs and metrics. Refuses anything that a caller said.

mod logs;
mod metrics;

pub use logs::init_logs;
pub use metrics::{CacheTier, LookupResult, Metrics, ShedReason};
