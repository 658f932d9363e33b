//! Owns the one place where errors become HTTP: status, envelope, headers. Messages hold nothing that the caller said
//! but names of fields, and nothing of the server's inside.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::domain::{InvalidField, InvalidVoiceId, TextError};
use crate::pool::PoolError;
use crate::resilience::Allowance;
use crate::speech::{PublicError, SpeechError};
use crate::text::TextReadError;
use crate::usage::Unreachable;
use crate::voices::VoiceFilesError;

/// An error as a caller sees it, in the envelope of the OpenAI API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    pub status: StatusCode,
    /// For programs: constant, lower case.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// The field that is at fault.
    pub param: Option<Box<str>>,
    pub retry_after: Option<Duration>,
    /// Whether what remains of the request is unread, so that the connection cannot be used again.
    pub closes_connection: bool,
    /// The methods that the route has, where it lacks the one that was asked for.
    pub allow: Option<Arc<str>>,
    /// What a caller may have who wanted more.
    pub allowance: Option<Box<Allowance>>,
    /// What is wrong inside, for the log alone.
    pub reason: Option<Box<str>>,
}

const NO_TOKEN: &str =
    "there is no token that is known here: send it as `user-token: TOKEN` or as `Authorization: Bearer TOKEN`, once";

// === impl ApiError ===

impl ApiError {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            param: None,
            retry_after: None,
            closes_connection: false,
            allow: None,
            allowance: None,
            reason: None,
        }
    }

    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into().into_boxed_str());
        self
    }

    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub fn closing(mut self) -> Self {
        self.closes_connection = true;
        self
    }

    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", NO_TOKEN)
    }

    /// As clients of OpenAI's API expect it.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_api_key", NO_TOKEN)
    }

    pub fn not_in_scope() -> Self {
        let message =
            "the token is not good for this: its scopes, \"speak\" and \"manage\", are the operator's to give";
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    pub fn quota_exceeded(allowance: Allowance) -> Self {
        let message = "this token has used up what it may have in a minute";
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded", message);
        Self { allowance: Some(Box::new(allowance)), ..error.retry_after(allowance.wait) }
    }

    /// Waiting does not help.
    pub fn never_to_be_had(allowance: Allowance) -> Self {
        let message = format!("this token may have {} characters in a minute, and this is more", allowance.per_minute);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "more_than_quota", message)
    }

    pub fn too_many_guesses(wait: Duration) -> Self {
        let message = "too many wrong tokens came from this address";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_wrong_tokens", message).retry_after(wait)
    }

    pub fn stopping() -> Self {
        let message = "the service is stopping: ask again, and another replica may answer";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message).retry_after(STOPPING_RETRY)
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such route")
    }

    pub fn invalid_query() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_value",
            "the query has a parameter that the route does not have, or a value that it cannot have",
        )
    }

    pub fn method_not_allowed(allow: Arc<str>) -> Self {
        let message = "the route does not have this method";
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message) }
    }

    pub fn no_voice_for_language() -> Self {
        let message = "no voice that is installed here speaks this language";
        Self::new(StatusCode::NOT_FOUND, "language_not_found", message).param("language")
    }

    pub fn no_voice() -> Self {
        Self::unavailable(PublicError::no_voice(), Duration::from_secs(30))
    }

    /// Logs what is wrong inside, where no answer says that there is something.
    pub fn log(&self) {
        if let Some(reason) = &self.reason {
            tracing::error!(reason, "synthesis failed");
        }
    }

    /// A response of this status with the headers that go with it, and `body`.
    pub fn respond(&self, body: &serde_json::Value) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(wait) = self.retry_after {
            response.insert_header((RETRY_AFTER, wait.as_secs_f64().ceil().max(1.0) as u64));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, &**allow));
        }
        if let Some(allowance) = &self.allowance {
            for (name, value) in rate_limit(allowance) {
                response.insert_header((name, value));
            }
        }
        if self.closes_connection {
            response.force_close();
        }
        response.json(body)
    }

    /// What stands in the envelope.
    pub fn described(&self) -> serde_json::Value {
        json!({"message": self.message, "type": self.kind(), "param": self.param, "code": self.code})
    }

    fn kind(&self) -> &'static str {
        match self.status.as_u16() {
            403 => "permission_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        }
    }
}

/// What an answer says of the caller's allowance (as in the IETF's draft on `RateLimit` headers): its size, the rest,
/// and the seconds until more.
pub fn rate_limit(allowance: &Allowance) -> [(&'static str, u64); 3] {
    let Allowance { per_minute, remaining, wait } = *allowance;
    [
        ("ratelimit-limit", per_minute.into()),
        ("ratelimit-remaining", remaining.into()),
        ("ratelimit-reset", wait.as_secs_f64().ceil() as u64),
    ]
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.respond(&json!({"error": self.described()}))
    }
}

// === what becomes which status ===

/// Until a request that holds a voice is likely to be done.
const NO_ROOM_RETRY: Duration = Duration::from_secs(2);

/// As long as a phonemizer child that does not start is waited for.
const PHONEMIZER_RETRY: Duration = Duration::from_secs(5);

/// Until readers have taken some of their answers.
const ANSWERS_RETRY: Duration = Duration::from_secs(5);

/// Until whatever stands before the service knows that it is gone, or another has taken its place.
const STOPPING_RETRY: Duration = Duration::from_secs(5);

/// A download takes seconds to minutes.
const VOICE_LOADING_RETRY: Duration = Duration::from_secs(5);
/// Until Redis is likely to be back.
const USAGE_RETRY: Duration = Duration::from_secs(5);
/// Somebody has to make room first.
const STORAGE_RETRY: Duration = Duration::from_mins(1);

