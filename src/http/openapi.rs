//! Owns `GET /openapi.json`: the description of the routes in OpenAPI 3.1, put together from what stands at handlers and shapes.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use bytes::Bytes;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

use super::{batches, health, legacy, openai, openapi, page, phonemize, synthesize, timestamps, voices};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "tts-batch-api",
        description = "Text to speech with Piper voices. Text comes in, audio goes out, whole or as it is made; what was said before comes from \
                       the cache. The README says more.",
    ),
    paths(
        synthesize::synthesize,
        timestamps::timestamps,
        phonemize::phonemize,
        batches::submit,
        batches::list,
        batches::show,
        batches::remove,
        batches::audio,
        batches::timestamps,
        batches::subtitles,
        batches::joined,
        batches::archive,
        batches::events,
        voices::list,
        voices::show,
        voices::load,
        voices::unload,
        openai::speech,
        openai::models,
        openai::voices,
        legacy::synthesize,
        health::health,
        health::livez,
        health::readyz,
        health::metrics,
        page::playground,
        page::reference,
        openapi::document,
    ),
    modifiers(&Tokens),
    tags(
        (name = "speech", description = "Text to audio."),
        (name = "batches", description = "Many texts, spoken when there is time for them."),
        (name = "voices", description = "What may speak."),
        (name = "openai", description = "The routes of OpenAI's speech API."),
        (name = "legacy", description = "The earlier Python service's route."),
        (name = "service", description = "What machines and people look at."),
    ),
)]
struct Description;

/// Callers' tokens, in either of two headers.
struct Tokens;

/// Why a request was not answered.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct ErrorBody {
    error: ErrorDetail,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct ErrorDetail {
    /// For people.
    message: String,
    /// As OpenAI names kinds of errors.
    r#type: String,
    /// The field that is at fault.
    param: Option<String>,
    /// For programs.
    code: String,
}

/// What a request is answered on the earlier service's route.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct LegacyErrorBody {
    /// A message, or a list of what is wrong with which field.
    detail: serde_json::Value,
}

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Description::openapi().to_json().unwrap_or_default().into());

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "service", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)))]
pub async fn document() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(DOCUMENT.clone())
}

impl Modify for Tokens {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let components = description.components.get_or_insert_default();
        let own = ApiKey::Header(ApiKeyValue::new("user-token"));
        components.add_security_scheme("user-token", SecurityScheme::ApiKey(own));
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_with_its_version_and_its_errors() {
        let description: serde_json::Value = serde_json::from_slice(&DOCUMENT).unwrap();

        assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
        assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
        for (path, operations) in description["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path}: {operation}");
                let is_open = operation["security"][0].as_object().is_some_and(serde_json::Map::is_empty);
                assert!(is_open || operation["responses"]["default"].is_object(), "{method} {path}: {operation}");
            }
        }
    }
}
