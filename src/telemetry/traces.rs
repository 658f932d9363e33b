//! Owns traces: the spans of this process, sent over OTLP to the collector that the standard `OTEL_*` variables name;
//! where they name none, nothing is built. Variables:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>. Parents from elsewhere come as
//! `traceparent` (<https://www.w3.org/TR/trace-context/>).

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use reqwest::Url;
use tokio::runtime::{Builder, Runtime};
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

const SERVICE_NAME: &str = "tts-batch-api";

/// What names a collector, the more special first.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// How it is spoken to, the more special first.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// The longest that the end of the process waits for the collector.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// Target of the spans with which traces begin in this process.
pub const TRACED: &str = "tts_batch_api::traced";

/// Target of the spans in whose place they would be. Only the log sees them.
pub const UNTRACED: &str = "tts_batch_api::untraced";

static SAMPLER: OnceLock<Sampler> = OnceLock::new();

/// Which requests are traced, as `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` say. Decided here and not in the
/// SDK, which decides when a span was made.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sampler {
    /// What the caller has decided, if it has, counts.
    follows_the_caller: bool,
    ratio: f64,
}

/// Sends spans until it is dropped.
pub struct Exporting {
    provider: SdkTracerProvider,
    /// Where connections of gRPC live, which the thread that sends is none of.
    connections: Option<Runtime>,
}

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{key}: {problem}")]
    Variable { key: &'static str, problem: &'static str },
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Exporter(#[from] ExporterBuildError),
    #[error(transparent)]
    Runtime(#[from] std::io::Error),
}

/// How a collector is spoken to.
#[derive(Debug, PartialEq, Eq)]
enum OtlpProtocol {
    Http,
    Grpc,
}

/// The headers of a request, by their names.
struct Headers<'a>(&'a dyn Fn(&str) -> Option<&'a str>);

/// Begins to export, if that is asked for.
///
/// # Errors
/// If the variables name what cannot be used.
pub fn export() -> Result<Option<Exporting>, ExportError> {
    let variable = |name: &str| std::env::var(name).ok();
    if !is_asked_for(variable) {
        return Ok(None);
    }
    check_endpoint(variable)?;
    let sampler = Sampler::of(variable)?;
    let (exporter, connections) = match OtlpProtocol::of(variable)? {
        OtlpProtocol::Http => (SpanExporter::builder().with_http().build()?, None),
        OtlpProtocol::Grpc => {
            let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("otlp").enable_all().build()?;
            let _inside = runtime.enter();
            (SpanExporter::builder().with_tonic().build()?, Some(runtime))
        }
    };
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(SERVICE_NAME);
    }
    let _ = SAMPLER.set(sampler);
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.build())
        // What is not wanted is not begun: see `is_traced`.
        .with_sampler(opentelemetry_sdk::trace::Sampler::AlwaysOn)
        .with_batch_exporter(exporter)
        .build();
    Ok(Some(Exporting { provider, connections }))
}

/// The first of these that says something, and what.
fn first_of<'a>(names: &[&'a str], variable: impl Fn(&str) -> Option<String>) -> Option<(&'a str, String)> {
    names.iter().find_map(|name| Some((*name, variable(name).filter(|value| !value.is_empty())?)))
}

/// The exporters take what is no address, and then send nothing.
fn check_endpoint(variable: impl Fn(&str) -> Option<String>) -> Result<(), ExportError> {
    let Some((key, endpoint)) = first_of(&ENDPOINTS, variable) else { return Ok(()) };
    let is_address = Url::parse(&endpoint).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if is_address { Ok(()) } else { Err(wrong(key, "must be an address such as http://collector:4318")) }
}

fn wrong(key: &'static str, problem: &'static str) -> ExportError {
    ExportError::Variable { key, problem }
}

fn is_asked_for(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
    !is_disabled && ENDPOINTS.iter().any(|name| variable(name).is_some_and(|endpoint| !endpoint.is_empty()))
}

/// Whether a request is to be traced. `chance` is a random number from 0 to 1.
pub fn is_traced(traceparent: Option<&str>, chance: f64) -> bool {
    SAMPLER.get().is_some_and(|sampler| sampler.wants(traceparent, chance))
}

/// The span of a session that no request began.
pub fn session_span(protocol: &'static str) -> Span {
    // The last 32 bits of an id are random.
    let chance = f64::from(Uuid::now_v7().as_u128() as u32) / f64::from(u32::MAX);
    if is_traced(None, chance) {
        tracing::debug_span!(target: TRACED, "session", otel.kind = "server", protocol)
    } else {
        tracing::debug_span!(target: UNTRACED, "session", protocol)
    }
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

/// What tells others at which span of which trace they go on, if it is one that is exported: the value of their
/// `traceparent`.
pub fn traceparent(span: &Span) -> Option<String> {
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut headers);
    headers.remove("traceparent")
}

/// A span of what is done within the current one; none, where nobody looks at that. The registry makes spans that no
/// layer wants, too.
macro_rules! stage_span {
    ($($span:tt)*) => {
        if tracing::Span::current().is_disabled() { tracing::Span::none() } else { tracing::debug_span!($($span)*) }
    };
}
pub(crate) use stage_span;