impl ApiError {
    /// What callers are told, with a status.
    fn told(status: StatusCode, told: PublicError) -> Self {
        Self { reason: told.reason.map(Into::into), ..Self::new(status, told.code, told.message) }
    }

    fn unavailable(told: PublicError, retry_after: Duration) -> Self {
        Self::told(StatusCode::SERVICE_UNAVAILABLE, told).retry_after(retry_after)
    }
}

impl From<SpeechError> for ApiError {
    fn from(error: SpeechError) -> Self {
        let told = PublicError::from(&error);
        match error {
            SpeechError::UnknownVoice(_) => InvalidVoiceId.into(),
            SpeechError::UnknownSpeaker { .. } | SpeechError::InvalidBlend | SpeechError::NoBlend(_) => {
                Self::told(StatusCode::BAD_REQUEST, told).param("speaker")
            }
            SpeechError::Text(error) => error.into(),
            SpeechError::Unspeakable | SpeechError::Silent { .. } => {
                Self::told(StatusCode::UNPROCESSABLE_ENTITY, told).param("text")
            }
            SpeechError::NoPhonemizer => Self::unavailable(told, PHONEMIZER_RETRY),
            SpeechError::UnknownLanguage | SpeechError::VoiceUnusable { .. } => {
                Self::told(StatusCode::UNPROCESSABLE_ENTITY, told).param("voice_id")
            }
            SpeechError::NoTimestamps(_) => Self::told(StatusCode::BAD_REQUEST, told).param("voice_id"),
            SpeechError::Overloaded { retry_after } | SpeechError::VoiceFailed { retry_after, .. } => {
                Self::unavailable(told, retry_after)
            }
            SpeechError::AnswersFull => Self::unavailable(told, ANSWERS_RETRY),
            SpeechError::NoFiles(error) => error.into(),
            SpeechError::VoiceLoading(_) => Self::unavailable(told, VOICE_LOADING_RETRY),
            SpeechError::NoRoom(_) => Self::unavailable(told, NO_ROOM_RETRY),
            SpeechError::TooMuchSilence => Self::told(StatusCode::PAYLOAD_TOO_LARGE, told).param("sentence_silence_ms"),
            SpeechError::TooLarge => Self::told(StatusCode::PAYLOAD_TOO_LARGE, told),
            SpeechError::DeadlinePassed | SpeechError::NotCached => Self::told(StatusCode::GATEWAY_TIMEOUT, told),
            SpeechError::Failed(_) => Self::told(StatusCode::INTERNAL_SERVER_ERROR, told),
        }
    }
}

impl From<VoiceFilesError> for ApiError {
    fn from(error: VoiceFilesError) -> Self {
        let told = PublicError::from(&error);
        match error {
            VoiceFilesError::Unknown(_) | VoiceFilesError::NotAllowed(_) => InvalidVoiceId.into(),
            VoiceFilesError::LicenseRefused { .. } | VoiceFilesError::Offline(_) => {
                Self::told(StatusCode::NOT_FOUND, told).param("voice_id")
            }
            VoiceFilesError::Unspeakable { .. } => Self::told(StatusCode::UNPROCESSABLE_ENTITY, told).param("voice_id"),
            VoiceFilesError::DownloadFailed { .. } | VoiceFilesError::VerificationFailed { .. } => {
                Self::told(StatusCode::BAD_GATEWAY, told)
            }
            VoiceFilesError::Unfit { .. } => Self::told(StatusCode::UNPROCESSABLE_ENTITY, told),
            VoiceFilesError::Busy(_) | VoiceFilesError::ReadOnly(_) => Self::told(StatusCode::CONFLICT, told),
            VoiceFilesError::OverBudget { .. } | VoiceFilesError::DiskFull(_) | VoiceFilesError::Io { .. } => {
                tracing::error!(error = told.reason, "a voice could not be stored");
                Self { reason: None, ..Self::unavailable(told, STORAGE_RETRY) }
            }
        }
    }
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::VoiceInUse(_) => Self::new(StatusCode::CONFLICT, "voice_in_use", error.to_string()),
            other => SpeechError::from(other).into(),
        }
    }
}

impl From<TextError> for ApiError {
    fn from(error: TextError) -> Self {
        let status = match error {
            TextError::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            TextError::Blank | TextError::Nul => StatusCode::BAD_REQUEST,
        };
        Self::told(status, error.into()).param("text")
    }
}

impl From<TextReadError> for ApiError {
    fn from(error: TextReadError) -> Self {
        let told = PublicError::from(&error);
        let param = match error {
            TextReadError::Text(error) => return error.into(),
            TextReadError::Ssml(_) => "text",
            TextReadError::Lexicon(_) => "lexicon",
            TextReadError::UnknownLexicon => "lexicons",
        };
        Self::told(StatusCode::BAD_REQUEST, told).param(param)
    }
}

impl From<Unreachable> for ApiError {
    fn from(error: Unreachable) -> Self {
        Self::unavailable(PublicError::new("usage_unavailable", error.to_string()), USAGE_RETRY)
    }
}

impl From<InvalidField> for ApiError {
    fn from(error: InvalidField) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_value", error.to_string()).param(error.field)
    }
}

impl From<InvalidVoiceId> for ApiError {
    fn from(_: InvalidVoiceId) -> Self {
        Self::told(StatusCode::NOT_FOUND, PublicError::no_such_voice()).param("voice_id")
    }
}
