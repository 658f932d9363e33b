//! Owns the routes of piper's own HTTP server (`piper.http_server` of piper-tts 1.8), for clients that know that: `POST
//! /` and `POST /synthesize` answer WAV as it is made, `GET /voices` the configurations of the installed voices by
//! name. They are there if `TTS_PIPER_ROUTES` says so, and ask for no token: piper's clients have none.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;

use super::body::{JsonBytes, parse_json};
use super::caching::Conditions;
use super::error::ApiError;
use super::lenient::whole;
use super::metering::Meter;
use super::sound::{self, Delivery};
use super::state::AppState;
use crate::audio::AudioFormat;
use crate::domain::{Prosody, Speaker, SynthesisRequest, VoiceId};
use crate::speech::{AudioSpec, SpeechError};

/// The request's body. Other fields are passed over, as piper does.
#[derive(Deserialize)]
struct PiperRequest {
    text: String,
    voice: Option<String>,
    speaker: Option<String>,
    /// Goes before `speaker`.
    #[serde(default, deserialize_with = "whole")]
    speaker_id: Option<i64>,
    length_scale: Option<f32>,
    noise_scale: Option<f32>,
    noise_w_scale: Option<f32>,
}

pub async fn synthesize(
    state: web::Data<AppState>,
    conditions: Conditions,
    body: JsonBytes,
) -> Result<HttpResponse, ApiError> {
    let body: PiperRequest = parse_json(&body.0)?;
    let spec = AudioSpec { format: AudioFormat::Wav, sample_rate: None };
    let request = body.into_request(&state)?;
    let meter = Meter::new(&state, None, &request.script);
    sound::answer(&state.speech, meter, request, spec, conditions, Delivery::StreamedUnlessKept).await
}

pub async fn voices(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let configs = state.limits.deadline(None)?.limit(state.catalogue.configs()).await.map_err(SpeechError::from)?;
    let as_json =
        |(id, config): (VoiceId, Vec<u8>)| Some((id.to_string(), serde_json::from_slice::<Value>(&config).ok()?));
    Ok(HttpResponse::Ok().json(configs.into_iter().filter_map(as_json).collect::<BTreeMap<_, _>>()))
}

// === impl PiperRequest ===

impl PiperRequest {
    fn into_request(self, state: &AppState) -> Result<SynthesisRequest, ApiError> {
        // A voice that piper does not find is its default voice.
        let named = self.voice.as_deref().and_then(|name| state.speech.resolve(&VoiceId::parse(name).ok()?));
        let voice = named.map_or_else(|| state.default_voice(), Ok)?;
        Ok(SynthesisRequest {
            voice,
            speaker: self.speaker_id.map(Speaker::Number).or_else(|| self.speaker.clone().map(Speaker::Name)),
            script: state.texts.plain(&self.text)?,
            prosody: self.prosody(state.prosody)?,
            deadline: state.limits.deadline(None)?,
        })
    }

    fn prosody(&self, mut prosody: Prosody) -> Result<Prosody, ApiError> {
        if let Some(length_scale) = self.length_scale {
            prosody = prosody.with_length_scale(length_scale)?;
        }
        if let Some(noise_scale) = self.noise_scale {
            prosody = prosody.with_noise_scale(noise_scale)?;
        }
        if let Some(noise_w) = self.noise_w_scale {
            prosody = prosody.with_noise_w(noise_w)?;
        }
        Ok(prosody)
    }
}
