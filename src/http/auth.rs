//! Owns authentication. A handler that takes a [`Caller`] cannot be reached without a token, so that none can forget to
//! ask for it.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::callers::Principal;
use super::error::ApiError;
use super::metering::Meter;
use super::state::AppState;
use crate::config::{HashedToken, Scopes};
use crate::domain::Script;
use crate::resilience::Allowance;
use crate::speech::SpeechService;
use crate::telemetry::{Metrics, ShedReason};

/// Proof that the request came with a valid token that is good for speech. `E` is the error of the route's own shape.
pub struct Caller<E = ApiError> {
    known: Arc<Principal>,
    metrics: Metrics,
    shape: PhantomData<E>,
}

/// The same on a route of OpenAI's API, whose clients expect 401 where there is no token or a wrong one.
pub struct ApiKeyCaller(pub Caller);

/// The same on a route whose callers may be pages, which cannot set headers: the token may be one of the subprotocols
/// that they offer.
pub struct LiveCaller(pub Caller);

/// The same, of a token that is good for loading voices and letting them go.
pub struct Manager;

/// Proof that the request came with a valid token, whatever it is good for.
pub struct AnyCaller(Arc<Principal>);

/// Proof that the request may read the metrics.
pub struct MetricsReader;

/// Proof that the request may see which voices there are in the manner of OpenAI, whose clients ask for that without a
/// token.
pub struct VoiceLister;

/// The same in the service's own manner. A token that comes with the request has to be a valid one also where none is
/// needed, so that a page can tell whoever entered it.
pub struct VoiceReader;

/// What a route answers to a caller whom it does not know.
pub type UnauthenticatedError = fn() -> ApiError;

const USER_TOKEN: &str = "user-token";
const OFFERED_TOKEN: &str = "tts-token.";

// === impl Caller ===

impl<E> Caller<E> {
    fn admitted(request: &HttpRequest, unauthenticated: UnauthenticatedError) -> Result<Self, ApiError> {
        Self::admitted_by(request, unauthenticated, |request| presented(request).map(<[u8]>::to_vec))
    }

    /// By a secret that is looked for elsewhere.
    pub fn admitted_by(
        request: &HttpRequest,
        unauthenticated: UnauthenticatedError,
        find: impl Fn(&HttpRequest) -> Option<Vec<u8>>,
    ) -> Result<Self, ApiError> {
        let (known, metrics) = admitted_by(request, unauthenticated, |scopes| scopes.speak, find)?;
        Ok(Self { known, metrics, shape: PhantomData })
    }

    /// By the name of a token that signed for the request; `None`: there is no such token any more.
    pub fn admitted_by_name(request: &HttpRequest, name: &str) -> Result<Option<Self>, ApiError> {
        let found = state(request).and_then(|state| Some((state, state.callers.named_so(name)?)));
        let Some((state, known)) = found else { return Ok(None) };
        admit(request, state, &known, |scopes| scopes.speak)?;
        Ok(Some(Self { known, metrics: state.metrics.clone(), shape: PhantomData }))
    }

    /// Counts what is to be spoken against what the caller may have.
    pub fn speaks(&self, script: &Script) -> Result<(), ApiError> {
        self.speaks_characters(script.said_chars())
    }

    pub fn speaks_characters(&self, count: usize) -> Result<(), ApiError> {
        self.known.take_characters(count).map_err(|allowance| {
            if count > allowance.per_minute as usize {
                return ApiError::never_to_be_had(allowance);
            }
            exceeded(&self.metrics, allowance)
        })
    }

    /// The service, for this caller.
    pub fn speech(&self, state: &AppState) -> SpeechService {
        state.speech.of_caller(self.known.share.clone(), self.known.bytes.clone())
    }

    /// Counts the answer with which these texts are spoken.
    pub fn meter(&self, state: &AppState, script: &Script) -> Meter {
        Meter::new(state, Some(self.known.clone()), script)
    }

    /// The name of the token, empty for the secret of the settings.
    pub fn name(&self) -> &str {
        self.known.name()
    }
}

impl<E: From<ApiError> + Into<actix_web::Error>> FromRequest for Caller<E> {
    type Error = E;
    type Future = Ready<Result<Self, E>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::admitted(request, ApiError::forbidden).map_err(E::from))
    }
}

impl FromRequest for ApiKeyCaller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Caller::admitted(request, ApiError::unauthorized).map(Self))
    }
}

impl FromRequest for LiveCaller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let find = |request: &HttpRequest| presented(request).map(<[u8]>::to_vec).or_else(|| offered(request));
        ready(Caller::admitted_by(request, ApiError::forbidden, find).map(Self))
    }
}

impl AnyCaller {
    pub fn known(&self) -> &Principal {
        &self.0
    }

    /// The token whose numbers the caller may see; `None`: those of all.
    pub fn counted(&self) -> Option<&str> {
        (!self.0.scopes.manage).then(|| self.0.name())
    }
}

impl FromRequest for AnyCaller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(admitted(request, ApiError::forbidden, |_| true).map(|(known, _)| Self(known)))
    }
}

impl FromRequest for Manager {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(admitted(request, ApiError::forbidden, |scopes| scopes.manage).map(|_| Self))
    }
}

