//! Owns parts of answers: what of one a caller wants (RFC 9110, section 14), and what is sent of it.

use actix_web::http::header::{ACCEPT_RANGES, CONTENT_RANGE, Header, HeaderValue, IF_RANGE, Range};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;

use super::etag::EntityTag;
use super::pieces::Pieces;
use crate::resilience::SharedHold;

/// What of an answer is wanted. Only `GET` has parts; with another method all of it is.
#[derive(Debug)]
pub struct WantedPart {
    /// Whether the caller could as well have asked for a part.
    has_parts: bool,
    range: Option<Range>,
    /// Of which answer the caller has other parts.
    condition: Option<HeaderValue>,
}

#[derive(Debug, PartialEq, Eq)]
enum RequestedRange {
    All,
    /// From this byte to that, both with it.
    Part(u64, u64),
    Nothing,
}

// === impl WantedPart ===

impl WantedPart {
    pub fn of(request: &HttpRequest) -> Self {
        let is_get = request.method() == Method::GET;
        let range = if is_get { Range::parse(request).ok() } else { None };
        let has_parts = is_get || request.method() == Method::HEAD;
        Self { has_parts, range, condition: request.headers().get(IF_RANGE).cloned() }
    }

    /// Whether it is not all of it.
    pub fn is_part(&self) -> bool {
        self.range.is_some()
    }

    /// The answer with this head of which that is the whole body.
    pub fn answer(
        &self,
        mut head: HttpResponseBuilder,
        tag: Option<&EntityTag>,
        body: Bytes,
        held: SharedHold,
    ) -> HttpResponse {
        let length = body.len() as u64;
        if self.has_parts {
            head.insert_header((ACCEPT_RANGES, "bytes"));
        }
        match self.wanted(tag, length) {
            RequestedRange::All => head.body(Pieces::new(body, held)),
            RequestedRange::Part(from, to) => {
                head.status(StatusCode::PARTIAL_CONTENT);
                head.insert_header((CONTENT_RANGE, format!("bytes {from}-{to}/{length}")));
                head.body(Pieces::new(body.slice(from as usize..=to as usize), held))
            }
            RequestedRange::Nothing => {
                let range = format!("bytes */{length}");
                HttpResponse::RangeNotSatisfiable().insert_header((CONTENT_RANGE, range)).finish()
            }
        }
    }

    /// One range is answered; several, or another unit, are as if there were none (RFC 9110, 14.2).
    fn wanted(&self, tag: Option<&EntityTag>, length: u64) -> RequestedRange {
        let Some(Range::Bytes(ranges)) = &self.range else { return RequestedRange::All };
        // Dates are compared with nothing, as no answer has one.
        let is_of_this = self.condition.as_ref().is_none_or(|other| tag.is_some_and(|tag| tag.is(other.as_bytes())));
        match ranges.as_slice() {
            [one] if is_of_this => one
                .to_satisfiable_range(length)
                .map_or(RequestedRange::Nothing, |(from, to)| RequestedRange::Part(from, to)),
            _ => RequestedRange::All,
        }
    }
}
