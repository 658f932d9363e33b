//! Owns speech with its times as it comes, in events or in lines of JSON: what their fields hold together is what the
//! whole answer holds.

use std::future::ready;

use actix_web::HttpResponse;
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use serde_json::json;

use super::caching::Conditions;
use super::error::ApiError;
use super::metering::{Meter, Metered};
use super::pieces::in_pieces;
use super::sound;
use super::times::{Mark, Offsets, TimesBody, rounded};
use crate::domain::Script;
use crate::speech::{Following, ResolvedRequest, SpeechService, TimedSentence};

/// How parts of the answer are told from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    ServerSentEvents,
    Lines,
}

/// What is being told.
struct Telling {
    rest: Metered<Following>,
    script: Script,
    offsets: Offsets,
    framing: Framing,
}

/// Sound, and when what is said that begins in it.
#[derive(Serialize)]
struct TimedPart {
    r#type: &'static str,
    audio_base64: String,
    #[serde(flatten)]
    times: TimesBody,
}

const LINES: &str = "application/x-ndjson";

/// Speaks, and answers with parts as they are made. What fails at once is a clean error; a later failure is the last
/// part.
pub async fn answer(
    speech: &SpeechService,
    meter: Meter,
    asked: ResolvedRequest,
    conditions: Conditions,
    framing: Framing,
) -> Result<HttpResponse, ApiError> {
    let (script, voice, format) = (asked.request.script.clone(), asked.request.voice.clone(), asked.spec.format);
    let mut following = speech.follow(asked, conditions.caching).await?;
    let (sample_rate, audio_head) = (following.speaking.sample_rate, following.speaking.head());
    let mut head = sound::head(format, &voice, sample_rate, following.speaking.cache);
    head.insert_header((CONTENT_TYPE, framing.content_type())).insert_header((CACHE_CONTROL, "no-store"));
    let (audio, begun) = following.next().await.transpose()?.unwrap_or_default();
    let mut telling = Telling { rest: Metered::new(following, meter), script, offsets: Offsets::default(), framing };
    let first = [
        framing.part(&json!({"type": "begin", "format": format.name(), "sample_rate": sample_rate})),
        telling.part(&[audio_head, audio].concat(), &begun),
    ];
    let rest = stream::unfold(Some(telling), |telling| async move {
        let mut telling = telling?;
        match telling.rest.next(Following::next).await {
            Some(Ok((audio, begun))) => Some((telling.part(&audio, &begun), Some(telling))),
            Some(Err(error)) => {
                Some((telling.framing.part(&json!({"type": "error", "error": error.described()})), None))
            }
            None => Some((telling.end(), None)),
        }
    });
    let parts = stream::once(ready(Bytes::from(first.concat()))).chain(rest);
    Ok(head.streaming(in_pieces(parts.map(Ok::<_, ApiError>))))
}

// === impl Telling ===

impl Telling {
    fn part(&mut self, audio: &[u8], begun: &[TimedSentence]) -> Bytes {
        let times = self.offsets.shown(self.script.source().as_str(), begun);
        self.framing.part(&TimedPart { r#type: "part", audio_base64: STANDARD.encode(audio), times })
    }

    fn end(&mut self) -> Bytes {
        let following = &mut self.rest.speaking;
        let marks: Vec<Mark> = following.take_marks().iter().map(Mark::new).collect();
        let duration = rounded(following.speaking.seconds());
        self.framing.part(&json!({"type": "end", "duration": duration, "marks": marks}))
    }
}

// === impl Framing ===

impl Framing {
    /// As the caller accepts it; events where he does not say.
    pub fn accepted(headers: &HeaderMap) -> Self {
        let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let wants_lines =
            accept.split(',').filter_map(|range| range.split(';').next()).any(|kind| kind.trim() == LINES);
        if wants_lines { Self::Lines } else { Self::ServerSentEvents }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::ServerSentEvents => "text/event-stream",
            Self::Lines => LINES,
        }
    }

    fn part(self, part: &impl Serialize) -> Bytes {
        // What is told has no keys but strings, so that it can be written.
        let part = serde_json::to_string(part).unwrap_or_default();
        match self {
            Self::ServerSentEvents => format!("data: {part}\n\n").into(),
            Self::Lines => format!("{part}\n").into(),
        }
    }
}
