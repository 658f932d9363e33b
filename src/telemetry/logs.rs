//! Owns the log: constant messages with fields beside them, one JSON object a line, on standard error. Lines are written by a thread of their
//! own; what it cannot write in time is dropped and counted, so that nobody waits for whoever reads them.

use std::panic::{Location, PanicHookInfo};

use tracing::Subscriber;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::registry::LookupSpan;

use crate::config::{LogConfig, LogFormat};

/// Where lines go, and what writes them for as long as it is kept.
pub fn writer(config: &LogConfig) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default().lossy(true).buffered_lines_limit(config.queue_lines).finish(std::io::stderr())
}

/// What makes lines of the process's events.
pub fn layer<S>(config: &LogConfig, writer: NonBlocking) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // Libraries speak in sentences of their own: only what they warn of is passed on.
    let filter = Targets::new().with_default(LevelFilter::WARN).with_target("tts_batch_api", config.level);
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_timer(SystemTime);
    match config.format {
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed(),
        LogFormat::Pretty => layer.with_filter(filter).boxed(),
    }
}

/// Says where, not what: a panic's message may quote the text that was worked on.
pub fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location();
    let (file, line) = (location.map(Location::file), location.map(Location::line));
    tracing::error!(file, line, "panic");
}
