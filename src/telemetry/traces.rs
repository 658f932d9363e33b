//! Owns traces: the spans of this process, sent over OTLP to the collector that the standard `OTEL_*` variables name; where they name none,
//! nothing is built. Variables: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>. Parents from elsewhere
//! come as `traceparent` (<https://www.w3.org/TR/trace-context/>).

use std::time::Duration;

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

const SERVICE_NAME: &str = "tts-batch-api";

/// What names a collector, the more special first.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The longest that the end of the process waits for the collector.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// Sends spans until it is dropped.
pub struct Exporting(SdkTracerProvider);

/// The headers of a request, by their names.
struct Headers<'a>(&'a dyn Fn(&str) -> Option<&'a str>);

/// Begins to export, if that is asked for.
///
/// # Errors
/// If the variables name what cannot be used.
pub fn export() -> Result<Option<Exporting>, ExporterBuildError> {
    if !is_asked_for(|name| std::env::var(name).ok()) {
        return Ok(None);
    }
    // The client leaves the choice to whoever uses it; only the first choice counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exporter = SpanExporter::builder().with_http().build()?;
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(SERVICE_NAME);
    }
    let provider = SdkTracerProvider::builder().with_resource(resource.build()).with_batch_exporter(exporter).build();
    Ok(Some(Exporting(provider)))
}

fn is_asked_for(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
    !is_disabled && ENDPOINTS.iter().any(|name| variable(name).is_some_and(|endpoint| !endpoint.is_empty()))
}

/// The trace that a span belongs to, if it is one that is exported.
pub fn trace_id(span: &Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| context.trace_id().to_string())
}

/// Makes a span a part of the caller's trace, if the request's headers name one.
pub fn continue_trace<'a>(span: &Span, header: &'a dyn Fn(&str) -> Option<&'a str>) {
    if header("traceparent").is_none() {
        return;
    }
    // A span that is exported nowhere has no place for a parent.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(header)));
}

/// Names a span by what was not known when it began. The field `otel.name` is read only then.
pub fn rename(span: &Span, name: String) {
    if !span.is_disabled() {
        span.context().span().update_name(name);
    }
}

// === impl Exporting ===

impl Exporting {
    /// What makes spans of the process's spans. Its events are the log's.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let own = |metadata: &Metadata<'_>| metadata.is_span() && metadata.target().starts_with("tts_batch_api");
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(SERVICE_NAME))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(own).with_max_level_hint(Level::DEBUG))
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        if self.0.shutdown_with_timeout(FLUSH_LIMIT).is_err() {
            tracing::warn!("spans were left when the time to send them was over");
        }
    }
}

// === impl Headers ===

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (self.0)(key)
    }

    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_exported_if_a_collector_is_named_and_nothing_forbids_it() {
        let with = |set: &[(&str, &str)]| {
            is_asked_for(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

        assert!(
            with(&[endpoint]) && with(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces")])
        );
        assert!(!with(&[]) && !with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]));
        assert!(
            !with(&[endpoint, ("OTEL_SDK_DISABLED", "true")]) && !with(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")])
        );
    }
}
