//! Owns `GET /v1/live`: speech of a text that is still being written, over a WebSocket; and what other routes of the
//! kind have in common with it.
//!
//! - `reader`: texts in the manner that a message asks for; `socket`: one connection, whatever is spoken on it;
//!   `protocol`: what is spoken on this route; `frames`: how large what comes may be.

mod frames;
mod protocol;
mod reader;
mod socket;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::UPGRADE;
use actix_web::{HttpRequest, HttpResponse, web};

use self::protocol::Native;
use self::socket::{OpenSocket, run};
use super::auth::{Caller, LiveCaller};
use super::error::ApiError;
use super::responses::Failures;
use super::state::AppState;
use crate::live::NoSession;

pub use self::protocol::shortened;
pub use self::reader::{LiveReader, body};
pub use self::socket::{Closing, LiveProtocol, LiveTexts, Out};

/// The subprotocol's name.
const SUBPROTOCOL: &str = "tts-live.v1";

/// Speech of texts that are still being written, over a WebSocket.
///
/// docs/live.md describes the messages. Browsers, which cannot set headers, offer the subprotocols `tts-live.v1` and
/// `tts-token.` followed by the token in base64url without padding.
#[utoipa::path(get, path = "/v1/live", tag = "speech", security(("user-token" = []), ("bearer" = [])),
    extensions(("x-messages" = json!([{"type": "text", "text": "Hello. This machine can speak."}, {"type": "close"}]))),
    responses(
        (status = 101, description = "The connection is a WebSocket from here on"),
        (status = 426, description = "The request does not ask for a WebSocket"),
        Failures,
    ))]
pub async fn live(
    caller: LiveCaller,
    state: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let caller = Arc::new(caller.0);
    let protocol = Native::new(state.clone(), caller.clone());
    upgrade(&caller, &state, &request, payload, ("live", &[SUBPROTOCOL]), protocol).await
}

/// Makes the connection a WebSocket that `protocol` is spoken on, by its name in metrics and those that it has as a
/// subprotocol.
pub async fn upgrade(
    caller: &Caller,
    state: &web::Data<AppState>,
    request: &HttpRequest,
    payload: web::Payload,
    (name, subprotocols): (&'static str, &[&str]),
    protocol: impl LiveProtocol,
) -> Result<HttpResponse, ApiError> {
    if !request.headers().contains_key(UPGRADE) {
        let message = "this route is a WebSocket: ask for an upgrade";
        return Err(ApiError::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", message));
    }
    let taken = state.live.enter(caller.name(), name)?;
    let most = state.limits.body_bytes;
    let bad = |_| ApiError::new(StatusCode::BAD_REQUEST, "invalid_handshake", "this is no handshake of a WebSocket");
    let payload = frames::bounded(request, payload, most).await.map_err(bad)?;
    let (response, socket, messages) = actix_ws::handle_with_protocols(request, payload, subprotocols).map_err(bad)?;
    let messages = messages.max_frame_size(most).aggregate_continuations().max_continuation_size(most);
    let link = OpenSocket {
        socket,
        messages,
        sessions: state.live.clone(),
        patience: state.limits.write_timeout,
        _taken: taken,
    };
    actix_web::rt::spawn(run(link, protocol));
    Ok(response)
}

impl From<NoSession> for ApiError {
    fn from(error: NoSession) -> Self {
        let (status, code) = match error {
            NoSession::OfToken => (StatusCode::TOO_MANY_REQUESTS, "too_many_sessions"),
            NoSession::All => (StatusCode::SERVICE_UNAVAILABLE, "over_capacity"),
            NoSession::Leaving => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        };
        Self::new(status, code, error.to_string()).retry_after(NO_SESSION_RETRY)
    }
}

/// Until somebody is likely to have closed one.
const NO_SESSION_RETRY: std::time::Duration = std::time::Duration::from_secs(5);
