//! Owns the supervision of synthesis: loads voices, one at a time and never on this actor's thread; hands sentences to workers; replaces
//! workers that panic or hang. `actix::Supervisor` restarts an actor that stops, not one whose thread panicked, so this actor holds what
//! makes a worker.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, Addr, Arbiter, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use tokio::sync::oneshot;

use super::messages::{ListLoaded, LoadVoice, QueuedJob, Run, Synthesize, UnloadVoice, WorkerFinished, Worth};
use super::residency::{Evicted, InUse, NoRoom, Residency};
use super::schedule::FairQueue;
use super::worker::SynthesisWorker;
use super::{PoolError, PoolSettings};
use crate::domain::{Deadline, VoiceId};
use crate::engine::{Engine, LoadedVoice};
use crate::telemetry::{Metrics, ShedReason};
use crate::voices::{Catalogue, VoiceDigest, VoiceFiles};

/// The supervisor of synthesis.
pub struct ModelPoolActor {
    engine: Arc<dyn Engine>,
    catalogue: Catalogue,
    metrics: Metrics,
    settings: PoolSettings,
    residency: Residency,
    /// What the voices in memory were made of.
    loaded_from: HashMap<VoiceId, VoiceDigest>,
    /// Who waits for a voice that is being loaded or is about to be.
    waiting: HashMap<VoiceId, Vec<oneshot::Sender<Loaded>>>,
    /// Files are there; memory is not yet asked for.
    to_load: VecDeque<Found>,
    loading: bool,
    queue: FairQueue<QueuedJob>,
    workers: HashMap<usize, Worker>,
    idle: Vec<usize>,
    next_worker: usize,
    /// Panics since a worker last finished well.
    panics_in_a_row: u32,
    /// Threads that hang and were replaced.
    hanging: usize,
}

/// Files to load, and what they were when they were found.
struct Found {
    id: VoiceId,
    files: VoiceFiles,
    digest: Option<VoiceDigest>,
}

type Loaded = Result<Arc<dyn LoadedVoice>, PoolError>;

struct Worker {
    address: Addr<SynthesisWorker>,
    /// When what it computes is of no more use.
    busy_until: Option<Deadline>,
}

/// A first panic costs no wait; a worker that panics every time does not spin.
const FIRST_RESTART_DELAY: Duration = Duration::from_millis(5);
const LONGEST_RESTART_DELAY: Duration = Duration::from_millis(500);

const TICK: Duration = Duration::from_millis(250);

// === impl ModelPoolActor ===

impl ModelPoolActor {
    pub fn new(engine: Arc<dyn Engine>, catalogue: Catalogue, metrics: Metrics, settings: PoolSettings) -> Self {
        metrics.voice_memory_limit.set(i64::try_from(settings.memory_limit_bytes).unwrap_or(i64::MAX));
        Self {
            engine,
            catalogue,
            metrics,
            residency: Residency::new(settings.memory_limit_bytes, settings.pinned.clone()),
            loaded_from: HashMap::new(),
            settings,
            waiting: HashMap::new(),
            to_load: VecDeque::new(),
            loading: false,
            queue: FairQueue::default(),
            workers: HashMap::new(),
            idle: Vec::new(),
            next_worker: 0,
            panics_in_a_row: 0,
            hanging: 0,
        }
    }

    // --- voices ---

    /// Begins the next load if none is under way. Loads take turns: each needs memory for a moment that the limit does not count.
    fn load_next(&mut self, ctx: &mut Context<Self>) {
        while !self.loading
            && let Some(found) = self.to_load.pop_front()
        {
            match self.make_room(&found.id, &found.files) {
                Ok(evicted) => self.load(found, evicted, ctx),
                Err(error) => self.answer_waiting(&found.id, &Err(error)),
            }
        }
    }

    fn make_room(&mut self, id: &VoiceId, files: &VoiceFiles) -> Result<Vec<Evicted>, PoolError> {
        let bytes = self.engine.memory_needed(files, self.settings.workers);
        self.residency.make_room(bytes).map_err(|no_room| match no_room {
            NoRoom::TooLarge { bytes, limit } => PoolError::VoiceTooLarge { voice: id.clone(), bytes, limit },
            NoRoom::AllInUse => PoolError::NoRoom(id.clone()),
        })
    }

    /// Asks for the voice's files, which may have to be fetched, then loads them.
    fn find_files(&mut self, id: VoiceId, ctx: &mut Context<Self>) {
        let catalogue = self.catalogue.clone();
        let wanted = id.clone();
        let find = async move {
            let files = catalogue.files(&wanted).await?;
            Ok((files, catalogue.digest(&wanted).await))
        };
        let then = find.into_actor(self).map(move |found, actor, ctx| match found {
            Ok((files, digest)) => {
                actor.to_load.push_back(Found { id, files, digest });
                actor.load_next(ctx);
            }
            Err(error) => actor.answer_waiting(&id, &Err(PoolError::NoFiles(error))),
        });
        ctx.spawn(then);
    }

