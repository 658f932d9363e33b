//! Owns the pool as the rest of the service sees it: admission, voices, sentences. Nothing is sent to the actor without a permit.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr};
use futures_util::future::ready;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::PoolError;
use super::drain::DrainRate;
use super::messages::{Computed, ListLoaded, LoadVoice, QueuedUnit, SentenceJob, Synthesize, Unit, UnloadVoice};
use super::model_pool::ModelPoolActor;
use super::schedule::Share;
use super::stretches::stretches;
use crate::audio::Pcm;
use crate::domain::{Deadline, DeadlinePassed, VoiceId};
use crate::engine::{Cancel, Engine, LoadedVoice, Utterance};
use crate::resilience::Readiness;
use crate::telemetry::{Metrics, ShedReason};
use crate::voices::Catalogue;

#[derive(Debug, Clone)]
pub struct PoolSettings {
    pub workers: usize,
    /// Requests that may be in the pool at once, waiting or computed.
    pub queue_limit: usize,
    /// For all voices in memory together.
    pub memory_limit_bytes: u64,
    /// Voices that are never let go once they are loaded.
    pub pinned: HashSet<VoiceId>,
    /// After how long without use a voice is let go; `None`: when its room is needed.
    pub voice_idle: Option<Duration>,
    /// How long a request waits for a voice that is being fetched or loaded.
    pub voice_wait: Duration,
    /// How long after its deadline a computation that was cancelled may go on before its thread is given up.
    pub hang_grace: Duration,
    /// Sentences in a row over which a voice may bring its worker down.
    pub panic_limit: u32,
}

/// What the pool works with.
pub struct PoolParts {
    pub engine: Arc<dyn Engine>,
    pub catalogue: Catalogue,
    pub metrics: Metrics,
    pub readiness: Readiness,
}

/// The pool. A clone is another handle to it.
#[derive(Clone)]
pub struct PoolHandle {
    actor: Addr<ModelPoolActor>,
    gate: Arc<Gate>,
    workers: usize,
    voice_wait: Duration,
}

/// What bounds the requests in the pool.
struct Gate {
    permits: Arc<Semaphore>,
    limit: usize,
    drain: DrainRate,
    metrics: Metrics,
}

/// The right of one request to use the pool. Given back when dropped.
pub struct Admission {
    _permit: OwnedSemaphorePermit,
    gate: Arc<Gate>,
    share: Share,
}

/// Stops a computation whose result nobody waits for any more.
struct CancelOnDrop(Cancel);

// === impl PoolHandle ===

impl PoolHandle {
    /// Starts the actors on the current system.
    pub fn start(parts: PoolParts, settings: PoolSettings) -> Self {
        let gate = Gate {
            permits: Arc::new(Semaphore::new(settings.queue_limit)),
            limit: settings.queue_limit,
            drain: DrainRate::new(),
            metrics: parts.metrics.clone(),
        };
        let (workers, voice_wait) = (settings.workers, settings.voice_wait);
        let actor = ModelPoolActor::new(parts, settings).start();
        Self { actor, gate: Arc::new(gate), workers, voice_wait }
    }

    /// A place for one request, or at once a refusal.
    pub fn admit(&self) -> Result<Admission, PoolError> {
        let gate = &self.gate;
        let Ok(permit) = gate.permits.clone().try_acquire_owned() else {
            gate.metrics.count_shed(ShedReason::Capacity);
            return Err(PoolError::Overloaded { retry_after: gate.drain.time_for(gate.limit) });
        };
        if gate.permits.available_permits() + 1 == gate.limit {
            gate.drain.begin();
        }
        Ok(Admission::new(permit, gate))
    }

    /// A place for a request that cannot be refused any more, as part of its answer is sent: when one is free.
    pub async fn admit_begun(&self, deadline: Deadline) -> Result<Admission, PoolError> {
        let permit = deadline.limit(self.gate.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| PoolError::DeadlinePassed)?.map_err(|_| PoolError::Stopped)?;
        Ok(Admission::new(permit, &self.gate))
    }

    /// The voice, fetched and loaded if it is not yet. It stays in memory while the result is held. What was begun goes on when the wait
    /// is over.
    pub async fn voice(&self, id: &VoiceId, deadline: Deadline) -> Result<Arc<dyn LoadedVoice>, PoolError> {
        let loaded = Deadline::after(self.voice_wait).limit(self.actor.send(LoadVoice(id.clone())));
        match deadline.limit(loaded).await {
            Err(DeadlinePassed) => Err(PoolError::DeadlinePassed),
            Ok(Err(DeadlinePassed)) => Err(PoolError::VoiceLoading(id.clone())),
            Ok(Ok(loaded)) => loaded.map_err(|_| PoolError::Stopped)?,
        }
    }

    /// Lets go of the voice, if nobody uses it.
    pub async fn unload(&self, id: &VoiceId) -> Result<(), PoolError> {
        self.actor.send(UnloadVoice(id.clone())).await.map_err(|_| PoolError::Stopped)?
    }

    /// The voices in memory.
    pub async fn loaded(&self) -> Vec<VoiceId> {
        self.actor.send(ListLoaded).await.unwrap_or_default()
    }

    /// Samples of one sentence, stretch by stretch, once its first can be computed. As many stretches as there are workers are computed at
    /// the same time. Dropping the future or the stream drops what is not begun and stops what is.
    pub async fn synthesize(
        &self,
        admission: &Admission,
        job: SentenceJob,
    ) -> Result<impl Stream<Item = Result<Pcm, PoolError>>, PoolError> {
        let sample_rate = job.voice.config().sample_rate;
        let pcm = move |samples: Vec<f32>| Pcm::from_float(&samples, sample_rate);
        let latent = match self.compute(admission, &job, Unit::Begin(job.input.clone())).await? {
            Computed::Begun(Utterance::Latent(latent)) => Arc::new(latent),
            Computed::Begun(Utterance::Whole(samples)) | Computed::Decoded(samples) => {
                return Ok(stream::once(ready(Ok(pcm(samples)))).left_stream());
            }
        };
        let stretches = stretches(latent.frames);
        let decode = move |frames| {
            let computed = self.compute(admission, &job, Unit::Decode { latent: latent.clone(), frames });
            async move {
                match computed.await? {
                    Computed::Decoded(samples) => Ok(pcm(samples)),
                    Computed::Begun(_) => Err(PoolError::SynthesisFailed("a stretch is no beginning".to_owned())),
                }
            }
        };
        Ok(stream::iter(stretches).map(decode).buffered(self.workers).right_stream())
    }

    fn compute(
        &self,
        admission: &Admission,
        job: &SentenceJob,
        unit: Unit,
    ) -> impl Future<Output = Result<Computed, PoolError>> + use<> {
        let cancel = CancelOnDrop(Cancel::default());
        let (reply, answer) = oneshot::channel();
        let queued = QueuedUnit {
            voice_id: job.voice_id.clone(),
            voice: job.voice.clone(),
            unit,
            index: job.index,
            deadline: job.deadline,
            share: admission.share.clone(),
            cancel: cancel.0.clone(),
            reply,
            queued_at: Instant::now(),
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

    /// How many sentences of one request are worth having in the pool at once.
    pub fn parallelism(&self) -> usize {
        self.workers
    }
}

impl Admission {
    fn new(permit: OwnedSemaphorePermit, gate: &Arc<Gate>) -> Self {
        gate.metrics.queue_depth.inc();
        Self { _permit: permit, gate: gate.clone(), share: Share::default() }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.gate.metrics.queue_depth.dec();
        self.gate.drain.finish();
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
