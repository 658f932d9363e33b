//! Owns the routes by which machines watch the service. Liveness depends on nothing outside the process; readiness says
//! why not.

use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::MetricsReader;
use super::error::ApiError;
use super::responses::Failures;
use super::state::AppState;
use crate::telemetry::METRICS_FORMAT;

#[derive(Serialize, ToSchema)]
#[schema(as = Status)]
struct HealthStatus {
    status: &'static str,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

/// Whether the service runs.
#[utoipa::path(get, path = "/health", tag = "service", security(()),
    responses((status = 200, description = "It does", body = HealthStatus)))]
pub async fn health() -> HttpResponse {
    HttpResponse::Ok().json(HealthStatus::of("healthy"))
}

/// Whether the process lives.
#[utoipa::path(get, path = "/livez", tag = "service", security(()),
    responses((status = 200, description = "It does", body = HealthStatus)))]
pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(HealthStatus::of("alive"))
}

/// Whether the service can take work, and if not, why.
#[utoipa::path(get, path = "/readyz", tag = "service", security(()),
    responses(
        (status = 200, description = "It can", body = HealthStatus),
        (status = 503, description = "It cannot", body = HealthStatus),
    ))]
pub async fn readyz(state: web::Data<AppState>) -> HttpResponse {
    let reasons: Vec<String> = state.readiness.reasons().iter().map(ToString::to_string).collect();
    if reasons.is_empty() {
        HttpResponse::Ok().json(HealthStatus::of("ready"))
    } else {
        HttpResponse::ServiceUnavailable()
            .insert_header((RETRY_AFTER, 1))
            .json(HealthStatus { status: "unready", reasons })
    }
}

/// Metrics in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "service", security((), ("user-token" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "The metrics", body = String, content_type = "text/plain"),
        Failures,
    ))]
pub async fn metrics(_reader: MetricsReader, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let text = state.metrics.render().map_err(|error| {
        tracing::error!(%error, "metrics could not be rendered");
        ApiError::new(
            actix_web::http::StatusCode::INTERNAL_SERVER_ERROR,
            "metrics_failed",
            "metrics could not be rendered",
        )
    })?;
    Ok(HttpResponse::Ok().content_type(METRICS_FORMAT).body(text))
}

// === impl HealthStatus ===

impl HealthStatus {
    fn of(status: &'static str) -> Self {
        Self { status, reasons: Vec::new() }
    }
}
