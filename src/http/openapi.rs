//! Owns `GET /openapi.json`: the description of the routes in OpenAPI 3.1, put together from what stands at handlers
//! and shapes.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use bytes::Bytes;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::responses::{ErrorBody, FrontErrorBody, LegacyErrorBody};
use super::{
    batches, catalogue, fronts, health, legacy, limits, links, live, normalize, openai, openapi, page, phonemize,
    synthesize, timestamps, usage, voice_files, voices,
};

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
        links::make_link,
        links::speak,
        live::live,
        fronts::deepgram::speak,
        fronts::deepgram::socket,
        fronts::elevenlabs::convert,
        fronts::elevenlabs::stream,
        fronts::elevenlabs::with_timestamps,
        fronts::elevenlabs::stream_with_timestamps,
        fronts::elevenlabs::socket::stream_input,
        fronts::elevenlabs::socket::multi_stream_input,
        fronts::cartesia::bytes,
        fronts::cartesia::socket::socket,
        phonemize::phonemize,
        normalize::normalize,
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
        catalogue::catalogue,
        catalogue::offered,
        catalogue::fetch,
        voices::list,
        voices::show,
        voice_files::put,
        voice_files::remove,
        voices::load,
        voices::unload,
        openai::speech,
        openai::models,
        openai::model,
        openai::voices,
        openai::model_names,
        legacy::synthesize,
        usage::usage,
        limits::limits,
        health::health,
        health::livez,
        health::readyz,
        health::metrics,
        page::playground,
        page::reference,
        openapi::document,
    ),
    components(schemas(ErrorBody, FrontErrorBody, LegacyErrorBody)),
    modifiers(&Tokens, &OperationIds),
    tags(
        (name = "speech", description = "Text to audio."),
        (name = "batches", description = "Many texts, spoken when there is time for them."),
        (name = "voices", description = "What may speak."),
        (name = "openai", description = "The routes of OpenAI's speech API."),
        (name = "deepgram", description = "The routes of Deepgram's speech API, if `TTS_FRONTS` names it. Its key is also taken as `Authorization: Token KEY`."),
        (name = "elevenlabs", description = "The routes of ElevenLabs' speech API, if `TTS_FRONTS` names it."),
        (name = "cartesia", description = "The routes of Cartesia's speech API, if `TTS_FRONTS` names it."),
        (name = "usage", description = "What callers have had, and may have."),
        (name = "legacy", description = "The earlier Python service's route."),
        (name = "service", description = "What machines and people look at."),
    ),
)]
struct ApiDescription;

/// Callers' tokens, in either of two headers.
struct Tokens;

/// Names that are there once: what clients generated of the description call its operations.
struct OperationIds;

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| ApiDescription::openapi().to_json().unwrap_or_default().into());

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "service", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)))]
pub async fn document() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(DOCUMENT.clone())
}

impl Modify for Tokens {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let components = description.components.get_or_insert_default();
        let own = ApiKey::Header(ApiKeyValue::with_description("user-token", "The token in a header of its own."));
        components.add_security_scheme("user-token", SecurityScheme::ApiKey(own));
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some("The same token as `Authorization: Bearer TOKEN`.".to_owned());
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        for name in ["x-api-key", "xi-api-key"] {
            let other =
                ApiKey::Header(ApiKeyValue::with_description(name, "The same token, on routes of another API."));
            components.add_security_scheme(name, SecurityScheme::ApiKey(other));
        }
    }
}

impl Modify for OperationIds {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        for path in description.paths.paths.values_mut() {
            for operation in [&mut path.get, &mut path.post, &mut path.delete].into_iter().flatten() {
                let tag = operation.tags.iter().flatten().next().map_or("", String::as_str);
                operation.operation_id = operation.operation_id.as_ref().map(|handler| format!("{tag}_{handler}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::responses::ANY_BYTES;
    use super::*;
    use crate::audio::AudioFormat;

    #[test]
    fn every_route_is_described_with_its_version_and_its_errors() {
        let description: serde_json::Value = serde_json::from_slice(&DOCUMENT).unwrap();

        assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
        assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
        let mut ids = BTreeSet::new();
        for (path, operations) in description["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path}: {operation}");
                assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}: {operation}");
                let is_open = operation["security"][0].as_object().is_some_and(serde_json::Map::is_empty);
                let fails = ["4XX", "5XX"].map(|status| operation["responses"][status].is_object());
                assert!(is_open || fails == [true; 2], "{method} {path}: {operation}");
            }
        }
    }

    /// As `type: array` of numbers it would be what generated clients make of it.
    #[test]
    fn what_is_no_text_is_described_as_bytes() {
        let description: serde_json::Value = serde_json::from_slice(&DOCUMENT).unwrap();
        let mut bodies = 0;
        for operation in
            description["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
        {
            for answer in operation["responses"].as_object().unwrap().values() {
                for (name, body) in answer["content"].as_object().into_iter().flatten() {
                    if name.starts_with("audio/") || ["application/zip", ANY_BYTES].contains(&name.as_str()) {
                        let schema = body["schema"]["$ref"].as_str().map_or(&body["schema"], |reference| {
                            description.pointer(reference.trim_start_matches('#')).unwrap()
                        });
                        assert_eq!(
                            (&schema["type"], &schema["format"]),
                            (&"string".into(), &"binary".into()),
                            "{name}"
                        );
                        bodies += 1;
                    }
                }
            }
        }
        assert!(bodies > 3 * AudioFormat::ALL.len(), "{bodies}");
    }
}
