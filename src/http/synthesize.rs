//! Owns `POST /v1/synthesizeSpeech`.

use std::fmt;

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use super::auth::Caller;
use super::body::{JsonBytes, parse_json};
use super::caching::{Conditions, EntityTag, describe};
use super::error::ApiError;
use super::pieces::Pieces;
use super::state::AppState;
use crate::audio::{AudioFormat, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE};
use crate::cache::CacheKey;
use crate::domain::{InvalidField, Prosody, Speaker, SynthesisRequest, VoiceId};
use crate::speech::{AudioSpec, Begun, CacheUse, Speaking, Speech};

/// The request's body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    text: String,
    /// `voice` or `voice#speaker`.
    voice_id: Option<String>,
    response_format: Option<String>,
    sample_rate: Option<u32>,
    #[serde(default)]
    stream: bool,
    speaker: Option<SpeakerField>,
    speed: Option<f32>,
    noise_scale: Option<f32>,
    noise_w: Option<f32>,
    sentence_silence_ms: Option<u32>,
    volume: Option<f32>,
    deadline_ms: Option<u64>,
}

struct SpeakerField(Speaker);

pub async fn synthesize(
    _caller: Caller,
    state: web::Data<AppState>,
    conditions: Conditions,
    body: JsonBytes,
) -> Result<HttpResponse, ApiError> {
    let body: Body = parse_json(&body.0)?;
    let spec = audio_spec(&body)?;
    let streamed = body.stream;
    let asked = state.speech.identify(into_request(body, &state)?, spec).await?;
    let tag = |key: Option<CacheKey>| key.map(|key| EntityTag::new(&key, streamed));
    if let Some(unchanged) = conditions.not_modified(tag(asked.key).as_ref()) {
        return Ok(unchanged);
    }

    let voice = asked.request.voice.clone();
    if !streamed {
        let speech = state.speech.speak(asked, conditions.caching).await?;
        return Ok(whole(speech, spec.format, &voice));
    }
    match state.speech.begin(asked, conditions.caching).await? {
        Begun::Whole(speech) => Ok(whole_in_parts(&speech, spec.format, &voice)),
        Begun::InParts(speaking, key) => stream_parts(*speaking, spec.format, &voice, tag(key)).await,
    }
}

fn whole(speech: Speech, format: AudioFormat, voice: &VoiceId) -> HttpResponse {
    let tag = speech.key.map(|key| EntityTag::new(&key, false));
    let age = speech.cache.is_hit().then(|| speech.answer.age());
    let mut head = head(format, voice, speech.answer.sample_rate, speech.cache);
    describe(&mut head, tag.as_ref(), age);
    head.insert_header(("x-audio-duration", format!("{:.3}", speech.answer.seconds)))
        .body(Pieces::new(speech.answer.audio))
}

/// An answer that is there, as a stream would have sent it.
fn whole_in_parts(speech: &Speech, format: AudioFormat, voice: &VoiceId) -> HttpResponse {
    let tag = speech.key.map(|key| EntityTag::new(&key, true));
    let mut head = head(format, voice, speech.answer.sample_rate, speech.cache);
    describe(&mut head, tag.as_ref(), Some(speech.answer.age()));
    let parts = speech.answer.stream().into_iter().filter(|part| !part.is_empty());
    head.streaming(stream::iter(parts.map(Ok::<_, ApiError>)))
}

fn audio_spec(body: &Body) -> Result<AudioSpec, InvalidField> {
    let format = match body.response_format.as_deref() {
        None => AudioFormat::Wav,
        Some(name) => {
            AudioFormat::parse(name).ok_or(InvalidField { field: "response_format", expected: AudioFormat::NAMES })?
        }
    };
    let in_range = |rate: &u32| (MIN_SAMPLE_RATE..=MAX_SAMPLE_RATE).contains(rate);
    if !body.sample_rate.as_ref().is_none_or(in_range) {
        return Err(InvalidField { field: "sample_rate", expected: "a whole number from 8000 to 48000" });
    }
    if !body.sample_rate.is_none_or(|rate| format.takes_rate(rate)) {
        return Err(InvalidField { field: "sample_rate", expected: "8000, which is the only rate of mulaw and alaw" });
    }
    Ok(AudioSpec { format, sample_rate: body.sample_rate })
}

