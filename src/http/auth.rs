//! Owns who may call. A handler that takes a [`Caller`] cannot be reached without a token, so that none can forget to ask for it.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::{FromRequest, HttpRequest, web};

use super::error::ApiError;
use super::state::AppState;
use crate::config::Token;

/// Proof that the request came with a valid token. `E` is the error of the route's own shape.
pub struct Caller<E = ApiError>(PhantomData<E>);

/// Proof that the request may read the metrics.
pub struct MetricsReader;

/// Proof that the request may see which voices there are in the manner of OpenAI, whose clients ask for that without a token.
pub struct VoiceLister;

const USER_TOKEN: &str = "user-token";

impl<E: From<ApiError> + Into<actix_web::Error>> FromRequest for Caller<E> {
    type Error = E;
    type Future = Ready<Result<Self, E>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let known = state(request).is_some_and(|state| presents_one_of(request, &state.tokens));
        ready(known.then_some(Self(PhantomData)).ok_or_else(|| ApiError::forbidden().closing().into()))
    }
}

impl FromRequest for MetricsReader {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let known = state(request).is_some_and(|state| match &state.metrics_token {
            Some(token) => presents_one_of(request, std::slice::from_ref(token)),
            None => true,
        });
        ready(known.then_some(Self).ok_or_else(ApiError::forbidden))
    }
}

impl FromRequest for VoiceLister {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let may =
            state(request).is_some_and(|state| state.public_voice_list || presents_one_of(request, &state.tokens));
        ready(may.then_some(Self).ok_or_else(ApiError::forbidden))
    }
}

fn state(request: &HttpRequest) -> Option<&web::Data<AppState>> {
    request.app_data()
}

/// Looks at `user-token`, or else at `Authorization: Bearer`. A header that is there twice is as good as none.
fn presents_one_of(request: &HttpRequest, tokens: &[Token]) -> bool {
    let single = |name: &str| {
        let mut values = request.headers().get_all(name);
        values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
    };
    let presented = if request.headers().contains_key(USER_TOKEN) {
        single(USER_TOKEN)
    } else {
        single(AUTHORIZATION.as_str()).and_then(bearer)
    };
    presented.is_some_and(|secret| Token::is_any_of(tokens, secret))
}

/// What follows the scheme, whose case does not matter (RFC 9110).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, secret) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| secret.trim_ascii())
}
