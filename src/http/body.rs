//! Owns reading a request's body: JSON alone, within a size and a time. A body over the limit is not read further. Of
//! what is no JSON, a byte order mark before it is taken, and halves of surrogate pairs in it, which many languages let
//! into their strings.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest, web};
use bytes::{Buf, BytesMut};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::error::ApiError;
use super::lenient::EachNameOnce;
use super::state::{AppState, RequestLimits};

/// The bytes of a body that says to be JSON.
pub struct JsonBytes<E = ApiError>(pub BytesMut, std::marker::PhantomData<E>);

/// The bytes of a batch: JSON, or JSON Lines.
pub struct BatchBytes {
    pub bytes: BytesMut,
    pub is_lines: bool,
}

/// What JSON Lines are called (<https://jsonlines.org>, <https://github.com/ndjson/ndjson-spec>).
const LINES: [&str; 3] = ["application/x-ndjson", "application/jsonl", "application/x-jsonlines"];

impl<E: From<ApiError> + Into<actix_web::Error> + 'static> FromRequest for JsonBytes<E> {
    type Error = E;
    type Future = Pin<Box<dyn Future<Output = Result<Self, E>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let body = read(&request, payload).await.map_err(ApiError::closing)?;
            Ok(Self(body, std::marker::PhantomData))
        })
    }
}

impl FromRequest for BatchBytes {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let is_lines = LINES.contains(&&*essence(&request));
            let limits = limits(&request)?;
            let expect = if is_lines { expect_plain } else { expect_json };
            let body = read_within(&request, payload, &limits, limits.batch_body_bytes, expect).await;
            Ok(Self { bytes: body.map_err(ApiError::closing)?, is_lines })
        })
    }
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<BytesMut, ApiError> {
    let limits = limits(request)?;
    read_within(request, payload, &limits, limits.body_bytes, expect_json).await
}

fn limits(request: &HttpRequest) -> Result<RequestLimits, ApiError> {
    request.app_data::<web::Data<AppState>>().map(|state| state.limits).ok_or_else(ApiError::not_found)
}

async fn read_within(
    request: &HttpRequest,
    payload: Payload,
    limits: &RequestLimits,
    bytes: usize,
    expect: fn(&HttpRequest) -> Result<(), ApiError>,
) -> Result<BytesMut, ApiError> {
    expect(request)?;
    let body = tokio::time::timeout(limits.body_timeout, collect(request, payload, bytes))
        .await
        .map_err(|_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body did not arrive in time"))??;
    Ok(mended(body))
}

/// The same of a message.
pub fn mended_text(message: &str) -> String {
    String::from_utf8_lossy(&mended(BytesMut::from(message))).into_owned()
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// JSON without a byte order mark, and with the replacement character for each half of a surrogate pair, as browsers
/// write such strings.
fn mended(mut body: BytesMut) -> BytesMut {
    if body.starts_with(BYTE_ORDER_MARK) {
        body.advance(BYTE_ORDER_MARK.len());
    }
    let mut at = 0;
    // A backslash stands in strings alone, before the character that it changes.
    while let Some(next) = body[at..].iter().position(|byte| *byte == b'\\') {
        at += next;
        at += match (escaped(&body[at..]), body.get(at + 6..).and_then(escaped)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                body[at + 2..at + 6].copy_from_slice(b"fffd");
                6
            }
            _ => 2.min(body.len() - at),
        };
    }
    body
}

/// The code of `\uXXXX` at the beginning.
fn escaped(json: &[u8]) -> Option<u16> {
    let code = json.strip_prefix(b"\\u")?.first_chunk::<4>()?;
    u16::from_str_radix(str::from_utf8(code).ok().filter(|_| code[0].is_ascii_hexdigit())?, 16).ok()
}

fn essence(request: &HttpRequest) -> String {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn unsupported(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
}

fn expect_plain(request: &HttpRequest) -> Result<(), ApiError> {
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Err(unsupported("compressed bodies are not accepted"));
    }
    Ok(())
}

fn expect_json(request: &HttpRequest) -> Result<(), ApiError> {
    expect_plain(request)?;
    let essence = essence(request);
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        Ok(())
    } else {
        Err(unsupported("the content type must be application/json"))
    }
}

async fn collect(request: &HttpRequest, mut payload: Payload, limit: usize) -> Result<BytesMut, ApiError> {
    let too_large = || {
        let message = format!("the body is larger than {limit} bytes");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    };
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > limit as u64) {
        return Err(too_large());
    }

    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            let message = match error {
                PayloadError::Overflow => "the extensions of the body's chunks are too long",
                _ => "the body could not be read",
            };
            ApiError::new(StatusCode::BAD_REQUEST, "broken_body", message)
        })?;
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A value of type `T`, or an error that names the field at fault and what is expected there, but not what stood there.
pub fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let invalid = |code, message| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = own_names(error.path());
        let inner = error.into_inner();
        if inner.is_data() {
            let (param, message) = describe(&path, &inner.to_string());
            invalid("invalid_body", message).param(param)
        } else {
            invalid("invalid_json", malformed(&inner))
        }
    })?;
    deserializer.end().map_err(|error| invalid("invalid_json", malformed(&error)))?;
    // Where fields or their values have no shape of ours, the last of two would be taken in silence.
    let mut again = serde_json::Deserializer::from_slice(body);
    let unique = serde_path_to_error::deserialize::<_, EachNameOnce>(&mut again);
    unique.map_err(|error| {
        let path = own_names(error.path());
        let message = match path.as_str() {
            "." => "a field is there twice".to_owned(),
            field => format!("a name is there twice in field {field}"),
        };
        invalid("invalid_body", message).param(path)
    })?;
    Ok(value)
}