fn into_request(body: Body, state: &AppState) -> Result<SynthesisRequest, ApiError> {
    let (voice, speaker) = match body.voice_id.as_deref() {
        None => (state.default_voice.clone().ok_or_else(ApiError::no_voice)?, None),
        Some(name) => match name.split_once('#') {
            None => (VoiceId::parse(name)?, None),
            Some((voice, speaker)) => (VoiceId::parse(voice)?, Some(Speaker::Name(speaker.to_owned()))),
        },
    };
    Ok(SynthesisRequest {
        voice,
        text: state.limits.text(&body.text)?,
        prosody: prosody(&body)?,
        speaker: body.speaker.map(|field| field.0).or(speaker),
        deadline: state.limits.deadline(body.deadline_ms)?,
    })
}

fn prosody(body: &Body) -> Result<Prosody, InvalidField> {
    let mut prosody = Prosody::default();
    if let Some(speed) = body.speed {
        prosody = prosody.with_speed(speed)?;
    }
    if let Some(noise_scale) = body.noise_scale {
        prosody = prosody.with_noise_scale(noise_scale)?;
    }
    if let Some(noise_w) = body.noise_w {
        prosody = prosody.with_noise_w(noise_w)?;
    }
    if let Some(volume) = body.volume {
        prosody = prosody.with_volume(volume)?;
    }
    if let Some(milliseconds) = body.sentence_silence_ms {
        prosody = prosody.with_sentence_silence_ms(milliseconds)?;
    }
    Ok(prosody)
}

/// An answer's headers, but for what only a whole answer knows.
fn head(format: AudioFormat, voice: &VoiceId, sample_rate: u32, cache: CacheUse) -> HttpResponseBuilder {
    let cache = match cache {
        CacheUse::HitL1 => "HIT-L1",
        CacheUse::HitL2 => "HIT-L2",
        CacheUse::Partial => "PARTIAL",
        CacheUse::Miss | CacheUse::Error => "MISS",
        CacheUse::Disabled => "BYPASS",
    };
    let mut head = HttpResponse::Ok();
    head.insert_header((CONTENT_TYPE, format.content_type()))
        .insert_header(("x-sample-rate", sample_rate))
        .insert_header(("x-cache", cache));
    // A voice's name may hold letters that a header takes as bytes alone.
    if let Ok(voice) = HeaderValue::from_bytes(voice.as_str().as_bytes()) {
        head.insert_header(("x-voice-id", voice));
    }
    head
}

/// Sends each part when it is there. The first is awaited before the head, so that what fails at once is a clean error; a later failure
/// cuts the connection.
async fn stream_parts(
    mut speaking: Speaking,
    format: AudioFormat,
    voice: &VoiceId,
    tag: Option<EntityTag>,
) -> Result<HttpResponse, ApiError> {
    let mut head = head(format, voice, speaking.sample_rate, speaking.cache);
    describe(&mut head, tag.as_ref(), speaking.age);
    let mut first = speaking.head();
    first.extend(speaking.next().await.transpose()?.unwrap_or_default());

    let rest = stream::unfold(speaking, |mut speaking| async move {
        let part = speaking.next().await?;
        Some((part.map_err(ApiError::from), speaking))
    });
    let first = stream::once(std::future::ready(Ok(Bytes::from(first))));
    Ok(head.streaming(futures_util::StreamExt::chain(first, rest)))
}

impl<'de> Deserialize<'de> for SpeakerField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrNumber;

        impl Visitor<'_> for NameOrNumber {
            type Value = SpeakerField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a speaker's name or number")
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(SpeakerField(Speaker::Name(name.to_owned())))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(SpeakerField(Speaker::Number(number)))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(SpeakerField(Speaker::Number(i64::try_from(number).unwrap_or(i64::MAX))))
            }
        }

        deserializer.deserialize_any(NameOrNumber)
    }
}
