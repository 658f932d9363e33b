//! Owns `POST /v1/synthesizeSpeech`.

use std::collections::BTreeMap;
use std::fmt;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde::de::{self, Deserializer, Unexpected, Visitor};
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::{JsonBytes, parse_json};
use super::caching::Conditions;
use super::error::ApiError;
use super::lenient::{as_whole, or_default, whole};
use super::level::{LoudnessField, NumberOrNone, level, refuse_peaks};
use super::normalize_field::{AllOrClasses, NormalizeField};
use super::responses::{Failures, Sound};
use super::sound::{self, Delivery};
use super::state::AppState;
use crate::audio::{AudioFormat, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE};
use crate::domain::{InvalidField, Prosody, Script, Speaker, SynthesisRequest, VoiceId};
use crate::speech::AudioSpec;
use crate::text::{Pronunciation, TextType};

/// Reads a request's body and does nothing with it.
#[cfg(fuzzing)]
pub fn read_request(body: &[u8]) {
    let _ = parse_json::<SpeechRequest>(body);
}

/// What to say, and how. Only `text` is required.
#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct SpeechRequest {
    /// What to say, up to `TTS_MAX_TEXT_CHARS` characters (5,000); `[[ ... ]]` holds raw phonemes. A text that says
    /// nothing is refused; as an item of a batch it fails alone.
    #[schema(example = "Hello. This machine can speak.")]
    pub text: String,
    /// `plain`, `ssml` or `markdown`; plain by default.
    #[schema(pattern = "^(plain|ssml|markdown)$")]
    pub text_type: Option<String>,
    /// Whether numbers, dates, money, markup and the like are said in words: `true`, `false`, or an object of classes
    /// and whether each is, as `{"roman": false}`. By default what `TTS_NORMALIZE` says. `false` gives exactly what
    /// piper says.
    #[schema(value_type = Option<AllOrClasses>)]
    pub normalize: Option<NormalizeField>,
    /// Whether `[[ ... ]]` holds phonemes; false for texts of strangers. By default what `TTS_RAW_PHONEMES` says.
    pub raw_phonemes: Option<bool>,
    /// Words of this text, and what is said instead: another spelling, phonemes in `[[ ]]`, or nothing.
    pub lexicon: Option<BTreeMap<String, String>>,
    /// Names of the service's lexicons.
    #[serde(default)]
    pub lexicons: Vec<String>,
    /// `voice` or `voice#speaker`.
    pub voice_id: Option<String>,
    /// Such as `de` or `en-GB`: chooses an installed voice where there is no `voice_id`, in the order of
    /// `TTS_LANGUAGE_VOICES`.
    pub language: Option<String>,
    /// `wav` (default), `pcm`, `flac`, `opus`, `mp3`, `aac`, `mulaw` or `alaw`.
    #[schema(pattern = "^(wav|pcm|flac|opus|mp3|aac|mulaw|alaw)$")]
    pub response_format: Option<String>,
    /// In hertz; the voice's own by default.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 8000, maximum = 48000)]
    pub sample_rate: Option<u32>,
    /// Send the sound as it is made.
    #[serde(default)]
    pub stream: bool,
    /// A name or a number; or up to eight of a voice as one, each with its share: `3:0.7,8:0.3`.
    #[schema(value_type = Option<NameOrNumber>)]
    pub speaker: Option<SpeakerField>,
    /// Factor on the voice's own speed; `TTS_SPEED` by default.
    #[schema(minimum = 0.25, maximum = 4)]
    pub speed: Option<f32>,
    /// Liveliness of timbre; the voice's own by default.
    #[schema(minimum = 0, maximum = 2)]
    pub noise_scale: Option<f32>,
    /// Liveliness of rhythm; the voice's own by default.
    #[schema(minimum = 0, maximum = 2)]
    pub noise_w: Option<f32>,
    /// Silence between sentences; `TTS_SENTENCE_SILENCE_MS` by default.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 10000)]
    pub sentence_silence_ms: Option<u32>,
    /// Factor on the amplitude; clipped at full scale.
    #[schema(minimum = 0, maximum = 4)]
    pub volume: Option<f32>,
    /// How loud every voice is, in LUFS (ITU-R BS.1770, one channel), or `none`: as it was trained. `TTS_LOUDNESS_LUFS`
    /// by default.
    #[schema(value_type = Option<NumberOrNone>)]
    pub loudness: Option<LoudnessField>,
    /// Scales each sentence to full level, as piper's own tools do; not of a stream, which would have to wait for the
    /// loudest sample.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(value_type = Option<bool>)]
    pub normalize_peaks: bool,
    /// When the answer is of no more use.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 86_400_000)]
    pub deadline_ms: Option<u64>,
    /// `srt` or `vtt`, on the route of timestamps.
    pub subtitles: Option<String>,
}

pub struct SpeakerField(Speaker);

/// A speaker of a voice that has several.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
pub enum NameOrNumber {
    Name(String),
    Number(i64),
}

