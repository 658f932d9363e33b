//! Owns the count of connections that send no HTTP, and its one line a minute. The HTTP library logs an error for each,
//! and anybody who reaches the address can send thousands in a second: they are counted instead, and a line a minute
//! says how many there were.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Makes lines as `F` does, but of what the library says of requests that are none: those are counted. (A filter would
/// be the place, if those of layers could look into events.)
pub struct WithoutMalformed<F>(pub F);

/// Where the library speaks of connections.
const TARGET: &str = "actix_http::h1";
/// Beginnings of what it says of what comes in.
const OF_CALLERS: [&str; 3] = ["stream error", "MAX_BUFFER_SIZE", "write zero"];
const TELL_EVERY: Duration = Duration::from_mins(1);

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Connections that were ended because what came was no request.
pub fn malformed_requests() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// Says now and then how many there were, if there were any.
pub async fn tell_of_malformed_requests() {
    let mut told = 0;
    loop {
        tokio::time::sleep(TELL_EVERY).await;
        let count = malformed_requests();
        if count > told {
            tracing::warn!(requests = count - told, "what came was no HTTP request");
            told = count;
        }
    }
}

// === impl WithoutMalformed ===

impl<S, N, F> FormatEvent<S, N> for WithoutMalformed<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.metadata().target().starts_with(TARGET) && is_of_callers(event) {
            COUNT.fetch_add(1, Ordering::Relaxed);
            // A line without anything is none.
            return Ok(());
        }
        self.0.format_event(context, writer, event)
    }
}

fn is_of_callers(event: &Event<'_>) -> bool {
    let mut message = EventMessage(String::new());
    event.record(&mut message);
    OF_CALLERS.iter().any(|beginning| message.0.starts_with(beginning))
}

/// What an event says.
struct EventMessage(String);

impl Visit for EventMessage {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_are_one_line_within_a_minute() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_ansi(false);
        let subscriber = tracing_subscriber::registry().with(layer.map_event_format(WithoutMalformed));
        let _guard = tracing::subscriber::set_default(subscriber);

        for _ in 0..1_000 {
            tracing::error!(target: "actix_http::h1::dispatcher", "stream error: {}", "request parse error");
        }
        tracing::error!(target: "actix_http::h1::dispatcher", "Response payload stream error: {}", "cut");
        // Two minutes, as soon as nothing else is to be done.
        let _ = tokio::time::timeout(2 * TELL_EVERY + TELL_EVERY / 2, tell_of_malformed_requests()).await;

        let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(log.lines().count(), 2, "{log}");
        assert!(log.contains("Response payload") && log.contains("requests=1000"), "{log}");
    }
}