/// A span of the trace that `traceparent` names, begun later than its parent, perhaps by another replica, whose sampler
/// decided; none, if it names none.
macro_rules! further_span {
    ($traceparent:expr, $($span:tt)*) => {
        match $traceparent {
            Some(traceparent) => {
                let span = tracing::debug_span!(target: $crate::telemetry::TRACED, $($span)*);
                $crate::telemetry::continue_trace(&span, &|name| (name == "traceparent").then_some(traceparent));
                span
            }
            None => tracing::Span::none(),
        }
    };
}
pub(crate) use further_span;

/// Names a span by what was not known when it began. The field `otel.name` is read only then.
pub fn rename(span: &Span, name: fmt::Arguments<'_>) {
    if !span.is_disabled() {
        span.context().span().update_name(name.to_string());
    }
}

// === impl Exporting ===

impl Exporting {
    /// What makes spans of the process's spans. Its events are the log's.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        // What is known of a place once and for all costs nothing later. In between are the stages, which are wanted of
        // what is traced.
        let interest = |metadata: &'static Metadata<'static>| match metadata.target() {
            TRACED => Interest::always(),
            UNTRACED => Interest::never(),
            target if metadata.is_span() && target.starts_with("tts_batch_api") => Interest::sometimes(),
            _ => Interest::never(),
        };
        let is_wanted = |metadata: &Metadata<'_>, context: &Context<'_, S>| {
            metadata.is_span() && (metadata.target() == TRACED || context.lookup_current().is_some())
        };
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SERVICE_NAME))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(dynamic_filter_fn(is_wanted).with_callsite_filter(interest).with_max_level_hint(Level::DEBUG))
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        if self.provider.shutdown_with_timeout(FLUSH_LIMIT).is_err() {
            tracing::warn!("spans were left when the time to send them was over");
        }
        if let Some(connections) = self.connections.take() {
            // Nobody waits for what hangs, least of all a runtime inside another.
            connections.shutdown_background();
        }
    }
}

// === impl OtlpProtocol ===

impl OtlpProtocol {
    fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ExportError> {
        match first_of(&PROTOCOLS, variable) {
            None => Ok(Self::Http),
            Some((_, protocol)) if protocol == "http/protobuf" => Ok(Self::Http),
            Some((_, protocol)) if protocol == "grpc" => Ok(Self::Grpc),
            Some((key, _)) => Err(wrong(key, "must be http/protobuf or grpc")),
        }
    }
}

// === impl Sampler ===

impl Sampler {
    /// By the names of
    /// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration>.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ExportError> {
        const NAME: &str = "OTEL_TRACES_SAMPLER";
        const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
        let name = variable(NAME).unwrap_or_default();
        let (follows_the_caller, own) = match name.strip_prefix("parentbased_") {
            Some(own) => (true, own),
            None => (name.is_empty(), name.as_str()),
        };
        let ratio = match own {
            "always_off" => 0.0,
            "traceidratio" => match variable(ARGUMENT).filter(|argument| !argument.is_empty()) {
                None => 1.0,
                Some(argument) => (argument.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)))
                    .ok_or(wrong(ARGUMENT, "must be a number from 0 to 1"))?,
            },
            "always_on" => 1.0,
            "" if name.is_empty() => 1.0,
            _ => {
                return Err(wrong(
                    NAME,
                    "must be always_on, always_off or traceidratio, or one with parentbased_ before it",
                ));
            }
        };
        Ok(Self { follows_the_caller, ratio })
    }

    fn wants(self, traceparent: Option<&str>, chance: f64) -> bool {
        // version-trace-parent-flags; the last bit of the flags says that the caller records.
        let flags = traceparent.and_then(|value| u8::from_str_radix(value.split('-').nth(3)?, 16).ok());
        match flags.filter(|_| self.follows_the_caller) {
            Some(flags) => flags & 1 == 1,
            None => chance < self.ratio,
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
    fn a_caller_s_decision_counts_before_the_ratio() {
        let sampler = |name: &str, argument: &str| {
            Sampler::of(|variable| Some(if variable.ends_with("ARG") { argument } else { name }.to_owned())).unwrap()
        };
        let (recorded, not) = (Some("00-0af7-b7ad-01"), Some("00-0af7-b7ad-00"));
        let seldom = sampler("parentbased_traceidratio", "0.01");

        assert_eq!([None, recorded, not].map(|parent| seldom.wants(parent, 0.5)), [false, true, false]);
        assert!(seldom.wants(None, 0.005) && !sampler("traceidratio", "0.01").wants(recorded, 0.5));
        assert!(!sampler("always_off", "").wants(None, 0.0) && sampler("parentbased_always_on", "").wants(None, 0.99));
        assert_eq!(Sampler::of(|_| None).unwrap(), Sampler { follows_the_caller: true, ratio: 1.0 });
    }

    #[test]
    fn the_protocol_is_that_of_traces_or_else_of_all() {
        let with = |set: &[(&str, &str)]| {
            OtlpProtocol::of(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())).ok()
        };

        assert_eq!(with(&[]), Some(OtlpProtocol::Http));
        assert_eq!(with(&[(PROTOCOLS[1], "grpc")]), Some(OtlpProtocol::Grpc));
        assert_eq!(with(&[(PROTOCOLS[1], "grpc"), (PROTOCOLS[0], "http/protobuf")]), Some(OtlpProtocol::Http));
        assert_eq!(with(&[(PROTOCOLS[1], "http/json")]), None);
    }

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
