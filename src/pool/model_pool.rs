//! Owns the voices in memory, the workers and the queue of sentences. Loads are done once however many ask, and never on this actor's
//! thread. Supervises the workers: `actix::Supervisor` restarts an actor that stops, not one whose thread panicked, so this actor holds
//! what makes a worker and replaces those that report a panic.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, Addr, Arbiter, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use tokio::sync::oneshot;

use super::PoolError;
use super::messages::{LoadVoice, QueuedJob, Run, Synthesize, WorkerFinished, Worth};
use super::worker::SynthesisWorker;
use crate::domain::VoiceId;
use crate::engine::{Engine, LoadedVoice};
use crate::telemetry::{Metrics, ShedReason};
use crate::voices::Catalogue;

/// The supervisor of synthesis.
pub struct ModelPoolActor {
    engine: Arc<dyn Engine>,
    catalogue: Catalogue,
    metrics: Metrics,
    voices: HashMap<VoiceId, Slot>,
    queue: VecDeque<QueuedJob>,
    workers: HashMap<usize, Addr<SynthesisWorker>>,
    idle: Vec<usize>,
    worker_count: usize,
    next_worker: usize,
    /// Panics since a worker last finished well.
    panics_in_a_row: u32,
}

type Loaded = Result<Arc<dyn LoadedVoice>, PoolError>;

enum Slot {
    /// Being loaded; these wait for it.
    Loading(Vec<oneshot::Sender<Loaded>>),
    Loaded(Arc<dyn LoadedVoice>),
}

/// A first panic costs no wait; a worker that panics every time does not spin.
const FIRST_RESTART_DELAY: Duration = Duration::from_millis(5);
const LONGEST_RESTART_DELAY: Duration = Duration::from_millis(500);

// === impl ModelPoolActor ===

impl ModelPoolActor {
    pub fn new(engine: Arc<dyn Engine>, catalogue: Catalogue, metrics: Metrics, worker_count: usize) -> Self {
        Self {
            engine,
            catalogue,
            metrics,
            voices: HashMap::new(),
            queue: VecDeque::new(),
            workers: HashMap::new(),
            idle: Vec::new(),
            worker_count,
            next_worker: 0,
            panics_in_a_row: 0,
        }
    }

    fn start_worker(&mut self, ctx: &mut Context<Self>) {
        let number = self.next_worker;
        self.next_worker += 1;
        let worker = SynthesisWorker { number, pool: ctx.address(), metrics: self.metrics.clone() };
        let address = SynthesisWorker::start_in_arbiter(&Arbiter::new().handle(), |_| worker);
        self.workers.insert(number, address);
        self.idle.push(number);
    }

    /// Hands queued work to idle workers, passing over what is of no use any more.
    fn dispatch(&mut self) {
        while !self.idle.is_empty() {
            let Some(queued) = self.queue.pop_front() else { return };
            match queued.worth() {
                Worth::Abandoned => self.metrics.count_shed(ShedReason::Abandoned),
                Worth::Expired => {
                    self.metrics.count_shed(ShedReason::Expired);
                    queued.answer(Err(PoolError::DeadlinePassed));
                }
                Worth::Compute => self.run(queued),
            }
        }
    }

    fn run(&mut self, queued: QueuedJob) {
        let Some(number) = self.idle.pop() else { return };
        // An idle worker's mailbox is empty, so that sending cannot fail for want of room.
        if let Some(worker) = self.workers.get(&number)
            && let Err(error) = worker.try_send(Run(queued))
        {
            tracing::error!(%error, "an idle worker took no work");
        }
    }

    fn finish_load(&mut self, id: VoiceId, loaded: Result<Arc<dyn LoadedVoice>, String>) {
        self.metrics.count_voice_load(loaded.is_ok());
        let waiting = match self.voices.remove(&id) {
            Some(Slot::Loading(waiters)) => waiters,
            _ => Vec::new(),
        };
        let answer = match loaded {
            Ok(voice) => {
                tracing::info!(voice = %id, "voice loaded");
                self.voices.insert(id, Slot::Loaded(voice.clone()));
                self.metrics.voices_loaded.inc();
                Ok(voice)
            }
            Err(reason) => {
                tracing::error!(voice = %id, reason, "voice could not be loaded");
                Err(PoolError::VoiceFailed { voice: id, reason })
            }
        };
        for waiter in waiting {
            // Whoever asked may be gone; the voice is loaded all the same.
            let _ = waiter.send(answer.clone());
        }
    }

    fn restart_delay(&self) -> Option<Duration> {
        let earlier = self.panics_in_a_row.checked_sub(2)?;
        Some(FIRST_RESTART_DELAY.saturating_mul(1 << earlier.min(16)).min(LONGEST_RESTART_DELAY))
    }
}

impl Actor for ModelPoolActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        for _ in 0..self.worker_count {
            self.start_worker(ctx);
        }
    }
}

impl Handler<LoadVoice> for ModelPoolActor {
    type Result = ResponseFuture<Loaded>;

    fn handle(&mut self, LoadVoice(id): LoadVoice, ctx: &mut Self::Context) -> Self::Result {
        let (waiter, loaded) = oneshot::channel();
        match self.voices.get_mut(&id) {
            Some(Slot::Loaded(voice)) => return Box::pin(std::future::ready(Ok(voice.clone()))),
            Some(Slot::Loading(waiters)) => waiters.push(waiter),
            None => {
                let Some(files) = self.catalogue.installed(&id) else {
                    return Box::pin(std::future::ready(Err(PoolError::UnknownVoice(id))));
                };
                let engine = self.engine.clone();
                let load = tokio::task::spawn_blocking(move || engine.load(&files));
                self.voices.insert(id.clone(), Slot::Loading(vec![waiter]));
                let finish = load.into_actor(self).map(move |outcome, actor, _| {
                    let loaded = match outcome {
                        Ok(result) => result.map_err(|error| error.to_string()),
                        Err(_) => Err("loading it panicked".to_owned()),
                    };
                    actor.finish_load(id, loaded);
                });
                ctx.spawn(finish);
            }
        }
        Box::pin(async move { loaded.await.unwrap_or(Err(PoolError::Stopped)) })
    }
}

impl Handler<Synthesize> for ModelPoolActor {
    type Result = ();

    fn handle(&mut self, Synthesize(job): Synthesize, _: &mut Self::Context) {
        self.queue.push_back(job);
        self.dispatch();
    }
}

impl Handler<WorkerFinished> for ModelPoolActor {
    type Result = ();

    fn handle(&mut self, finished: WorkerFinished, ctx: &mut Self::Context) {
        if finished.panicked {
            tracing::error!(worker = finished.worker, "a worker panicked and is replaced");
            self.workers.remove(&finished.worker);
            self.metrics.worker_restarts.inc();
            self.panics_in_a_row += 1;
            match self.restart_delay() {
                None => self.start_worker(ctx),
                Some(delay) => {
                    ctx.run_later(delay, |actor, ctx| {
                        actor.start_worker(ctx);
                        actor.dispatch();
                    });
                }
            }
        } else {
            self.panics_in_a_row = 0;
            self.idle.push(finished.worker);
        }
        self.dispatch();
    }
}
