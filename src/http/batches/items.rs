//! Owns what an item of a batch is: the fields of `POST /v1/synthesizeSpeech`, and how it is spoken.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::batch::{Done, ItemError, Sound, Speaking};
use crate::domain::{InvalidField, SynthesisRequest};
use crate::http::body::parse_json;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::http::synthesize::{Body, audio_spec, into_request};
use crate::http::timestamps::shown;
use crate::speech::{AudioSpec, Caching, SubtitleFormat, subtitles};

/// An item as it waits.
#[derive(Serialize, Deserialize)]
pub struct Item {
    fields: Map<String, Value>,
    timestamps: bool,
}

/// Speaks items.
pub struct Items {
    state: Arc<AppState>,
}

// === impl Item ===

impl Item {
    /// The fields of one item over those of the batch.
    pub fn new(defaults: &Map<String, Value>, own: Map<String, Value>, timestamps: bool) -> Self {
        let mut fields = defaults.clone();
        fields.extend(own);
        Self { fields, timestamps }
    }

    pub fn written(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// What it asks for, if that can be had.
    pub fn request(&self, state: &AppState) -> Result<(SynthesisRequest, AudioSpec), ApiError> {
        let fields = serde_json::to_vec(&self.fields).unwrap_or_default();
        let body: Body = parse_json(&fields)?;
        if body.stream {
            return Err(InvalidField { field: "stream", expected: "false: results of a batch are kept whole" }.into());
        }
        if body.subtitles.is_some() {
            return Err(InvalidField { field: "subtitles", expected: "left out: see timestamps of the batch" }.into());
        }
        let spec = audio_spec(&body)?;
        Ok((into_request(body, state)?, spec))
    }
}

// === impl Items ===

impl Items {
    pub fn new(state: AppState) -> Self {
        Self { state: Arc::new(state) }
    }
}

impl Speaking for Items {
    fn item(&self, fields: Map<String, Value>, timestamps: bool) -> String {
        Item { fields, timestamps }.written()
    }

    fn speak(&self, item: String) -> LocalBoxFuture<'static, Result<Sound, ItemError>> {
        let state = self.state.clone();
        async move { speak(&state, &item).await.map_err(|error| told(&error)) }.boxed_local()
    }
}

async fn speak(state: &AppState, item: &str) -> Result<Sound, ApiError> {
    let item: Item = serde_json::from_str(item).map_err(|_| ApiError::not_found())?;
    let (request, spec) = item.request(state)?;
    let asked = state.speech.identify(request, spec).await?;
    let (voice, script) = (asked.request.voice.clone(), asked.request.script.clone());
    let (answer, beside) = if item.timestamps {
        let timed = state.speech.speak_timed(asked, Caching::Allowed).await?;
        let times = shown(script.source().as_str(), &timed, spec.format, None);
        let times = serde_json::to_vec_pretty(&times).unwrap_or_default();
        let srt = subtitles(SubtitleFormat::Srt, &timed.sentences);
        (timed.answer, vec![("json", Bytes::from(times)), ("srt", Bytes::from(srt))])
    } else {
        (state.speech.speak(asked, Caching::Allowed).await?.answer, Vec::new())
    };
    let done = Done {
        voice: voice.to_string(),
        content_type: spec.format.content_type().to_owned(),
        extension: spec.format.name().to_owned(),
        sample_rate: answer.sample_rate,
        seconds: answer.seconds,
        bytes: answer.audio.len(),
        beside: beside.iter().map(|(ending, _)| (*ending).to_owned()).collect(),
    };
    Ok(Sound { audio: answer.audio, done, beside })
}

/// Where the service has too much to do, or a voice is on its way, another time is better.
fn told(error: &ApiError) -> ItemError {
    error.log();
    let is_passing = matches!(error.status.as_u16(), 429 | 500..);
    ItemError { code: error.code.to_owned(), message: error.message.clone(), is_passing }
}