    fn load(&mut self, found: Found, evicted: Vec<Evicted>, ctx: &mut Context<Self>) {
        let Found { id, files, digest } = found;
        self.loading = true;
        self.count_evictions(evicted.len());
        let engine = self.engine.clone();
        let load = tokio::task::spawn_blocking(move || {
            // Their memory is back before more is taken.
            drop(evicted);
            engine.load(&files)
        });
        let finish = load.into_actor(self).map(move |outcome, actor, ctx| {
            actor.loading = false;
            actor.loaded_from.extend(digest.map(|digest| (id.clone(), digest)));
            let loaded = match outcome {
                Ok(result) => result.map_err(|error| error.to_string()),
                Err(_) => Err("loading it panicked".to_owned()),
            };
            actor.finish_load(&id, loaded);
            actor.load_next(ctx);
        });
        ctx.spawn(finish);
    }

    fn finish_load(&mut self, id: &VoiceId, loaded: Result<Arc<dyn LoadedVoice>, String>) {
        self.metrics.count_voice_load(loaded.is_ok());
        let answer = match loaded {
            Ok(voice) => {
                let bytes = voice.memory_bytes(self.settings.workers);
                tracing::info!(voice = %id, bytes, "voice loaded");
                self.residency.insert(id.clone(), voice.clone(), bytes);
                Ok(voice)
            }
            Err(reason) => {
                tracing::error!(voice = %id, reason, "voice could not be loaded");
                let retry_after = self.residency.quarantine(id.clone(), reason.clone());
                Err(PoolError::VoiceFailed { voice: id.clone(), reason, retry_after })
            }
        };
        self.show_residency();
        self.answer_waiting(id, &answer);
    }

    /// Lets go of the voice if its files are others now. Whoever holds it finishes with it.
    fn drop_replaced(&mut self, id: &VoiceId) {
        let current = self.catalogue.known_digest(id);
        if current.is_none() || self.loaded_from.get(id) == current.as_ref() {
            return;
        }
        if let Some(replaced) = self.residency.take(id) {
            tracing::info!(voice = %id, "the files of a voice in memory were replaced");
            self.release(vec![replaced]);
        }
    }

    fn answer_waiting(&mut self, id: &VoiceId, answer: &Loaded) {
        for waiter in self.waiting.remove(id).unwrap_or_default() {
            // Whoever asked may be gone.
            let _ = waiter.send(answer.clone());
        }
    }

    /// Frees the memory of voices off this thread.
    fn release(&mut self, evicted: Vec<Evicted>) {
        if evicted.is_empty() {
            return;
        }
        self.count_evictions(evicted.len());
        self.show_residency();
        tokio::task::spawn_blocking(move || drop(evicted));
    }

    fn count_evictions(&self, voices: usize) {
        self.metrics.voice_evictions.inc_by(voices as u64);
    }

    fn show_residency(&self) {
        self.metrics.voices_loaded.set(self.residency.len() as i64);
        self.metrics.voice_memory.set(self.residency.bytes() as i64);
    }

    // --- sentences ---

    /// Hands queued work to idle workers, passing over what is of no use any more.
    fn dispatch(&mut self) {
        while !self.idle.is_empty()
            && let Some(queued) = self.queue.pop()
        {
            match queued.worth() {
                Worth::Compute => self.run(queued),
                worthless => self.shed(queued, worthless),
            }
        }
    }

    fn run(&mut self, queued: QueuedJob) {
        let Some(worker) = self.idle.pop().and_then(|number| self.workers.get_mut(&number)) else { return };
        worker.busy_until = Some(queued.job.deadline);
        // An idle worker's mailbox is empty, so that sending cannot fail for want of room.
        if let Err(error) = worker.address.try_send(Run(queued)) {
            tracing::error!(%error, "an idle worker took no work");
        }
    }

    fn shed(&self, queued: QueuedJob, worth: Worth) {
        let reason = if worth == Worth::Expired { ShedReason::Expired } else { ShedReason::Abandoned };
        self.metrics.count_shed(reason);
        queued.answer(Err(PoolError::DeadlinePassed));
    }

    // --- workers ---

    fn start_worker(&mut self, ctx: &mut Context<Self>) {
        let number = self.next_worker;
        self.next_worker += 1;
        let worker = SynthesisWorker { number, pool: ctx.address(), metrics: self.metrics.clone() };
        let address = SynthesisWorker::start_in_arbiter(&Arbiter::new().handle(), |_| worker);
        self.workers.insert(number, Worker { address, busy_until: None });
        self.idle.push(number);
    }

