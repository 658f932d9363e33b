//! Owns the pages for people: the playground at `/`, the reference at `/docs`. Plain files within the program, which ask no other host for anything.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpResponse, web};

use super::caching::{Conditions, EntityTag};
use super::error::ApiError;

/// Nothing but what this service itself serves is run, shown or asked.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self' blob:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Kept, and asked about each time: a page and its parts are always of one version.
const CACHING: HeaderValue = HeaderValue::from_static("no-cache");

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// What lies below `/page/`.
const PARTS: [(&str, &str, &str); 12] = [
    ("api.js", SCRIPT, include_str!("page/api.js")),
    ("live.js", SCRIPT, include_str!("page/live.js")),
    ("player.js", SCRIPT, include_str!("page/player.js")),
    ("playground.css", STYLE, include_str!("page/playground.css")),
    ("reading.js", SCRIPT, include_str!("page/reading.js")),
    ("samples.js", SCRIPT, include_str!("page/samples.js")),
    ("speech.js", SCRIPT, include_str!("page/speech.js")),
    ("token.js", SCRIPT, include_str!("page/token.js")),
    ("typing.js", SCRIPT, include_str!("page/typing.js")),
    ("voices.js", SCRIPT, include_str!("page/voices.js")),
    ("waveform.js", SCRIPT, include_str!("page/waveform.js")),
    ("words.js", SCRIPT, include_str!("page/words.js")),
];

/// A page to try the service in.
#[utoipa::path(get, path = "/", tag = "service", security(()),
    responses((status = 200, description = "The playground", body = String, content_type = "text/html")))]
pub async fn playground(conditions: Conditions) -> HttpResponse {
    file(HTML, include_str!("page/playground.html"), &conditions)
}

/// This description for people to read.
#[utoipa::path(get, path = "/docs", tag = "service", security(()),
    responses((status = 200, description = "The reference", body = String, content_type = "text/html")))]
pub async fn reference(conditions: Conditions) -> HttpResponse {
    file(HTML, include_str!("page/docs.html"), &conditions)
}

pub async fn playground_script(conditions: Conditions) -> HttpResponse {
    file(SCRIPT, include_str!("page/playground.js"), &conditions)
}

pub async fn reference_script(conditions: Conditions) -> HttpResponse {
    file(SCRIPT, include_str!("page/docs.js"), &conditions)
}

pub async fn style(conditions: Conditions) -> HttpResponse {
    file(STYLE, include_str!("page/style.css"), &conditions)
}

pub async fn part(name: web::Path<String>, conditions: Conditions) -> Result<HttpResponse, ApiError> {
    let (_, content_type, text) =
        PARTS.into_iter().find(|(known, ..)| *known == *name).ok_or_else(ApiError::not_found)?;
    Ok(file(content_type, text, &conditions))
}

fn file(content_type: &'static str, text: &'static str, conditions: &Conditions) -> HttpResponse {
    let tag = EntityTag::of_bytes(text.as_bytes());
    if let Some(mut unchanged) = conditions.not_modified(Some(&tag)) {
        unchanged.headers_mut().insert(CACHE_CONTROL, CACHING);
        return unchanged;
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, content_type))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CACHE_CONTROL, CACHING))
        .insert_header((ETAG, tag.to_string()))
        .body(text)
}
