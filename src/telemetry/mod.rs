//! Owns the service's logs, metrics and traces. Refuses anything that a caller said.

mod labels;
mod live;
mod logs;
mod malformed;
mod metrics;
mod registration;
mod traces;

use std::sync::{Mutex, PoisonError};

use tracing_appender::non_blocking::{ErrorCounter, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

pub use labels::{BatchItemEnd, CacheTier, LookupResult, ShedReason, Stage};
pub use malformed::{malformed_requests, tell_of_malformed_requests};
pub use metrics::{IntGauge, METRICS_FORMAT, Metrics};
pub use traces::{TRACED, UNTRACED, continue_trace, is_traced, rename, session_span, trace_id, traceparent};
pub(crate) use traces::{further_span, stage_span};

use crate::config::LogConfig;
use traces::{ExportError, Exporting};

/// Why the service cannot speak of itself.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error(transparent)]
    Logs(#[from] TryInitError),
    #[error(transparent)]
    Traces(#[from] ExportError),
}

/// What is under way until the process ends.
struct TelemetryGuard {
    /// Ends first, as it may have something to say.
    _exporting: Option<Exporting>,
    _lines: WorkerGuard,
    dropped_lines: ErrorCounter,
}

static UNDER_WAY: Mutex<Option<TelemetryGuard>> = Mutex::new(None);

/// Sends the process's events, panics among them, to the log, and its spans to where they are asked for, until
/// [`finish`].
///
/// # Errors
/// If it was called before, or the variables for traces name what cannot be used.
pub fn init(config: &LogConfig) -> Result<(), TelemetryError> {
    let exporting = traces::export()?;
    let (writer, lines) = logs::writer(config);
    let dropped_lines = writer.error_counter();
    tracing_subscriber::registry()
        .with(exporting.as_ref().map(Exporting::layer))
        .with(logs::layer(config, writer))
        .try_init()?;
    std::panic::set_hook(Box::new(logs::log_panic));
    *under_way() = Some(TelemetryGuard { _exporting: exporting, _lines: lines, dropped_lines });
    Ok(())
}

/// Writes and sends what is left; what comes after is lost. Takes three seconds at most.
pub fn finish() {
    let under_way = under_way().take();
    drop(under_way);
}

/// Lines of the log that were not written.
pub fn dropped_lines() -> u64 {
    under_way().as_ref().map_or(0, |under_way| under_way.dropped_lines.dropped_lines() as u64)
}

fn under_way() -> std::sync::MutexGuard<'static, Option<TelemetryGuard>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}
