//! Owns the pool as the rest of the service sees it: admission, voices, sentences. Nothing is sent to the actor without
//! a permit.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use piper_acoustic::{Computing, LoadedVoice, VoiceFiles};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::PoolError;
use super::backlog::Backlog;
use super::demand::Demand;
use super::messages::{CallerLeft, ListLoaded, LoadVoice, TryOut, UnloadVoice};
use super::model_pool::{AwaitedRoom, ModelPoolActor};
use super::pace::Paces;
use super::parts::{CallerCount, PoolParts, PoolSettings};
use super::schedule::{CallerShare, Priority, Share};
use crate::domain::{Deadline, DeadlinePassed, VoiceId};
use crate::telemetry::{IntGauge, Metrics, ShedReason};

/// The pool. A clone is another handle to it.
#[derive(Clone)]
pub struct PoolHandle {
    pub(super) actor: Addr<ModelPoolActor>,
    gate: Arc<AdmissionControl>,
    /// Whose requests come by this handle.
    caller: CallerShare,
    paces: Arc<Paces>,
    pub(super) workers: usize,
    voice_wait: Duration,
    awaited: AwaitedRoom,
}

/// What bounds the requests in the pool.
struct AdmissionControl {
    class: Priority,
    permits: Arc<Semaphore>,
    limit: usize,
    backlog: Arc<Backlog>,
    depth: IntGauge,
    metrics: Metrics,
}

/// The right of one request to use the pool. Given back when dropped.
pub struct Admission {
    permit: Option<OwnedSemaphorePermit>,
    gate: Arc<AdmissionControl>,
    actor: Addr<ModelPoolActor>,
    paces: Arc<Paces>,
    pub(super) share: Share,
}

/// Later than any other deadline.
const FAR: Duration = Duration::from_hours(24);

// === impl PoolHandle ===

impl PoolHandle {
    /// Starts the actors on the current system.
    pub fn start(parts: PoolParts, settings: PoolSettings) -> Self {
        let (workers, voice_wait) = (settings.workers, settings.voice_wait);
        let gate = AdmissionControl::new(Priority::Interactive, settings.queue_limit, workers, &parts.metrics);
        let callers = CallerCount { permits: gate.permits.clone(), limit: gate.limit };
        let (caller, paces, awaited) = <(CallerShare, Arc<Paces>, AwaitedRoom)>::default();
        let backlog = gate.backlog.clone();
        let actor = ModelPoolActor::new(parts, settings, callers, backlog, paces.clone(), awaited.clone()).start();
        Self { actor, gate: Arc::new(gate), caller, paces, workers, voice_wait, awaited }
    }

    /// The same pool for work that nobody waits for, of at most this many requests at once: it takes no place from
    /// others, and has the workers only while no other work waits.
    pub fn in_background(&self, limit: usize) -> Self {
        let gate = Arc::new(AdmissionControl::new(Priority::Background, limit, self.workers, &self.gate.metrics));
        Self { gate, caller: CallerShare::default(), ..self.clone() }
    }

    /// The same pool for this caller's requests.
    pub fn of_caller(&self, caller: CallerShare) -> Self {
        Self { caller, ..self.clone() }
    }

    pub fn is_background(&self) -> bool {
        self.gate.class == Priority::Background
    }