    /// Puts a worker in the place of one that panicked.
    fn replace(&mut self, number: usize, ctx: &mut Context<Self>) {
        tracing::error!(worker = number, "a worker panicked and is replaced");
        self.workers.remove(&number);
        self.metrics.worker_restarts.inc();
        self.panics_in_a_row += 1;
        let Some(earlier) = self.panics_in_a_row.checked_sub(2) else { return self.start_worker(ctx) };
        let delay = FIRST_RESTART_DELAY.saturating_mul(1 << earlier.min(16)).min(LONGEST_RESTART_DELAY);
        ctx.run_later(delay, |actor, ctx| {
            actor.start_worker(ctx);
            actor.dispatch();
        });
    }

    /// Puts workers in the place of those that go on computing long after their work was cancelled. Each slot has one spare thread at most:
    /// what hangs once may hang again.
    fn replace_hanging(&mut self, ctx: &mut Context<Self>) {
        let hang = |worker: &Worker| worker.busy_until.is_some_and(|until| until.passed_by(self.settings.hang_grace));
        let hanging: Vec<usize> =
            self.workers.iter().filter(|(_, worker)| hang(worker)).map(|(number, _)| *number).collect();
        for number in hanging {
            if self.hanging >= self.settings.workers {
                return;
            }
            tracing::error!(worker = number, "a worker hangs and is replaced");
            self.workers.remove(&number);
            self.hanging += 1;
            self.metrics.worker_restarts.inc();
            self.start_worker(ctx);
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        self.replace_hanging(ctx);
        for queued in self.queue.drop_unless(|queued| queued.worth() == Worth::Compute) {
            let worth = queued.worth();
            self.shed(queued, worth);
        }
        if let Some(idle) = self.settings.voice_idle {
            let evicted = self.residency.evict_idle(idle);
            self.release(evicted);
        }
        self.dispatch();
    }
}

impl Actor for ModelPoolActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        for _ in 0..self.settings.workers {
            self.start_worker(ctx);
        }
        ctx.run_interval(TICK, Self::tick);
    }
}

impl Handler<LoadVoice> for ModelPoolActor {
    type Result = ResponseFuture<Loaded>;

    fn handle(&mut self, LoadVoice(id): LoadVoice, ctx: &mut Self::Context) -> Self::Result {
        self.drop_replaced(&id);
        if let Some(voice) = self.residency.get(&id) {
            return Box::pin(std::future::ready(Ok(voice)));
        }
        if let Some((reason, retry_after)) = self.residency.quarantined(&id) {
            let failed = PoolError::VoiceFailed { voice: id, reason, retry_after };
            return Box::pin(std::future::ready(Err(failed)));
        }
        let (waiter, loaded) = oneshot::channel();
        let waiting = self.waiting.entry(id.clone()).or_default();
        waiting.push(waiter);
        if waiting.len() == 1 {
            self.find_files(id, ctx);
        }
        Box::pin(async move { loaded.await.unwrap_or(Err(PoolError::Stopped)) })
    }
}

impl Handler<UnloadVoice> for ModelPoolActor {
    type Result = Result<(), PoolError>;

    fn handle(&mut self, UnloadVoice(id): UnloadVoice, _: &mut Self::Context) -> Self::Result {
        let evicted = self.residency.evict(&id).map_err(|InUse| PoolError::VoiceInUse(id))?;
        self.release(evicted.into_iter().collect());
        Ok(())
    }
}

impl Handler<ListLoaded> for ModelPoolActor {
    type Result = Vec<VoiceId>;

    fn handle(&mut self, _: ListLoaded, _: &mut Self::Context) -> Self::Result {
        self.residency.ids().cloned().collect()
    }
}

impl Handler<Synthesize> for ModelPoolActor {
    type Result = ();

    fn handle(&mut self, Synthesize(queued): Synthesize, _: &mut Self::Context) {
        self.queue.push(&queued.share.clone(), queued.job.deadline, queued);
        self.dispatch();
    }
}

impl Handler<WorkerFinished> for ModelPoolActor {
    type Result = ();

    fn handle(&mut self, finished: WorkerFinished, ctx: &mut Self::Context) {
        let Some(worker) = self.workers.get_mut(&finished.worker) else {
            // It was replaced because it hung; nothing holds its address any more, so that it ends.
            self.hanging = self.hanging.saturating_sub(1);
            return;
        };
        worker.busy_until = None;
        if finished.panicked {
            self.replace(finished.worker, ctx);
        } else {
            self.panics_in_a_row = 0;
            self.idle.push(finished.worker);
        }
        self.dispatch();
    }
}
