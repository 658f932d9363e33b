//! Owns access by pages of other origins (the Fetch standard's CORS protocol,
//! <https://fetch.spec.whatwg.org/#http-cors-protocol>). Routes answer `OPTIONS` with the methods that they have; this
//! adds, for the origins that the operator names, what browsers ask in a preflight.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ALLOW, HeaderValue, ORIGIN, VARY,
};
use actix_web::middleware::Next;
use actix_web::web;

use super::state::AppState;

/// Whatever is named here is every origin.
const ANY: &str = "*";

/// What an answer says beside its body, and pages may read only where it is listed.
pub const EXPOSED: &str = "accept-ranges, age, allow, content-disposition, content-range, etag, location, ratelimit-limit, ratelimit-remaining, \
                       ratelimit-reset, retry-after, server-timing, www-authenticate, x-audio-duration, x-cache, x-missing-phonemes, \
                       x-request-id, x-sample-rate, x-voice-id";

/// An hour, for which a browser need not ask again.
const MAX_AGE_SECONDS: u32 = 3_600;

pub async fn allow_origins(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let origins = state.as_ref().map_or(&[][..], |state| &state.cors_origins);
    if origins.is_empty() {
        return next.call(request).await;
    }
    let is_any = origins.iter().any(|allowed| allowed == ANY);
    let headers = request.headers();
    let origin = headers.get(ORIGIN).filter(|origin| is_any || origins.iter().any(|allowed| *allowed == **origin));
    let allowed = origin.map(|origin| if is_any { HeaderValue::from_static(ANY) } else { origin.clone() });
    let is_preflight = request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let asked_headers = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();

    let mut response = next.call(request).await?;

    let headers = response.headers_mut();
    if !is_any {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    let Some(allowed) = allowed else { return Ok(response) };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    if !is_preflight {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    } else if let Some(methods) = headers.get(ALLOW).cloned() {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE_SECONDS));
        if let Some(asked) = asked_headers {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked);
        }
    }
    Ok(response)
}
