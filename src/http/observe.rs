//! Owns the middleware around every request: its id, its time, its count, its framing. The route's pattern is the
//! label, never the path.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderName, HeaderValue, UPGRADE};
use actix_web::http::{ConnectionType, Method, StatusCode, Version};
use actix_web::middleware::Next;
use actix_web::web;
use actix_web::{Error, HttpMessage, ResponseError};
use tracing::field::Empty;
use tracing::{Instrument, Level, Span};
use uuid::Uuid;

use super::callers::Principal;
use super::connection::ConnectionHandle;
use super::error::{ApiError, rate_limit};
use super::fronts::FrontError;
use super::fronts::cartesia::Cartesia;
use super::fronts::deepgram::Deepgram;
use super::fronts::elevenlabs::ElevenLabs;
use super::legacy::LegacyError;
use super::state::AppState;
use super::unread::{RequestBody, WithKeptBody, watch_body};
use crate::resilience::Allowance;
use crate::telemetry::{TRACED, UNTRACED, continue_trace, is_traced, rename, trace_id};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const UNKNOWN_ROUTE: &str = "other";

/// What is not among these is `_OTHER`, as whoever calls may call it anything.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];

/// Of this service or of those that it gets voices from, and not of whoever calls or of how many do.
const FAULTS: [u16; 2] = [500, 502];

pub async fn observe(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<WithKeptBody>, Error> {
    let connection = request.conn_data::<ConnectionHandle>().cloned();
    if connection.as_ref().is_some_and(ConnectionHandle::is_closing) {
        // The server goes on with what came with the last request, and ends when it reads.
        return pending().await;
    }
    let began = Instant::now();
    let id = Uuid::now_v7();
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let entered = state.as_ref().map(|state| state.in_flight.enter());
    let in_flight = state.as_ref().map(|state| state.in_flight.clone()).unwrap_or_default();
    let span = request_span(&request, id);
    let body = watch_body(&mut request, connection.as_ref());
    let knows_chunks = request.version() >= Version::HTTP_11;
    let wants_close = request.head().connection_type() == ConnectionType::Close;

    let mut response = tokio::select! {
        response = next.call(request).instrument(span.clone()) => response?,
        () = in_flight.until_cut() => return Err(cut_off(id)),
    };

    let elapsed = began.elapsed();
    let route = response.request().match_pattern().unwrap_or_else(|| UNKNOWN_ROUTE.to_owned());
    let status = response.status();
    if let Some(state) = state {
        let labels = [route.as_str(), status.as_str()];
        state.metrics.http_requests.with_label_values(&labels).inc();
        state.metrics.http_request_duration.with_label_values(&labels).observe(elapsed.as_secs_f64());
        if status.is_client_error() || status.is_server_error() {
            let known = response.request().extensions().get::<Arc<Principal>>().cloned();
            known.inspect(|known| state.usage.count_refusal(known.name()));
        }
    }
    rename(&span, format_args!("{} {route}", method(response.request().method())));
    span.record("http.route", &route);
    span.record("http.response.status_code", status.as_u16());
    log(&span, id, &route, &response, elapsed);

    if !knows_chunks && response.response().body().size() == BodySize::Stream {
        // The end of the connection is the end of the answer.
        let head = response.response_mut().head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
        if let Some(connection) = &connection {
            connection.answer_ends_with_connection();
        }
    }
    if response.request().headers().contains_key(UPGRADE) && status != StatusCode::SWITCHING_PROTOCOLS {
        // Whoever asks for another protocol is answered in this one. The server would say that it changes, and closes
        // the connection.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    if body.as_ref().is_some_and(RequestBody::is_unread) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let allowance = response.request().extensions().get::<Allowance>().copied();
    let headers = response.headers_mut();
    for (name, value) in allowance.iter().flat_map(rate_limit) {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
    let timing = format!("total;dur={:.1}", elapsed.as_secs_f64() * 1e3);
    for (name, value) in [(REQUEST_ID, id.to_string()), (SERVER_TIMING, timing)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    let head = response.response_mut().head_mut();
    // Heads are used again, with the version of the last answer that they were of; the server sets it when it writes.
    head.version = Version::HTTP_11;
    let is_last = wants_close || head.connection_type() == ConnectionType::Close;
    Ok(response.map_body(|_, answer| WithKeptBody::new(answer, connection, is_last, body, entered)))
}

/// What a request is told that the end of the service cuts, before anything of its answer was sent.
fn cut_off(id: Uuid) -> Error {
    let mut answer = ApiError::stopping().error_response();
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    InternalError::from_response("stopping", answer).into()
}

/// Named by the conventions of <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>.
fn request_span(request: &ServiceRequest, id: Uuid) -> Span {
    macro_rules! span {
        (target: $target:expr) => {
            tracing::debug_span!(
                target: $target,
                "request",
                otel.kind = "server",
                http.request.method = method(request.method()),
                http.route = Empty,
                http.response.status_code = Empty,
                request_id = %id,
            )
        };
    }
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    // The last 32 bits of an id are random.
    let chance = f64::from(id.as_u128() as u32) / f64::from(u32::MAX);
    if !is_traced(header("traceparent"), chance) {
        return span!(target: UNTRACED);
    }
    let span = span!(target: TRACED);
    continue_trace(&span, &header);
    span
}

fn method(method: &Method) -> &'static str {
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

/// What an operator should know of goes into the log as it is usually kept; the rest is there for whoever looks for
/// something.
fn log<B>(span: &Span, id: Uuid, route: &str, response: &ServiceResponse<B>, elapsed: Duration) {
    let milliseconds = elapsed.as_secs_f64() * 1e3;
    let status = response.status().as_u16();
    if FAULTS.contains(&status) {
        let (trace_id, reason) = (trace_id(span), reason(response));
        tracing::error!(request_id = %id, trace_id, route, status, milliseconds, reason, "request failed");
    } else if tracing::enabled!(Level::DEBUG) {
        let trace_id = trace_id(span);
        tracing::debug!(request_id = %id, trace_id, route, status, milliseconds, "request answered");
    }
}

/// What is wrong inside, which the answer does not say.
fn reason<B>(response: &ServiceResponse<B>) -> Option<&str> {
    let error = response.response().error()?;
    let error = error
        .as_error::<ApiError>()
        .or_else(|| error.as_error::<LegacyError>()?.inner())
        .or_else(|| FrontError::<Cartesia>::inner(error))
        .or_else(|| FrontError::<Deepgram>::inner(error))
        .or_else(|| FrontError::<ElevenLabs>::inner(error));
    error?.reason.as_deref()
}
