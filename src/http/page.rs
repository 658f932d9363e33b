//! Owns the pages for people: the desk at `/`, the reference at `/docs`. Plain files within the program, which ask no
//! other host for anything.

use std::sync::LazyLock;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpResponse, web};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::caching::Conditions;
use super::error::ApiError;
use super::etag::EntityTag;

/// Nothing but what this service itself serves is run, shown or asked.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self' blob:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The desk and its policy. Its style is within it: a page is not painted before it has its style, and another request
/// for that takes a fifth of the time until then.
static DESK: LazyLock<(String, String)> = LazyLock::new(|| {
    let style = concat!(include_str!("page/style.css"), include_str!("page/desk.css"));
    let page = include_str!("page/playground.html").replace(STYLE_PLACE, &format!("<style>{style}</style>"));
    let digest = BASE64_STANDARD.encode(Sha256::digest(style));
    (page, POLICY.replace("style-src 'self'", &format!("style-src 'self' 'sha256-{digest}'")))
});
const STYLE_PLACE: &str = "<style></style>";

/// Kept, and asked about each time: a page and its parts are always of one version.
const CACHING: HeaderValue = HeaderValue::from_static("no-cache");

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! included {
    ($($name:literal,)*) => { &[$(($name, include_str!(concat!("page/", $name)))),*] };
}

/// What lies below `/page/`.
const PARTS: &[(&str, &str)] = included! {
    "api.js",
    "batches.js",
    "chart.js",
    "code.js",
    "csv.js",
    "dom.js",
    "earlier.js",
    "fetching.js",
    "going.js",
    "hear.js",
    "item_table.js",
    "items.js",
    "library.js",
    "live.js",
    "memory.js",
    "paged.js",
    "player.js",
    "reading.js",
    "samples.js",
    "service_state.js",
    "session.js",
    "settings.js",
    "speak.js",
    "speech.js",
    "takes.js",
    "token.js",
    "typing.js",
    "upload.js",
    "use.js",
    "voices.js",
    "wav.js",
    "waveform.js",
    "words.js",
};

/// A desk to work at: speak, choose voices, make batches, see what was had.
#[utoipa::path(get, path = "/", tag = "service", security(()),
    responses((status = 200, description = "The desk", body = String, content_type = "text/html")))]
pub async fn playground(conditions: Conditions) -> HttpResponse {
    let (page, policy) = &*DESK;
    file(HTML, page, policy, &conditions)
}

/// This description for people to read.
#[utoipa::path(get, path = "/docs", tag = "service", security(()),
    responses((status = 200, description = "The reference", body = String, content_type = "text/html")))]
pub async fn reference(conditions: Conditions) -> HttpResponse {
    file(HTML, include_str!("page/docs.html"), POLICY, &conditions)
}

pub async fn playground_script(conditions: Conditions) -> HttpResponse {
    file(SCRIPT, include_str!("page/playground.js"), POLICY, &conditions)
}

pub async fn reference_script(conditions: Conditions) -> HttpResponse {
    file(SCRIPT, include_str!("page/docs.js"), POLICY, &conditions)
}

pub async fn style(conditions: Conditions) -> HttpResponse {
    file(STYLE, include_str!("page/style.css"), POLICY, &conditions)
}

pub async fn part(name: web::Path<String>, conditions: Conditions) -> Result<HttpResponse, ApiError> {
    let (_, text) = PARTS.iter().find(|(known, _)| *known == *name).ok_or_else(ApiError::not_found)?;
    Ok(file(SCRIPT, text, POLICY, &conditions))
}

fn file(content_type: &'static str, text: &'static str, policy: &'static str, conditions: &Conditions) -> HttpResponse {
    let tag = EntityTag::of_bytes(text.as_bytes());
    if let Some(mut unchanged) = conditions.not_modified(Some(&tag)) {
        unchanged.headers_mut().insert(CACHE_CONTROL, CACHING);
        return unchanged;
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, content_type))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CACHE_CONTROL, CACHING))
        .insert_header((ETAG, tag.to_string()))
        .body(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They are there at once, also on a phone that is far away.
    const MAX_BYTES: usize = 150_000;

    /// Those that lie beside `/page/`.
    const OTHERS: &[(&str, &str)] =
        included! { "desk.css", "docs.html", "docs.js", "playground.html", "playground.js", "style.css", };

    #[test]
    fn pages_are_small_and_each_script_owns_one_thing() {
        assert!(PARTS.iter().chain(OTHERS).map(|(_, text)| text.len()).sum::<usize>() < MAX_BYTES);
        for (name, text) in PARTS {
            assert!(text.lines().count() < 250, "{name}");
        }
    }

    #[test]
    fn the_desk_has_its_style_and_a_policy_that_names_it() {
        let (page, policy) = &*DESK;

        let (_, rest) = page.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let digest = BASE64_STANDARD.encode(Sha256::digest(style));

        assert!(style.contains("#parts") && !page.contains("stylesheet"));
        assert!(policy.contains(&format!("style-src 'self' 'sha256-{digest}';")), "{policy}");
    }

    #[test]
    fn every_file_of_the_pages_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/page");
        for file in std::fs::read_dir(folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(PARTS.iter().chain(OTHERS).any(|(known, _)| *known == name), "{name}");
        }
    }
}
