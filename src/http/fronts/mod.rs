//! Owns the speech APIs of others, whose clients work here unchanged: what they have in common. Each is a translation:
//! of its requests into those of `/v1/synthesizeSpeech`, of its messages into what `live` does and tells.

pub mod cartesia;
pub mod deepgram;
pub mod elevenlabs;

use std::fmt::{self, Debug, Display};
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value};

use super::auth::{Caller, presented};
use super::caching::Conditions;
use super::error::ApiError;
use super::live::{LiveReader, body};
use super::sound::{self, Delivery};
use super::state::AppState;
use super::synthesize::{audio_spec, into_request};
use crate::domain::{InvalidField, SynthesisRequest, VoiceId};
use crate::live::{MAX_NAME_BYTES, Opening};
use crate::speech::AudioSpec;

/// An API of others.
pub trait Front: Debug + 'static {
    /// The key of a request, where its clients put it.
    fn key(request: &HttpRequest) -> Option<Vec<u8>>;

    /// An error as its clients expect it.
    fn describe(error: &ApiError) -> Value;
}

/// Proof that the request came with a valid token, where this API's clients put their key or where ours do.
pub struct KeyCaller<F>(pub Arc<Caller>, PhantomData<F>);

/// An error in the API's own shape.
#[derive(Debug)]
pub struct FrontError<F>(ApiError, PhantomData<F>);

/// The fields of a request on `/v1/synthesizeSpeech`, but for its text.
type Fields = Map<String, Value>;

impl<F: Front> FromRequest for KeyCaller<F> {
    type Error = FrontError<F>;
    type Future = Ready<Result<Self, FrontError<F>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let find = |request: &HttpRequest| presented(request).map(<[u8]>::to_vec).or_else(|| F::key(request));
        let caller = Caller::admitted_by(request, ApiError::unauthorized, find);
        ready(caller.map(|caller| Self(Arc::new(caller), PhantomData)).map_err(FrontError::from))
    }
}

/// The query of a request, whose other parameters are passed over.
fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ApiError> {
    Ok(web::Query::<T>::from_query(request.query_string()).map_err(|_| ApiError::invalid_query())?.into_inner())
}

/// A voice by the operator's name for it or by its own. Every other name, if it is none of Piper's, is a voice of the
/// language that is asked for where there is one, else the default voice: `None`.
fn voice(name: &str, language: Option<&str>, state: &AppState) -> Option<String> {
    if let Some(voice) = state.front_voices.get(name) {
        return Some(voice.clone());
    }
    let id = VoiceId::parse(name.split('#').next().unwrap_or_default());
    let is_known = id.is_ok_and(|id| state.speech.resolve(&id).is_some());
    if is_known || is_pipers(name) {
        return Some(name.to_owned());
    }
    state.voice_for(language?).ok().map(|id| id.to_string())
}

/// Whether a name is written as Piper's voices are, `en_US-joe-medium`: if there is none of that name, it is a mistake.
fn is_pipers(name: &str) -> bool {
    let Some((locale, _)) = name.split_once('-') else { return false };
    let Some((language, region)) = locale.split_once('_') else { return false };
    let is_language = matches!(language.len(), 2 | 3) && language.bytes().all(|byte| byte.is_ascii_lowercase());
    is_language && region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// A number in an address, which could as well be none that JSON has.
fn finite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.is_finite() { Ok(Some(number)) } else { Err(D::Error::custom("no number")) }
}

/// Puts a field there, if it has a value.
fn put(fields: &mut Fields, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value.into());
    }
}

fn refused<T>(field: &'static str, expected: &'static str) -> Result<T, ApiError> {
    Err(InvalidField { field, expected }.into())
}

/// Whether a text may have that name.
fn named(field: &'static str, name: &str) -> Result<(), ApiError> {
    if name.len() > MAX_NAME_BYTES { refused(field, "a name of up to 128 bytes") } else { Ok(()) }
}

/// How texts with these fields are read, and what their sound is.
fn opening(
    state: &web::Data<AppState>,
    caller: &Arc<Caller>,
    fields: Fields,
    wants_times: bool,
) -> Result<(LiveReader, Opening), ApiError> {
    let (reader, spec) = LiveReader::new(state.clone(), caller.clone(), fields)?;
    Ok((reader, Opening { format: spec.format, sample_rate: spec.sample_rate, wants_times, clause_delay: None }))
}

/// A request for a text, counted against what the caller may have.
fn asked(
    caller: &Caller,
    state: &AppState,
    fields: &Fields,
    text: &str,
) -> Result<(SynthesisRequest, AudioSpec), ApiError> {
    let body = body(fields, text)?;
    let spec = audio_spec(&body)?;
    let request = into_request(body, state)?;
    caller.speaks(&request.script)?;
    Ok((request, spec))
}

/// The sound of a text, as it is made.
async fn answer(
    caller: &Caller,
    state: &AppState,
    conditions: Conditions,
    fields: &Fields,
    text: &str,
) -> Result<HttpResponse, ApiError> {
    let (request, spec) = asked(caller, state, fields, text)?;
    let (speech, meter) = (caller.speech(state), caller.meter(state, &request.script));
    sound::answer(&speech, meter, request, spec, conditions, Delivery::StreamedUnlessKept).await
}

impl<F: Front> FrontError<F> {
    /// What an error of these routes is on the others.
    pub fn inner(error: &actix_web::Error) -> Option<&ApiError> {
        error.as_error::<Self>().map(|error| &error.0)
    }
}

impl<F> From<ApiError> for FrontError<F> {
    fn from(error: ApiError) -> Self {
        Self(error, PhantomData)
    }
}

impl<F> Display for FrontError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl<F: Front> ResponseError for FrontError<F> {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        self.0.respond(&F::describe(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pipers_voices_are_told_from_others() {
        for name in ["en_US-joe-medium", "de_DE-thorsten-high#angry", "zh_CN-huayan-x_low", "ast_ES-nobody"] {
            assert!(is_pipers(name), "{name}");
        }
        for name in ["aura-2-thalia-en", "hpp4J3VqNfWAUOO0d1Us", "71a7ad14-091c-4e8e-a314-022ece01c121", "alloy", ""] {
            assert!(!is_pipers(name), "{name}");
        }
    }
}
