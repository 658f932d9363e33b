//! Owns the pool as the rest of the service sees it: admission, voices, sentences. Nothing is sent to the actor without a permit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::PoolError;
use super::messages::{LoadVoice, QueuedJob, SentenceJob, Synthesize};
use super::model_pool::ModelPoolActor;
use crate::audio::Pcm;
use crate::domain::{Deadline, VoiceId};
use crate::engine::{Engine, LoadedVoice};
use crate::telemetry::{Metrics, ShedReason};
use crate::voices::Catalogue;

#[derive(Debug, Clone, Copy)]
pub struct PoolSettings {
    pub workers: usize,
    /// Requests that may be in the pool at once, waiting or computed.
    pub queue_limit: usize,
}

/// The pool. A clone is another handle to it.
#[derive(Clone)]
pub struct PoolHandle {
    actor: Addr<ModelPoolActor>,
    permits: Arc<Semaphore>,
    metrics: Metrics,
    workers: usize,
}

/// The right of one request to use the pool. Given back when dropped.
pub struct Admission {
    _permit: OwnedSemaphorePermit,
    metrics: Metrics,
}

/// What a refused caller is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

// === impl PoolHandle ===

impl PoolHandle {
    /// Starts the actors on the current system.
    pub fn start(engine: Arc<dyn Engine>, catalogue: Catalogue, metrics: Metrics, settings: PoolSettings) -> Self {
        Self {
            actor: ModelPoolActor::new(engine, catalogue, metrics.clone(), settings.workers).start(),
            permits: Arc::new(Semaphore::new(settings.queue_limit)),
            metrics,
            workers: settings.workers,
        }
    }

    /// A place for one request, or at once a refusal.
    pub fn admit(&self) -> Result<Admission, PoolError> {
        let Ok(permit) = self.permits.clone().try_acquire_owned() else {
            self.metrics.count_shed(ShedReason::Capacity);
            return Err(PoolError::Overloaded { retry_after: RETRY_AFTER });
        };
        self.metrics.queue_depth.inc();
        Ok(Admission { _permit: permit, metrics: self.metrics.clone() })
    }

    /// The voice, loaded if it is not yet. A load that was begun goes on when the deadline passes.
    pub async fn voice(&self, id: &VoiceId, deadline: Deadline) -> Result<Arc<dyn LoadedVoice>, PoolError> {
        let loaded = deadline.limit(self.actor.send(LoadVoice(id.clone()))).await;
        loaded.map_err(|_| PoolError::DeadlinePassed)?.map_err(|_| PoolError::Stopped)?
    }

    /// Samples of one sentence. Dropping the future drops the job, if no worker has it yet.
    pub async fn synthesize(&self, _admission: &Admission, job: SentenceJob) -> Result<Pcm, PoolError> {
        let deadline = job.deadline;
        let (reply, answer) = oneshot::channel();
        let queued = QueuedJob { job, reply, queued_at: Instant::now() };
        let computed = async {
            self.actor.send(Synthesize(queued)).await.map_err(|_| PoolError::Stopped)?;
            answer.await.map_err(|_| PoolError::Stopped)?
        };
        deadline.limit(computed).await.map_err(|_| PoolError::DeadlinePassed)?
    }

    /// How many sentences of one request are worth having in the pool at once.
    pub fn parallelism(&self) -> usize {
        self.workers
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.metrics.queue_depth.dec();
    }
}