/// The beginning of a path that is named by us: a field, and places in lists. What comes after it may be a name that
/// the caller gave, as a word of a lexicon.
fn own_names(path: &Path) -> String {
    let mut segments = path.iter();
    let field = segments.next().map_or_else(|| ".".to_owned(), ToString::to_string);
    segments
        .take_while(|segment| matches!(segment, Segment::Seq { .. }))
        .fold(field, |field, place| format!("{field}{place}"))
}

fn malformed(error: &serde_json::Error) -> String {
    format!("the body is not valid JSON: line {}, column {}", error.line(), error.column())
}

/// The field and the message for a value of the wrong shape. serde's own text quotes the value; what follows `expected`
/// is ours.
fn describe(path: &str, error: &str) -> (String, String) {
    let quoted = || error.split('`').nth(1).unwrap_or_default().escape_debug().take(64).collect::<String>();
    if error.starts_with("unknown field") {
        let field = quoted();
        return (field.clone(), format!("unknown field {field}"));
    }
    if error.starts_with("missing field") {
        let field = quoted();
        return (field.clone(), format!("field {field} is required"));
    }
    if error.starts_with("duplicate field") {
        let field = quoted();
        return (field.clone(), format!("field {field} is there twice"));
    }
    let expected = error
        .rsplit_once("expected ")
        .map_or("another value", |(_, expected)| expected.split(" at line").next().unwrap_or(expected));
    let expected = match expected {
        "f32" | "f64" => "a number",
        "u32" | "u64" | "usize" => "a whole number from 0",
        "a boolean" => "true or false",
        other if other == "a map" || other.starts_with("struct") => "an object",
        other => other,
    };
    (path.to_owned(), format!("field {path} must be {expected}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Sample {
        text: String,
        speed: Option<f32>,
        count: Option<u32>,
        words: Option<BTreeMap<String, String>>,
        names: Option<Vec<String>>,
    }

    #[test]
    fn errors_name_the_field_and_never_quote_the_value() {
        let cases = [
            (r#"{"text":"a","tempo":1}"#, "tempo", "unknown field tempo"),
            ("{}", "text", "field text is required"),
            (r#"{"text":"a","text":"b"}"#, "text", "field text is there twice"),
            (r#"{"text":"a","speed":"SECRET"}"#, "speed", "field speed must be a number"),
            (r#"{"text":["SECRET"]}"#, "text", "field text must be a string"),
            (r#"{"text":"a","count":-7}"#, "count", "field count must be a whole number from 0"),
            (r#"{"text":"a","speed":"expected SECRET"}"#, "speed", "field speed must be a number"),
            (r#"{"text":"a","words":{"SECRET":1}}"#, "words", "field words must be a string"),
            (r#"{"text":"a","names":["a",1]}"#, "names[1]", "field names[1] must be a string"),
            (r#""SECRET""#, ".", "field . must be an object"),
        ];
        for (body, param, message) in cases {
            let error = parse_json::<Sample>(body.as_bytes()).unwrap_err();

            assert_eq!((error.param.as_deref(), error.message.as_str()), (Some(param), message), "{body}");
            assert_eq!(error.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
    }

    #[test]
    fn what_is_not_json_is_said_by_position() {
        for body in ["", "{", "{\"text\":\"a\"} x", "\u{feff}{}", "{\"text\":\"\\ud800\"}", "{\"speed\":1e999}"] {
            let error = parse_json::<Sample>(body.as_bytes()).unwrap_err();

            assert!(error.message.starts_with("the body is not valid JSON: line 1"), "{body}: {error}");
        }
        assert!(parse_json::<Sample>(b"{\"text\":\"\xff\"}").is_err());
    }

    #[test]
    fn byte_order_marks_and_halves_of_surrogate_pairs_are_taken() {
        for (body, is_read_as) in [
            ("\u{feff}{}", "{}"),
            (r#""a\ud83d""#, r#""a\ufffd""#),
            (r#""\uDE00b""#, r#""\ufffdb""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\n\ude00""#, r#""\ufffd\n\ufffd""#),
            // What follows a backslash that is one itself is no escape.
            (r#""\\ud83d \\\ud83d""#, r#""\\ud83d \\\ufffd""#),
            (r#""\u+d83 \u12"#, r#""\u+d83 \u12"#),
            ("\\", "\\"),
        ] {
            assert_eq!(mended(body.as_bytes().into()), is_read_as, "{body}");
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused_wherever_it_stands() {
        type Free = BTreeMap<String, serde_json::Value>;
        for (body, param) in [
            (r#"{"a":1,"a":2}"#, "."),
            (r#"{"words":{"SECRET":"a","SECRET":"b"}}"#, "words"),
            (r#"{"items":[{},{"text":"a","text":"b"}]}"#, "items[1]"),
            (r#"{"a":{"b":{"c":[[{"d":1,"d":1}]]}}}"#, "a"),
        ] {
            let error = parse_json::<Free>(body.as_bytes()).unwrap_err();

            assert_eq!(error.param.as_deref(), Some(param), "{body}");
            assert!(error.message.contains("twice") && !error.message.contains("SECRET"), "{error}");
        }
        assert!(parse_json::<Free>(br#"{"a":{"a":[{"a":1},{"a":2}]},"b":{"a":null}}"#).is_ok());
    }
}