/// Audio of a text, whole or as it is made.
#[utoipa::path(post, path = "/v1/synthesizeSpeech", tag = "speech", security(("user-token" = []), ("bearer" = [])),
    params(("if-none-match" = Option<String>, Header, description = "The `etag` of what the caller has: 304 where it is the same"),
        ("cache-control" = Option<String>, Header, description = "`no-store`: neither from the cache nor kept; `no-cache`: made anew and kept; `only-if-cached`: 504 if it would have to be made")),
    request_body(content = SpeechRequest, examples(
        ("plain" = (summary = "A text, as WAV", value = json!({"text": "Hello. This machine can speak."}))),
        ("ssml" = (summary = "SSML, as MP3 that is sent as it is made", value = json!({"text": "<speak>Wait. <break time=\"300ms\"/> <prosody rate=\"slow\">Here it comes.</prosody></speak>", "text_type": "ssml", "response_format": "mp3", "stream": true}))),
        ("telephone" = (summary = "For a telephone, in a language", value = json!({"text": "Your call is number 3.", "language": "en", "speed": 1.1, "response_format": "mulaw", "sample_rate": 8000}))),
    )),
    responses(Sound, (status = 304, description = "The caller has it already"), Failures))]
pub async fn synthesize(
    caller: Caller,
    state: web::Data<AppState>,
    conditions: Conditions,
    body: JsonBytes,
) -> Result<HttpResponse, ApiError> {
    answer(&caller, &state, conditions, parse_json(&body.0)?, Delivery::Streamed).await
}

/// The sound of a request, which is delivered so if it is to be streamed.
pub async fn answer(
    caller: &Caller,
    state: &AppState,
    conditions: Conditions,
    body: SpeechRequest,
    streamed: Delivery,
) -> Result<HttpResponse, ApiError> {
    let delivery = if body.stream { streamed } else { Delivery::Whole };
    let (request, spec) = asked(body, state)?;
    caller.speaks(&request.script)?;
    let meter = caller.meter(state, &request.script);
    sound::answer(&caller.speech(state), meter, request, spec, conditions, delivery).await
}

/// What a request for sound asks for, if that can be had.
pub fn asked(body: SpeechRequest, state: &AppState) -> Result<(SynthesisRequest, AudioSpec), ApiError> {
    if body.subtitles.is_some() {
        let expected = "left out: it belongs to /v1/synthesizeSpeech/timestamps";
        return Err(InvalidField { field: "subtitles", expected }.into());
    }
    let spec = audio_spec(&body)?;
    if body.stream {
        refuse_peaks(body.normalize_peaks)?;
    }
    Ok((into_request(body, state)?, spec))
}

pub fn audio_spec(body: &SpeechRequest) -> Result<AudioSpec, InvalidField> {
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

pub fn into_request(body: SpeechRequest, state: &AppState) -> Result<SynthesisRequest, ApiError> {
    let (voice, speaker) = match (body.voice_id.as_deref(), body.language.as_deref()) {
        (Some(name), _) => voice_and_speaker(name)?,
        (None, Some(language)) => (state.voice_for(language)?, None),
        (None, None) => (state.default_voice()?, None),
    };
    Ok(SynthesisRequest {
        voice,
        script: script(&body, state)?,
        prosody: prosody(&body, state.prosody)?,
        speaker: body.speaker.map(|field| field.0).or(speaker),
        deadline: state.limits.deadline(body.deadline_ms)?,
    })
}

fn script(body: &SpeechRequest, state: &AppState) -> Result<Script, ApiError> {
    let kind = match body.text_type.as_deref() {
        None => TextType::default(),
        Some(name) => TextType::parse(name).ok_or(InvalidField { field: "text_type", expected: TextType::NAMES })?,
    };
    let pronunciation = Pronunciation {
        own: body.lexicon.as_ref(),
        lexicons: &body.lexicons,
        normalize: body.normalize.map(|field| field.0),
        raw_phonemes: body.raw_phonemes,
    };
    Ok(state.texts.read(&body.text, kind, pronunciation)?)
}

/// Of `voice` or `voice#speaker`.
pub fn voice_and_speaker(name: &str) -> Result<(VoiceId, Option<Speaker>), ApiError> {
    Ok(match name.split_once('#') {
        None => (VoiceId::parse(name)?, None),
        Some((voice, speaker)) => (VoiceId::parse(voice)?, Some(Speaker::Name(speaker.to_owned()))),
    })
}

fn prosody(body: &SpeechRequest, mut prosody: Prosody) -> Result<Prosody, InvalidField> {
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
    Ok(match level(body.loudness, body.normalize_peaks)? {
        Some(level) => prosody.with_level(level),
        None => prosody,
    })
}

impl<'de> Deserialize<'de> for SpeakerField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrNumberVisitor;

        impl Visitor<'_> for NameOrNumberVisitor {
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

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                let number =
                    i64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))?;
                Ok(SpeakerField(Speaker::Number(number)))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
                let number = as_whole(number).ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))?;
                Ok(SpeakerField(Speaker::Number(number)))
            }
        }

        deserializer.deserialize_any(NameOrNumberVisitor)
    }
}
