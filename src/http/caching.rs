//! Owns what a request says of caching (RFC 9111): `no-store` alone is understood.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{FromRequest, HttpRequest};

use crate::speech::Caching;

const NO_STORE: &str = "no-store";

impl FromRequest for Caching {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let forbidden = request
            .headers()
            .get_all(CACHE_CONTROL)
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|directive| directive.trim().eq_ignore_ascii_case(NO_STORE));
        ready(Ok(if forbidden { Self::Forbidden } else { Self::Allowed }))
    }
}