    /// Sets what is left to compute of a request: phoneme ids at a length scale of 1, by the voice that says them.
    pub fn estimate<'a>(&self, demand: &Demand, left: impl IntoIterator<Item = (&'a VoiceId, f64)>) {
        demand.set(left.into_iter().map(|(voice, ids)| (self.paces.of(voice), ids)).collect());
    }

    /// A place for a request that wants nothing computed, or at once a refusal.
    pub fn admit(&self) -> Result<Admission, PoolError> {
        self.admit_for(&Demand::default(), Deadline::after(FAR))
    }

    /// A place for a request that will be done by its deadline, as far as can be foretold, or at once a refusal.
    pub fn admit_for(&self, demand: &Demand, deadline: Deadline) -> Result<Admission, PoolError> {
        let gate = &self.gate;
        let share = self.share(demand);
        let has_room = self.caller.held() < self.caller.places_of(gate.limit);
        let permit = has_room.then(|| gate.permits.clone().try_acquire_owned().ok()).flatten();
        let taken = match permit {
            Some(permit) => gate.backlog.take(&share, deadline).map(|()| permit),
            None => Err(gate.backlog.refuse(&share, deadline)),
        };
        match taken {
            Ok(permit) => Ok(self.admission(permit, share)),
            Err(retry_after) => {
                gate.metrics.count_shed(ShedReason::Capacity);
                Err(PoolError::Overloaded { retry_after })
            }
        }
    }

    /// A place for a request that cannot be refused any more, as part of its answer is sent: when one is free.
    pub async fn admit_begun(&self, demand: &Demand, deadline: Deadline) -> Result<Admission, PoolError> {
        let permit = deadline.limit(self.gate.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| PoolError::DeadlinePassed)?.map_err(|_| PoolError::Stopped)?;
        let share = self.share(demand);
        self.gate.backlog.take_begun(&share, deadline);
        Ok(self.admission(permit, share))
    }

    fn share(&self, demand: &Demand) -> Share {
        Share::of(self.caller.clone(), self.gate.class, demand.clone())
    }

    fn admission(&self, permit: OwnedSemaphorePermit, share: Share) -> Admission {
        let gate = self.gate.clone();
        gate.depth.inc();
        self.caller.take_place();
        Admission { permit: Some(permit), share, gate, actor: self.actor.clone(), paces: self.paces.clone() }
    }

    /// The voice, fetched and loaded if it is not yet, and where it has no room when others are done. It stays in
    /// memory while the result is held. What was begun goes on when the wait is over.
    pub async fn voice(&self, id: &VoiceId, deadline: Deadline) -> Result<Arc<dyn LoadedVoice>, PoolError> {
        let mut loaded = pin!(self.actor.send(LoadVoice { id: id.clone(), waits_for_room: true }));
        loop {
            match self.wait_for(id, deadline, &mut loaded).await {
                Err(PoolError::VoiceLoading(_)) if self.is_room_awaited(id) => {}
                Err(PoolError::DeadlinePassed) if self.is_room_awaited(id) => {
                    return Err(PoolError::NoRoom(id.clone()));
                }
                done => return done?.map_err(|_| PoolError::Stopped)?,
            }
        }
    }

    /// The same for whoever holds voices already, and so is refused where it has no room: two that wait for each
    /// other's would never end.
    pub async fn voice_beside(&self, id: &VoiceId, deadline: Deadline) -> Result<Arc<dyn LoadedVoice>, PoolError> {
        let loaded = self.actor.send(LoadVoice { id: id.clone(), waits_for_room: false });
        self.wait_for(id, deadline, loaded).await?.map_err(|_| PoolError::Stopped)?
    }

    /// Waits for what a voice needs before it can speak, for as long as a request may.
    pub async fn wait_for<T>(
        &self,
        id: &VoiceId,
        deadline: Deadline,
        work: impl Future<Output = T>,
    ) -> Result<T, PoolError> {
        match deadline.limit(Deadline::after(self.voice_wait).limit(work)).await {
            Err(DeadlinePassed) => Err(PoolError::DeadlinePassed),
            Ok(Err(DeadlinePassed)) => Err(PoolError::VoiceLoading(id.clone())),
            Ok(Ok(done)) => Ok(done),
        }
    }

    /// Whether the voice waits until others that are in use leave room for it.
    pub fn is_room_awaited(&self, id: &VoiceId) -> bool {
        self.awaited.is_for(id)
    }

    /// Whether the voice in these files, which need not have its name yet, can be loaded.
    pub async fn try_out(&self, id: &VoiceId, files: VoiceFiles) -> Result<(), PoolError> {
        self.actor.send(TryOut { id: id.clone(), files }).await.map_err(|_| PoolError::Stopped)?
    }

    /// Lets go of the voice, if nobody uses it.
    pub async fn unload(&self, id: &VoiceId) -> Result<(), PoolError> {
        self.actor.send(UnloadVoice(id.clone())).await.map_err(|_| PoolError::Stopped)?
    }

    /// The voices in memory, and what computes them.
    pub async fn loaded(&self) -> Vec<(VoiceId, Computing)> {
        self.actor.send(ListLoaded).await.unwrap_or_default()
    }

    /// Workers beyond one for each request.
    pub(super) fn idle_workers(&self) -> usize {
        let requests = self.gate.limit.saturating_sub(self.gate.permits.available_permits());
        self.workers.saturating_sub(requests)
    }

    /// How many sentences of one request are worth having in the pool at once.
    pub fn parallelism(&self) -> usize {
        self.workers
    }
}

impl AdmissionControl {
    fn new(class: Priority, limit: usize, workers: usize, metrics: &Metrics) -> Self {
        let depth = match class {
            Priority::Interactive => metrics.queue_depth.clone(),
            Priority::Background => metrics.background_depth.clone(),
        };
        let permits = Arc::new(Semaphore::new(limit));
        let backlog = Arc::new(Backlog::new(class, workers, limit));
        Self { class, permits, limit, backlog, depth, metrics: metrics.clone() }
    }
}

impl Admission {
    /// An error if the request lost its place again, because it would not have been done in time.
    pub fn still_holds(&self) -> Result<(), PoolError> {
        self.share.refused().map_or(Ok(()), |retry_after| Err(PoolError::Overloaded { retry_after }))
    }

    /// A sentence of so many ids, at a length scale of 1, is computed, which took workers so long.
    pub fn computed(&self, voice: &VoiceId, ids: f64, took: Duration) {
        let pace = self.paces.of(voice);
        pace.measure(ids, took);
        self.share.demand().reduce(&pace, ids);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.gate.depth.dec();
        self.share.caller().give_place_back();
        self.gate.backlog.leave(&self.share);
        drop(self.permit.take());
        if self.gate.class == Priority::Interactive {
            // A pool that has too much to do to hear this looks again by itself.
            let _ = self.actor.try_send(CallerLeft);
        }
    }
}
