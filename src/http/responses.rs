//! Answers that several routes share, as the description of the API has them: sound, and what went wrong.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::{Content, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::audio::AudioFormat;

/// Why a request was not answered.
///
/// 400 and 422: a field, or what it says. 403, and 401 on the routes of other APIs: the token, or what it is good for.
/// 404: there is no such thing. 409: it does not fit what is there. 413: more than the settings allow
/// (`TTS_MAX_TEXT_CHARS`, `TTS_HTTP_BODY_LIMIT_BYTES`, `TTS_BATCH_MAX_ITEMS`, `TTS_MAX_ANSWER_BYTES`). 429: the token
/// has used up its minute. 503: there is too much to do. The last two say in `retry-after` when to come again. 504: the
/// deadline passed.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct ErrorBody {
    error: ErrorDetail,
}

/// What is wrong, and with what.
#[derive(ToSchema)]
#[allow(dead_code)]
struct ErrorDetail {
    /// For people.
    message: String,
    /// As OpenAI names kinds of errors.
    r#type: String,
    /// The field that is at fault.
    param: Option<String>,
    /// For programs.
    code: String,
}

/// What a request is answered on the earlier service's route.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct LegacyErrorBody {
    /// A message, or a list of what is wrong with which field.
    detail: Value,
}

/// Why a request was not answered, in the shape of the API that the route is of.
#[derive(ToSchema)]
#[schema(value_type = Object)]
#[allow(dead_code)]
pub struct FrontErrorBody(Value);

/// Bytes that are no text.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code)]
pub struct Binary(Vec<u8>);

/// An answer of sound, in the format that the request asks for.
pub struct Sound;

/// The same, or as events.
pub struct SoundOrEvents;

/// Why a request was not answered, as every route but the earlier service's says it.
pub struct Failures;

/// The same on that route.
pub struct LegacyFailures;

/// The same on the routes of other speech APIs.
pub struct FrontFailures;

type Responses = BTreeMap<String, RefOr<Response>>;

/// Never sent: stands for the types of sound to generators of clients that know none of them.
pub const ANY_BYTES: &str = "application/octet-stream";

fn sound() -> ResponseBuilder {
    let bytes = Content::new(Some(Binary::schema()));
    let types = AudioFormat::ALL.map(AudioFormat::content_type).into_iter().chain([ANY_BYTES]);
    let header = |kind, description: &str| {
        let schema = ObjectBuilder::new().schema_type(kind);
        HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
    };
    types
        .fold(ResponseBuilder::new().description("The audio"), |response, name| response.content(name, bytes.clone()))
        .header("x-voice-id", header(Type::String, "The voice that speaks"))
        .header("x-sample-rate", header(Type::Integer, "In hertz"))
        .header("x-audio-duration", header(Type::Number, "In seconds, where the answer is whole"))
        .header("x-cache", header(Type::String, "HIT-L1, HIT-L2, PARTIAL, MISS or BYPASS"))
        .header("age", header(Type::Integer, "Seconds for which it was kept, if it was"))
        .header("etag", header(Type::String, "Names these very bytes, for `if-none-match`"))
        .header(
            "x-missing-phonemes",
            header(
                Type::String,
                "Phonemes that the voice lacks and leaves out, by code point and count, where they were looked for",
            ),
        )
}

/// A range of statuses each, so that generated clients know every one of them as what it is.
fn failures<Body: ToSchema>() -> Responses {
    let content = || Content::new(Some(Ref::from_schema_name(Body::name())));
    let failure = |description: &str| {
        ResponseBuilder::new().description(description).content("application/json", content()).build().into()
    };
    [
        ("4XX".to_owned(), failure("What is wrong with the request")),
        ("5XX".to_owned(), failure("Why it cannot be answered now")),
    ]
    .into()
}

impl IntoResponses for Sound {
    fn responses() -> Responses {
        [("200".to_owned(), sound().build().into())].into()
    }
}

impl IntoResponses for SoundOrEvents {
    fn responses() -> Responses {
        let events = Content::new(Some(Value::schema()));
        [("200".to_owned(), sound().content("text/event-stream", events).build().into())].into()
    }
}

impl IntoResponses for Failures {
    fn responses() -> Responses {
        failures::<ErrorBody>()
    }
}

impl IntoResponses for FrontFailures {
    fn responses() -> Responses {
        failures::<FrontErrorBody>()
    }
}

impl IntoResponses for LegacyFailures {
    fn responses() -> Responses {
        failures::<LegacyErrorBody>()
    }
}
