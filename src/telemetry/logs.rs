//! Owns the log: constant messages with fields beside them, one JSON object a line, on standard error.

use std::panic::{Location, PanicHookInfo};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{LogConfig, LogFormat};

/// Sends the process's events, panics among them, to standard error from now on.
pub fn init_logs(config: &LogConfig) -> Result<(), TryInitError> {
    // Libraries speak in sentences of their own: only what they warn of is passed on.
    let filter = format!("warn,tts_batch_api={}", config.level);
    let registry = tracing_subscriber::registry().with(EnvFilter::new(filter));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_timer(SystemTime);
    match config.format {
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init()?,
        LogFormat::Pretty => registry.with(layer).try_init()?,
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Says where, not what: a panic's message may quote the text that was worked on.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location();
    let (file, line) = (location.map(Location::file), location.map(Location::line));
    tracing::error!(file, line, "panic");
}
