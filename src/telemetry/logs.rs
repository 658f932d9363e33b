//! Owns the log: constant messages with fields beside them, one JSON object a line, on standard error. Lines are
//! written by a thread of their own; what it cannot write in time is dropped and counted, so that nobody waits for
//! whoever reads them.

use std::io::IsTerminal;
use std::panic::{Location, PanicHookInfo};

use tracing::Subscriber;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::registry::LookupSpan;

use super::malformed::WithoutMalformed;
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
    let ours = ["tts_batch_api", "piper_acoustic", "piper_phonemize"].map(|name| (name, config.level));
    let filter = Targets::new().with_default(LevelFilter::WARN).with_targets(ours);
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_timer(SystemTime).with_ansi(is_coloured());
    match config.format {
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true).with_span_list(false);
            layer.map_event_format(WithoutMalformed).with_filter(filter).boxed()
        }
        LogFormat::Pretty => layer.map_event_format(WithoutMalformed).with_filter(filter).boxed(),
    }
}

/// Colours are for terminals, and for those who want them (<https://no-color.org>).
fn is_coloured() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Says where, not what: a panic's message may quote the text that was worked on.
pub fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location();
    let (file, line) = (location.map(Location::file), location.map(Location::line));
    tracing::error!(file, line, "panic");
}
