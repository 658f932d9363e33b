//! Owns computing one sentence: its units of work, asked for as soon as what they need is there, and in the order in
//! which they are heard.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{FutureExt, ready};
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use piper_acoustic::{Cancel, SentenceCrew, SpeechLatent, Utterance};
use tokio::sync::oneshot;
use tracing::Span;

use super::PoolError;
use super::handle::{Admission, PoolHandle};
use super::messages::{Computed, QueuedUnit, SentenceJob, Stretch, Synthesize, WorkUnit};
use super::schedule::{Priority, SoundPosition};
use super::stretches::{SentenceDemand, sections, stretches};
use crate::audio::Pcm;
use crate::telemetry::stage_span;

/// A stretch on its way.
enum StretchProgress {
    /// Decoded with its latents.
    Samples(Vec<f32>),
    Latent(SpeechLatent, Range<usize>),
}

/// Stops a computation whose result nobody waits for any more.
struct CancelOnDrop(Cancel);

// === impl PoolHandle ===

impl PoolHandle {
    /// One sentence, stretch by stretch, once it is begun. As many units as there are workers are computed at the same
    /// time. Dropping the future or the stream drops what is not begun and stops what is.
    pub async fn synthesize(
        &self,
        admission: &Admission,
        job: SentenceJob,
    ) -> Result<impl Stream<Item = Result<Stretch, PoolError>>, PoolError> {
        let sample_rate = job.voice.config().sample_rate;
        let pcm = move |samples: Vec<f32>| Pcm::from_float(&samples, sample_rate);
        let begin = WorkUnit::Begin { input: job.input.clone(), crew: SentenceCrew::new(1 + self.helpers(admission)) };
        let prior = match self.compute(admission, &job, 0, begin).await? {
            Computed::Begun(Utterance::Prior(prior)) => Arc::new(prior),
            Computed::Begun(Utterance::Whole(samples)) => {
                let whole = Stretch { pcm: pcm(samples), durations: None };
                admission.share.demand().sounds(whole.pcm.seconds());
                return Ok(stream::once(ready(Ok(whole))).left_stream());
            }
            Computed::Flowed { .. } | Computed::Decoded(_) => return Err(mixed_up()),
        };
        // One waits in the queue for each worker that becomes free.
        let ahead = self.workers + 1;
        let job = Arc::new(job);
        let (workers, class) = (self.idle_workers() + 1, admission.share.class());
        let wanted = SentenceDemand { first_sound: job.first_sound, workers, class };
        let mut to_decode = stretches(prior.frames, wanted).peekable();
        let mut first_stretch = if job.first_sound { to_decode.next() } else { None };
        let sections = sections(prior.frames, prior.context, wanted);

        let (flow_job, flow_prior) = (job.clone(), prior.clone());
        let flow = move |frames: Range<usize>| {
            let (prior, stretch) = (flow_prior.clone(), first_stretch.take());
            // What later stretches need goes right behind the first stretch, so that none of them waits for it long.
            let frame = frames.start.min(1);
            let flowed = self.compute(admission, &flow_job, frame, WorkUnit::Flow { prior, frames, stretch });
            async move {
                match flowed.await? {
                    Computed::Flowed { section, samples } => Ok((section, samples)),
                    Computed::Begun(_) | Computed::Decoded(_) => Err(mixed_up()),
                }
            }
        };
        let decode_job = job.clone();
        let durations = prior.durations.clone();
        let demand = admission.share.demand().clone();
        let decode = move |part: StretchProgress| {
            let (is_first, decoded) = match part {
                StretchProgress::Samples(samples) => (true, ready(Ok(Computed::Decoded(samples))).left_future()),
                StretchProgress::Latent(latent, frames) => {
                    let frame = frames.start;
                    let unit = WorkUnit::Decode { latent, frames };
                    (frame == 0, self.compute(admission, &decode_job, frame, unit).right_future())
                }
            };
            let durations = is_first.then(|| durations.clone());
            let demand = demand.clone();
            async move {
                match decoded.await? {
                    Computed::Decoded(samples) => {
                        let pcm = pcm(samples);
                        demand.sounds(pcm.seconds());
                        Ok(Stretch { pcm, durations })
                    }
                    Computed::Begun(_) | Computed::Flowed { .. } => Err(mixed_up()),
                }
            }
        };
        let mut latent = SpeechLatent::new(prior);
        let ready = stream::iter(sections).map(flow).buffered(ahead).map_ok(move |(section, samples)| {
            latent.push(section);
            let next = || to_decode.next_if(|frames| latent.is_known_for(frames.end));
            let to_decode = std::iter::from_fn(next).map(|frames| StretchProgress::Latent(latent.clone(), frames));
            let ready: Vec<_> = samples.map(StretchProgress::Samples).into_iter().chain(to_decode).map(Ok).collect();
            stream::iter(ready)
        });
        Ok(ready.try_flatten().map_ok(decode).try_buffered(ahead).right_stream())
    }

    /// How many workers may help to begin a sentence. Where nobody waits, others are free for whoever comes.
    fn helpers(&self, admission: &Admission) -> usize {
        match admission.share.class() {
            Priority::Interactive => self.idle_workers(),
            Priority::Background => 0,
        }
    }

    /// `frame` is the first of the sentence's that the unit is needed for.
    fn compute(
        &self,
        admission: &Admission,
        job: &SentenceJob,
        frame: usize,
        unit: WorkUnit,
    ) -> impl Future<Output = Result<Computed, PoolError>> + use<> {
        let cancel = CancelOnDrop(Cancel::default());
        let (reply, answer) = oneshot::channel();
        let position: SoundPosition = (job.index, frame);
        let queued = QueuedUnit {
            voice_id: job.voice_id.clone(),
            voice: job.voice.clone(),
            unit,
            position,
            deadline: job.deadline,
            share: admission.share.clone(),
            cost: job.cost.clone(),
            cancel: cancel.0.clone(),
            reply,
            queued_at: Instant::now(),
            span: Span::current(),
            waiting: stage_span!("queue"),
        };
        let (actor, deadline) = (self.actor.clone(), job.deadline);
        async move {
            let _cancel = cancel;
            let computed = async {
                actor.send(Synthesize(queued)).await.map_err(|_| PoolError::Stopped)?;
                answer.await.map_err(|_| PoolError::Stopped)?
            };
            deadline.limit(computed).await.map_err(|_| PoolError::DeadlinePassed)?
        }
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn mixed_up() -> PoolError {
    PoolError::SynthesisFailed("a worker answered what it was not asked".to_owned())
}
