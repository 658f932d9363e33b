//! Owns the routes by which machines watch the service. Liveness depends on nothing outside the process; readiness says why not.

use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::auth::MetricsReader;
use super::error::ApiError;
use super::state::AppState;

pub async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "healthy"}))
}

pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

pub async fn readyz(state: web::Data<AppState>) -> HttpResponse {
    let reasons: Vec<String> = state.readiness.reasons().iter().map(ToString::to_string).collect();
    if reasons.is_empty() {
        HttpResponse::Ok().json(json!({"status": "ready"}))
    } else {
        HttpResponse::ServiceUnavailable()
            .insert_header((RETRY_AFTER, 1))
            .json(json!({"status": "unready", "reasons": reasons}))
    }
}

pub async fn metrics(_reader: MetricsReader, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let text = state.metrics.render().map_err(|error| {
        tracing::error!(%error, "metrics could not be rendered");
        ApiError::new(
            actix_web::http::StatusCode::INTERNAL_SERVER_ERROR,
            "metrics_failed",
            "metrics could not be rendered",
        )
    })?;
    Ok(HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(text))
}
