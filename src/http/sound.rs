//! Owns answers that are sound: their head, and their bytes, whole or as they come.

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

use super::caching::{Conditions, describe};
use super::error::ApiError;
use super::etag::EntityTag;
use super::metering::{Meter, Metered};
use super::pieces::in_pieces;
use super::ranges::WantedPart;
use crate::audio::AudioFormat;
use crate::domain::{SynthesisRequest, VoiceId};
use crate::speech::{AudioSpec, CacheUse, SpeechService, SpeechStream, WholeSpeech};

/// How sound is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Whole,
    /// As it is made.
    Streamed,
    /// As it is made, but whole where all of it is there.
    StreamedUnlessKept,
}

/// Speaks, and answers with the sound.
pub async fn answer(
    speech: &SpeechService,
    meter: Meter,
    request: SynthesisRequest,
    spec: AudioSpec,
    conditions: Conditions,
    delivery: Delivery,
) -> Result<HttpResponse, ApiError> {
    let asked = speech.identify(request, spec).await?;
    let tag = |streamed: bool| asked.key.map(|key| EntityTag::new(&key, streamed));
    let [whole_tag, streamed_tag] = [tag(false), tag(true)];
    let unchanged = match delivery {
        Delivery::Whole => conditions.not_modified(whole_tag.as_ref()),
        Delivery::Streamed => conditions.not_modified(streamed_tag.as_ref()),
        Delivery::StreamedUnlessKept => {
            conditions.not_modified(whole_tag.as_ref()).or_else(|| conditions.not_modified(streamed_tag.as_ref()))
        }
    };
    if let Some(unchanged) = unchanged {
        return Ok(unchanged);
    }

    let voice = asked.request.voice.clone();
    if delivery == Delivery::Whole {
        let spoken = speech.speak(asked, conditions.caching).await?;
        return Ok(whole(spoken, spec.format, &voice, &meter, &conditions.part));
    }
    let mut speaking = speech.begin(asked, conditions.caching).await?;
    if delivery == Delivery::StreamedUnlessKept
        && let Some(kept) = speaking.take_kept()
    {
        return Ok(whole(kept, spec.format, &voice, &meter, &conditions.part));
    }
    let mut head = head(spec.format, &voice, speaking.sample_rate, speaking.cache);
    let tag = speaking.key.map(|key| EntityTag::new(&key, true));
    describe(&mut head, tag.as_ref(), speaking.age);
    name_missing(&mut head, speaking.missing.as_deref());
    let (first, rest) = parts(speaking).await?;
    let rest = stream::unfold(Metered::new(rest, meter), |mut rest| async move {
        let part = rest.next(SpeechStream::next).await?;
        Some((part, rest))
    });
    Ok(head.streaming(in_pieces(stream::once(std::future::ready(Ok(first))).chain(rest))))
}

/// The first part of a stream, with its head, and what gives the others. What fails at once is a clean error; a later
/// failure cuts the connection.
pub async fn parts(mut speaking: SpeechStream) -> Result<(Bytes, SpeechStream), ApiError> {
    let head = speaking.head();
    let first = speaking.next().await.transpose()?.unwrap_or_default();
    let first = if head.is_empty() { first } else { [head, first].concat().into() };
    Ok((first, speaking))
}

fn whole(
    speech: WholeSpeech,
    format: AudioFormat,
    voice: &VoiceId,
    meter: &Meter,
    wanted: &WantedPart,
) -> HttpResponse {
    meter.count(speech.answer.seconds, speech.cache.is_hit());
    let tag = speech.key.map(|key| EntityTag::new(&key, false));
    let age = speech.cache.is_hit().then(|| speech.answer.age());
    let mut head = head(format, voice, speech.answer.sample_rate, speech.cache);
    describe(&mut head, tag.as_ref(), age);
    name_missing(&mut head, speech.answer.missing.as_deref());
    head.insert_header(("x-audio-duration", format!("{:.3}", speech.answer.seconds)));
    wanted.answer(head, tag.as_ref(), speech.answer.audio, speech.answer.loan)
}

/// Says which phonemes were left out.
fn name_missing(head: &mut HttpResponseBuilder, missing: Option<&str>) {
    if let Some(missing) = missing {
        head.insert_header(("x-missing-phonemes", missing));
    }
}

/// An answer's headers, but for what only a whole answer knows.
pub fn head(format: AudioFormat, voice: &VoiceId, sample_rate: u32, cache: CacheUse) -> HttpResponseBuilder {
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
