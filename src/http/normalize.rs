//! Owns `POST /v1/normalize`: how a text is read before it is spoken.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::{JsonBytes, parse_json};
use super::error::ApiError;
use super::normalize_field::{AllOrClasses, NormalizeField};
use super::responses::Failures;
use super::state::AppState;
use super::synthesize::{self, into_request};
use crate::text::{ReadToken, tokens};

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
