//! Owns speech that is being made: its parts in order, each as soon as it is there. A request keeps a few sentences in the pool at once, as
//! many as could be computed at the same time, and one ahead.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt};

use super::SpeechError;
use crate::audio::{Pcm, resample, silence};
use crate::domain::SynthesisRequest;
use crate::engine::{LoadedVoice, ModelInput};
use crate::pool::{Admission, PoolHandle, SentenceJob};

/// Speech in parts. Dropping it drops what is not computed yet.
pub struct Speaking {
    pub sample_rate: u32,
    pub resampled: bool,
    parts: BoxStream<'static, Result<Pcm, SpeechError>>,
}

/// One sentence, and the silence before it.
pub type SpokenPart = Pcm;

pub(super) struct Work {
    pub pool: PoolHandle,
    pub admission: Admission,
    pub voice: Arc<dyn LoadedVoice>,
    pub request: SynthesisRequest,
    pub inputs: Vec<ModelInput>,
    pub sample_rate: u32,
}

// === impl Speaking ===

impl Speaking {
    pub(super) fn begin(work: Work) -> Self {
        let native_rate = work.voice.config().sample_rate;
        let resampled = work.sample_rate != native_rate;
        let finish = Finish {
            volume: work.request.prosody.volume(),
            sample_rate: work.sample_rate,
            silence_ms: work.request.prosody.sentence_silence_ms(),
        };
        let ahead = work.pool.parallelism() + 1;
        let (sample_rate, inputs) = (work.sample_rate, work.inputs);
        let shared = Arc::new((work.pool, work.admission, work.voice, work.request));
        let parts = stream::iter(inputs.into_iter().enumerate())
            .map(move |(index, input)| {
                let shared = shared.clone();
                async move {
                    let (pool, admission, voice, request) = &*shared;
                    let job = SentenceJob {
                        voice_id: request.voice.clone(),
                        voice: voice.clone(),
                        input,
                        deadline: request.deadline,
                    };
                    let pcm = pool.synthesize(admission, job).await?;
                    finish.apply(pcm, index > 0).await
                }
            })
            .buffered(ahead)
            .boxed();
        Self { sample_rate, resampled, parts }
    }

    /// The next part; `None` at the end. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<SpokenPart, SpeechError>> {
        self.parts.next().await
    }

    /// All parts.
    pub async fn finish(mut self) -> Result<Vec<SpokenPart>, SpeechError> {
        let mut parts = Vec::new();
        while let Some(part) = self.next().await {
            parts.push(part?);
        }
        Ok(parts)
    }
}

/// What happens to a sentence after the network.
#[derive(Clone, Copy)]
struct Finish {
    volume: f32,
    sample_rate: u32,
    silence_ms: u32,
}

impl Finish {
    async fn apply(self, pcm: Pcm, has_sentence_before: bool) -> Result<Pcm, SpeechError> {
        let finished = tokio::task::spawn_blocking(move || {
            let pcm = resample(&pcm.with_volume(self.volume), self.sample_rate)?;
            if !has_sentence_before || self.silence_ms == 0 {
                return Ok(pcm);
            }
            let pause = silence(self.silence_ms, self.sample_rate);
            Ok(Pcm { samples: [&pause.samples[..], &pcm.samples[..]].concat().into(), ..pcm })
        });
        finished.await.map_err(|_| SpeechError::Failed("finishing a sentence panicked".to_owned()))?
    }
}
