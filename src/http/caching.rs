//! Owns the headers of caching (RFC 9111) and of conditional requests (RFC 9110), of requests and of answers.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{AGE, CACHE_CONTROL, ETAG, HeaderMap, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder};
use std::time::Duration;

use super::etag::EntityTag;
use super::ranges::WantedPart;
use crate::speech::Caching;

/// What the caller wants of the cache, which answers he has, and which part of this one he wants.
pub struct Conditions {
    pub caching: Caching,
    pub part: WantedPart,
    held: Vec<String>,
}

// === impl Conditions ===

impl Conditions {
    /// 304, if the caller has this answer. One who forbids storing is told nothing of what is stored.
    pub fn not_modified(&self, tag: Option<&EntityTag>) -> Option<HttpResponse> {
        let tag = tag
            .filter(|tag| self.caching != Caching::Forbidden && self.held.iter().any(|held| tag.is(held.as_bytes())))?;
        Some(HttpResponse::NotModified().insert_header((ETAG, tag.as_str())).finish())
    }
}

impl FromRequest for Conditions {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let headers = request.headers();
        // Whether the tag is weak makes no difference to this question.
        let held = listed(headers, IF_NONE_MATCH.as_str())
            .map(|tag| tag.strip_prefix("W/").unwrap_or(tag).to_owned())
            .collect();
        ready(Ok(Self { caching: caching(headers), part: WantedPart::of(request), held }))
    }
}

/// The strictest of what is said.
fn caching(headers: &HeaderMap) -> Caching {
    let says =
        |name: &str| listed(headers, CACHE_CONTROL.as_str()).any(|directive| directive.eq_ignore_ascii_case(name));
    if says("no-store") {
        Caching::Forbidden
    } else if says("only-if-cached") {
        Caching::Only
    } else if says("no-cache") {
        Caching::Fresh
    } else {
        Caching::Allowed
    }
}

fn listed<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// Adds what an answer says of itself: its tag, and its age if it was kept.
pub fn describe(response: &mut HttpResponseBuilder, tag: Option<&EntityTag>, age: Option<Duration>) {
    if let Some(tag) = tag {
        response.insert_header((ETAG, tag.as_str()));
    }
    if let Some(age) = age {
        response.insert_header((AGE, age.as_secs()));
    }
}
