//! Owns `POST /v1/normalize`: how a text is read before it is spoken. And the field `normalize` of all routes that take
//! a text.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::{JsonBytes, parse_json};
use super::error::ApiError;
use super::openapi::Failures;
use super::state::AppState;
use super::synthesize::{self, into_request};
use crate::domain::{Class, Classes};
use crate::text::{Normalize, ReadToken, tokens};

/// Whether notation is read (`true`, `false`), or which classes other than by default: `{"roman": false}`.
#[derive(Clone, Copy)]
pub struct NormalizeField(pub Normalize);

/// `true`, `false`, or classes with whether they are read.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum AllOrClasses {
    All(bool),
    Classes(BTreeMap<String, bool>),
}

/// What would be said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NormalizeRequest {
    #[schema(min_length = 1, example = "Dr. Smith paid $5.20 on 3 May.")]
    text: String,
    /// `plain`, `ssml` or `markdown`; plain by default.
    #[schema(pattern = "^(plain|ssml|markdown)$")]
    text_type: Option<String>,
    /// Words of this text, and what is said instead.
    lexicon: Option<BTreeMap<String, String>>,
    /// Names of the service's lexicons.
    #[serde(default)]
    lexicons: Vec<String>,
    /// Whose language it is read in.
    voice_id: Option<String>,
    #[schema(value_type = Option<AllOrClasses>)]
    normalize: Option<NormalizeField>,
    /// Whether `[[ ]]` holds phonemes.
    raw_phonemes: Option<bool>,
}

/// A text as it is said.
#[derive(Serialize, ToSchema)]
struct Normalized {
    voice_id: String,
    /// Of the voice, as espeak-ng calls it.
    language: Option<String>,
    /// All of it. Passages of SSML stand on lines of their own.
    said: String,
    tokens: Vec<NormalizedToken>,
}

/// A part of a text, and its place in characters (code points).
#[derive(Serialize, ToSchema)]
struct NormalizedToken {
    written: String,
    /// Empty: it is not said.
    said: String,
    /// `plain`: as it is written. `given`: a lexicon or SSML has it said so. Others are the classes of what is read.
    class: &'static str,
    start_char: usize,
    end_char: usize,
}

/// How a text is read before it is spoken: numbers, dates, money, abbreviations, markup and the like, in words.
#[utoipa::path(post, path = "/v1/normalize", tag = "speech", security(("user-token" = []), ("bearer" = [])),
    request_body(content = NormalizeRequest, examples(
        ("plain" = (summary = "A text", value = json!({"text": "Dr. Smith paid $5.20 on 3 May."}))),
        ("classes" = (summary = "But for one class", value = json!({"text": "Louis XIV paid $5.20.", "normalize": {"roman": false}}))),
    )),
    responses((status = 200, description = "What is said of each part of the text", body = Normalized), Failures))]
pub async fn normalize(caller: Caller, state: web::Data<AppState>, body: JsonBytes) -> Result<HttpResponse, ApiError> {
    let body: NormalizeRequest = parse_json(&body.0)?;
    let NormalizeRequest { text, text_type, lexicon, lexicons, voice_id, normalize, raw_phonemes } = body;
    let speech = synthesize::SpeechRequest {
        text,
        text_type,
        normalize,
        raw_phonemes,
        lexicon,
        lexicons,
        voice_id,
        ..synthesize::SpeechRequest::default()
    };
    let request = into_request(speech, &state)?;
    let (read, language) = caller.speech(&state).read(request).await?;
    let voice_id = state.speech.resolve(&read.voice).unwrap_or(read.voice).to_string();
    let (said, tokens) = (read.script.said(), tokens(&read.script).into_iter().map(NormalizedToken::from).collect());
    Ok(HttpResponse::Ok().json(Normalized { voice_id, language, said, tokens }))
}

impl From<ReadToken> for NormalizedToken {
    fn from(ReadToken { written, said, class, start_char, end_char }: ReadToken) -> Self {
        Self { written, said, class, start_char, end_char }
    }
}

impl<'de> Deserialize<'de> for NormalizeField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = AllOrClasses::deserialize(deserializer).map_err(|_| {
            D::Error::custom("normalize must be true, false, or an object of classes and true or false")
        })?;
        let classes = match written {
            AllOrClasses::All(all) => return Ok(Self(Normalize::All(all))),
            AllOrClasses::Classes(classes) => classes,
        };
        let (mut on, mut off) = (Classes::NONE, Classes::NONE);
        for (name, is_on) in classes {
            let class =
                Class::parse(&name).ok_or_else(|| D::Error::custom(format!("the classes are {}", class_names())))?;
            if is_on {
                on = on.with(class);
            } else {
                off = off.with(class);
            }
        }
        Ok(Self(Normalize::Classes { on, off }))
    }
}

fn class_names() -> String {
    Class::ALL.map(Class::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_switched_by_their_names() {
        let field = |json: &str| serde_json::from_str::<NormalizeField>(json).map(|field| field.0);

        assert_eq!(field("true").unwrap(), Normalize::All(true));
        assert_eq!(field("false").unwrap(), Normalize::All(false));
        let (on, off) = (Classes::NONE.with(Class::Money), Classes::NONE.with(Class::Roman));
        assert_eq!(field(r#"{"money": true, "roman": false}"#).unwrap(), Normalize::Classes { on, off });
        assert!(field("\"yes\"").unwrap_err().to_string().contains("true, false, or an object"));
        let unknown = field(r#"{"SECRET": true}"#).unwrap_err().to_string();
        assert!(unknown.contains("telephone") && !unknown.contains("SECRET"), "{unknown}");
    }
}
