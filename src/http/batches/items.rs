//! Owns the items of a batch: the fields of `POST /v1/synthesizeSpeech`, and how it is spoken.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::batch::{Done, ItemError, ItemSpeaker, SpokenItem};
use crate::domain::{InvalidField, SynthesisRequest};
use crate::http::body::parse_json;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::http::synthesize::{SpeechRequest, audio_spec, into_request};
use crate::http::times::shown;
use crate::speech::{AudioSpec, Caching, ResolvedRequest, SubtitleFormat, subtitles};
use crate::usage::UsageRecord;

/// An item as it waits.
#[derive(Serialize, Deserialize)]
pub struct StoredItem {
    /// The name of the token that handed it in.
    #[serde(default)]
    owner: String,
    fields: Map<String, Value>,
    timestamps: bool,
}

/// The field of an item that is not about speech.
pub const CUSTOM_ID: &str = "custom_id";
/// Of a text that says nothing. It is so on every replica, and fails alone.
pub const INVALID_TEXT: &str = "invalid_text";
/// What lies with the voices and the limits of one replica, found when an item is spoken.
const LOCAL: [&str; 6] =
    ["answer_too_large", "no_room", "no_voice", "voice_download_failed", "voice_loading", "voice_unavailable"];

/// Speaks items.
pub struct Items {
    state: Arc<AppState>,
}

// === impl StoredItem ===

impl StoredItem {
    /// The fields of one item over those of the batch; without the name that the caller gave it.
    pub fn new(owner: &str, defaults: &Map<String, Value>, mut own: Map<String, Value>, timestamps: bool) -> Self {
        let mut fields = defaults.clone();
        own.remove(CUSTOM_ID);
        fields.extend(own);
        Self { owner: owner.to_owned(), fields, timestamps }
    }

    pub fn written(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// What it asks for, if that can be had.
    pub fn request(&self, state: &AppState) -> Result<(SynthesisRequest, AudioSpec), ApiError> {
        let fields = serde_json::to_vec(&self.fields).unwrap_or_default();
        let body: SpeechRequest = parse_json(&fields)?;
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

impl ItemSpeaker for Items {
    fn item(&self, fields: Map<String, Value>, timestamps: bool) -> String {
        StoredItem::new("", &Map::new(), fields, timestamps).written()
    }

    fn speak(&self, item: String) -> LocalBoxFuture<'static, Result<SpokenItem, ItemError>> {
        let state = self.state.clone();
        async move { speak(&state, &item).await }.boxed_local()
    }

    fn written(&self) -> LocalBoxFuture<'static, ()> {
        let speech = self.state.speech.clone();
        async move { speech.written().await }.boxed_local()
    }
}

async fn speak(state: &AppState, item: &str) -> Result<SpokenItem, ItemError> {
    let (item, asked, spec) = prepared(state, item).await?;
    spoken(state, &item, asked, spec).await.map_err(|error| {
        let is_local = LOCAL.contains(&error.code);
        told(&error, is_local)
    })
}

/// What an item asks for was to be had where it was handed in. What cannot be had here may be had elsewhere.
async fn prepared(state: &AppState, item: &str) -> Result<(StoredItem, ResolvedRequest, AudioSpec), ItemError> {
    let Ok(item) = serde_json::from_str::<StoredItem>(item) else {
        let message = "the item was written by another version of the service";
        return Err(ItemError { is_local: true, ..ItemError::new("item_of_another_version", message) });
    };
    let asked = async {
        let (request, spec) = item.request(state)?;
        Ok((state.speech.identify(request, spec).await?, spec))
    };
    let (asked, spec) = asked.await.map_err(|error: ApiError| told(&error, error.code != INVALID_TEXT))?;
    Ok((item, asked, spec))
}

async fn spoken(
    state: &AppState,
    item: &StoredItem,
    asked: ResolvedRequest,
    spec: AudioSpec,
) -> Result<SpokenItem, ApiError> {
    let (voice, script) = (asked.request.voice.clone(), asked.request.script.clone());
    let (answer, cache, beside) = if item.timestamps {
        let timed = state.speech.speak_timed(asked, Caching::Allowed).await?;
        let times = shown(script.source().as_str(), &timed, spec.format, None);
        let times = serde_json::to_vec_pretty(&times).unwrap_or_default();
        let srt = subtitles(SubtitleFormat::Srt, &timed.sentences);
        (timed.answer, timed.cache, vec![("json", Bytes::from(times)), ("srt", Bytes::from(srt))])
    } else {
        let speech = state.speech.speak(asked, Caching::Allowed).await?;
        (speech.answer, speech.cache, Vec::new())
    };
    let characters = script.said_chars();
    state.usage.count(&item.owner, UsageRecord { characters, seconds: answer.seconds, is_cached: cache.is_hit() });
    let done = Done {
        voice: voice.to_string(),
        content_type: spec.format.content_type().to_owned(),
        extension: spec.format.name().to_owned(),
        sample_rate: answer.sample_rate,
        seconds: answer.seconds,
        bytes: answer.audio.len(),
        beside: beside.iter().map(|(ending, _)| (*ending).to_owned()).collect(),
        beside_bytes: beside.iter().map(|(_, file)| file.len()).sum(),
        digests: BTreeMap::new(),
    };
    Ok(SpokenItem { audio: answer.audio, done, beside })
}

/// Where the service has too much to do, or a voice is on its way, another time is better.
fn told(error: &ApiError, is_local: bool) -> ItemError {
    error.log();
    let is_passing = matches!(error.status.as_u16(), 429 | 500..);
    ItemError { is_passing, is_local, ..ItemError::new(error.code, error.message.clone()) }
}
