//! Owns what happens around every request: its id, its time, its count, its framing. The route's pattern is the label, never the path.

use std::time::Instant;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Version};
use actix_web::middleware::Next;
use actix_web::web;
use actix_web::{Error, HttpMessage};
use uuid::Uuid;

use super::error::rate_limit;
use super::state::AppState;
use super::unread::{WithKeptBody, keep_chunked_body};
use crate::resilience::Allowance;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const UNKNOWN_ROUTE: &str = "other";

pub async fn observe(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<WithKeptBody>, Error> {
    let began = Instant::now();
    let id = Uuid::now_v7();
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let body = keep_chunked_body(&mut request);
    let knows_chunks = request.version() >= Version::HTTP_11;

    let mut response = next.call(request).await?;

    let elapsed = began.elapsed();
    let route = response.request().match_pattern().unwrap_or_else(|| UNKNOWN_ROUTE.to_owned());
    let status = response.status();
    if let Some(state) = state {
        state.metrics.http_requests.with_label_values(&[route.as_str(), status.as_str()]).inc();
        state.metrics.http_request_duration.with_label_values(&[&route]).observe(elapsed.as_secs_f64());
    }
    tracing::debug!(request_id = %id, route, status = status.as_u16(), milliseconds = elapsed.as_secs_f64() * 1e3, "request answered");

    if !knows_chunks && response.response().body().size() == BodySize::Stream {
        // The end of the connection is the end of the answer.
        let head = response.response_mut().head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
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
    Ok(response.map_body(|_, answer| WithKeptBody::new(answer, body)))
}