/// Who calls, if he is known, may do that and has not called too often. An error is for a body that was not read.
fn admitted(
    request: &HttpRequest,
    unauthenticated: UnauthenticatedError,
    may: impl Fn(Scopes) -> bool,
) -> Result<(Arc<Principal>, Metrics), ApiError> {
    admitted_by(request, unauthenticated, may, |request| presented(request).map(<[u8]>::to_vec))
}

fn admitted_by(
    request: &HttpRequest,
    unauthenticated: UnauthenticatedError,
    may: impl Fn(Scopes) -> bool,
    secret: impl Fn(&HttpRequest) -> Option<Vec<u8>>,
) -> Result<(Arc<Principal>, Metrics), ApiError> {
    let state = state(request).ok_or_else(unauthenticated)?;
    let secret = secret(request).ok_or_else(unauthenticated)?;
    let find = || state.callers.find(&secret);
    let known = recognized(request, state, unauthenticated, find).map_err(ApiError::closing)?;
    admit(request, state, &known, may).map_err(ApiError::closing)?;
    Ok((known, state.metrics.clone()))
}

/// Counts the request of somebody who is known, if he may make it.
fn admit(
    request: &HttpRequest,
    state: &AppState,
    known: &Arc<Principal>,
    may: impl Fn(Scopes) -> bool,
) -> Result<(), ApiError> {
    request.extensions_mut().insert(known.clone());
    if !may(known.scopes) {
        return Err(ApiError::not_in_scope());
    }
    let allowance = known.take_request().map_err(|allowance| exceeded(&state.metrics, allowance))?;
    if let Some(allowance) = allowance {
        request.extensions_mut().insert(allowance);
    }
    Ok(())
}

/// What the secret of a request stands for. Where too many wrong ones came from, none is looked at, so that guessing
/// learns nothing.
fn recognized<T>(
    request: &HttpRequest,
    state: &AppState,
    unauthenticated: UnauthenticatedError,
    find: impl Fn() -> Option<T>,
) -> Result<T, ApiError> {
    let counted = state.guesses.as_ref().zip(request.peer_addr());
    if let Some(wait) = counted.and_then(|(guesses, source)| guesses.wait(source.ip())) {
        state.metrics.count_shed(ShedReason::Guesses);
        return Err(ApiError::too_many_guesses(wait));
    }
    find().ok_or_else(|| {
        if let Some((guesses, source)) = counted {
            guesses.count_wrong(source.ip());
        }
        unauthenticated()
    })
}

fn exceeded(metrics: &Metrics, allowance: Allowance) -> ApiError {
    metrics.count_shed(ShedReason::Quota);
    ApiError::quota_exceeded(allowance)
}

impl FromRequest for MetricsReader {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(state) = state(request) else { return ready(Err(ApiError::forbidden())) };
        let Some(token) = &state.metrics_token else { return ready(Ok(Self)) };
        let Some(secret) = presented(request) else { return ready(Err(ApiError::forbidden())) };
        let is_token = || HashedToken::is_any_of(std::slice::from_ref(token), secret).then_some(Self);
        ready(recognized(request, state, ApiError::forbidden, is_token))
    }
}

impl FromRequest for VoiceLister {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let is_public = state(request).is_some_and(|state| state.public_voice_list);
        let admit = || admitted(request, ApiError::unauthorized, |scopes| scopes.speak).map(|_| Self);
        ready(if is_public { Ok(Self) } else { admit() })
    }
}

impl FromRequest for VoiceReader {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let presents_none =
            [USER_TOKEN, AUTHORIZATION.as_str()].iter().all(|name| !request.headers().contains_key(*name));
        let is_public = presents_none && state(request).is_some_and(|state| state.public_voice_list);
        ready(if is_public {
            Ok(Self)
        } else {
            admitted(request, ApiError::forbidden, |scopes| scopes.speak).map(|_| Self)
        })
    }
}

fn state(request: &HttpRequest) -> Option<&web::Data<AppState>> {
    request.app_data()
}

/// The secret in `user-token`, or else in `Authorization: Bearer`. A header that is there twice is as good as none.
pub fn presented(request: &HttpRequest) -> Option<&[u8]> {
    if request.headers().contains_key(USER_TOKEN) {
        single(request, USER_TOKEN)
    } else {
        single(request, AUTHORIZATION.as_str()).and_then(|value| of_scheme("bearer", value))
    }
}

/// A header, if it is there once.
pub fn single<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a [u8]> {
    let mut values = request.headers().get_all(name);
    values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
}

/// The secret among the subprotocols that a page offers: `tts-token.` and base64url without padding.
fn offered(request: &HttpRequest) -> Option<Vec<u8>> {
    let offers = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).filter_map(|offers| offers.to_str().ok());
    let mut secrets =
        offers.flat_map(|offers| offers.split(',')).filter_map(|offer| offer.trim().strip_prefix(OFFERED_TOKEN));
    let secret = secrets.next().filter(|_| secrets.next().is_none())?;
    URL_SAFE_NO_PAD.decode(secret).ok()
}

/// What follows the scheme, whose case does not matter (RFC 9110).
pub fn of_scheme<'a>(scheme: &str, value: &'a [u8]) -> Option<&'a [u8]> {
    let (written, secret) = value.split_at_checked(scheme.len())?;
    let secret = secret.strip_prefix(b" ")?;
    written.eq_ignore_ascii_case(scheme.as_bytes()).then(|| secret.trim_ascii())
}
