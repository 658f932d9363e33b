//! Owns the supervision of synthesis: has voices loaded, one at a time and never on this actor's thread; hands units of
//! work to workers; replaces workers that panic or hang. `actix::Supervisor` restarts an actor that stops, not one
//! whose thread panicked, so this actor holds what makes a worker.

mod loading;
mod requests;
mod room;
mod waiting;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, Arbiter, AsyncContext, Context, Handler, Message};
use piper_acoustic::Engine;

use super::PoolError;
use super::backlog::Backlog;
use super::messages::{Liveness, QueuedUnit, Run};
use super::pace::Paces;
use super::parts::{CallerCount, PoolParts, PoolSettings};
use super::residency::Residency;
use super::schedule::{FairQueue, Priority};
use super::worker::SynthesisWorker;
use crate::domain::{Deadline, VoiceId};
use crate::files::Detached;
use crate::resilience::{NotReadyReason, Readiness};
use crate::telemetry::{Metrics, ShedReason};
use crate::voices::{Catalogue, VoiceDigest};
pub use waiting::AwaitedRoom;
use waiting::{FoundVoice, LoadTurn, RoomWait, Waiter};

/// The supervisor of synthesis.
pub struct ModelPoolActor {
    engine: Arc<dyn Engine>,
    catalogue: Catalogue,
    metrics: Metrics,
    readiness: Readiness,
    settings: PoolSettings,
    residency: Residency,
    /// What the voices in memory were made of.
    loaded_from: HashMap<VoiceId, VoiceDigest>,
    /// Who waits for a voice that is being loaded or is about to be.
    waiting: HashMap<VoiceId, Vec<Waiter>>,
    /// Files are there; there was no turn yet, or no room.
    to_load: VecDeque<FoundVoice>,
    room: RoomWait,
    turn: Option<LoadTurn>,
    /// Loads that lost their turn.
    overdue: usize,
    next_load: u64,
    /// Held by whoever tries a voice that is not to be kept.
    trying_out: Arc<tokio::sync::Mutex<()>>,
    /// Which loads and looks at files run on.
    threads: Detached,
    queue: FairQueue<QueuedUnit>,
    callers: CallerCount,
    backlog: Arc<Backlog>,
    paces: Arc<Paces>,
    workers: HashMap<usize, WorkerSlot>,
    idle: Vec<usize>,
    next_worker: usize,
    /// Panics since a worker last finished well.
    panics_in_a_row: u32,
    /// Threads that hang and were replaced.
    hanging: usize,
}

struct WorkerSlot {
    address: Addr<SynthesisWorker>,
    busy: Option<Busy>,
}

/// With what a worker is busy.
struct Busy {
    /// When it is of no more use.
    until: Deadline,
    class: Priority,
}

/// Workers that one request uses as a rule.
const WORKERS_OF_A_CALLER: usize = 2;

/// A first panic costs no wait; a worker that panics every time does not spin.
const FIRST_RESTART_DELAY: Duration = Duration::from_millis(5);
const LONGEST_RESTART_DELAY: Duration = Duration::from_millis(500);

/// More than there are loads at a time. One on a disk that hangs keeps its own.
const THREADS: usize = 12;

const TICK: Duration = Duration::from_millis(250);

// === impl ModelPoolActor ===

impl ModelPoolActor {
    pub fn new(
        parts: PoolParts,
        settings: PoolSettings,
        callers: CallerCount,
        backlog: Arc<Backlog>,
        paces: Arc<Paces>,
        awaited: AwaitedRoom,
    ) -> Self {
        let PoolParts { engine, catalogue, metrics, readiness } = parts;
        metrics.voice_memory_limit.set(i64::try_from(settings.memory_limit_bytes).unwrap_or(i64::MAX));
        Self {
            engine,
            catalogue,
            metrics,
            readiness,
            residency: Residency::new(settings.memory_limit_bytes, settings.pinned.clone()),
            loaded_from: HashMap::new(),
            settings,
            waiting: HashMap::new(),
            to_load: VecDeque::new(),
            room: RoomWait::shown_as(awaited),
            turn: None,
            overdue: 0,
            next_load: 0,
            trying_out: Arc::default(),
            threads: Detached::new("voice-loading", THREADS),
            queue: FairQueue::default(),
            callers,
            backlog,
            paces,
            workers: HashMap::new(),
            idle: Vec::new(),
            next_worker: 0,
            panics_in_a_row: 0,
            hanging: 0,
        }
    }

    // --- units of work ---

    /// Hands queued work to idle workers, passing over what is of no use any more.
    fn dispatch(&mut self) {
        while !self.idle.is_empty()
            && self.next_may_run()
            && let Some(queued) = self.queue.pop()
        {
            match queued.worth() {
                Liveness::Compute => match self.refused(&queued.voice_id) {
                    Some(refused) => queued.answer(Err(refused)),
                    None => self.run(queued),
                },
                worthless => self.shed(queued, worthless),
            }
        }
    }

    /// Each caller's request keeps two workers from the background, also in the moments in which none of its units
    /// waits.
    fn next_may_run(&self) -> bool {
        if self.queue.next_class() != Some(Priority::Background) {
            return true;
        }
        let is_background =
            |worker: &&WorkerSlot| worker.busy.as_ref().is_some_and(|busy| busy.class == Priority::Background);
        let running = self.workers.values().filter(is_background).count();
        running + WORKERS_OF_A_CALLER * self.callers.count() < self.settings.workers
    }

    fn run(&mut self, queued: QueuedUnit) {
        let (until, class, help) = (queued.deadline, queued.share.class(), queued.help());
        self.occupy(Busy { until, class }, Run(queued));
        for help in help {
            self.occupy(Busy { until, class }, help);
        }
    }

    /// Gives an idle worker something to do, if there is one.
    fn occupy<M>(&mut self, busy: Busy, work: M)
    where
        M: Message<Result = ()> + Send + 'static,
        SynthesisWorker: Handler<M>,
    {
        let Some(worker) = self.idle.pop().and_then(|number| self.workers.get_mut(&number)) else { return };
        worker.busy = Some(busy);
        // An idle worker's mailbox is empty, so that sending cannot fail for want of room.
        if let Err(error) = worker.address.try_send(work) {
            tracing::error!(%error, "an idle worker took no work");
        }
    }

    fn shed(&self, queued: QueuedUnit, worth: Liveness) {
        if let Some(reason) = worth.shed_reason() {
            self.metrics.count_shed(reason);
        }
        queued.answer(Err(match worth {
            Liveness::Refused(retry_after) => PoolError::Overloaded { retry_after },
            _ => PoolError::DeadlinePassed,
        }));
    }

    // --- workers ---

    fn start_worker(&mut self, ctx: &mut Context<Self>) {
        let number = self.next_worker;
        self.next_worker += 1;
        let worker =
            SynthesisWorker { number, pool: ctx.address().downgrade().recipient(), metrics: self.metrics.clone() };
        let address = SynthesisWorker::start_in_arbiter(&Arbiter::new().handle(), |_| worker);
        self.workers.insert(number, WorkerSlot { address, busy: None });
        self.show_workers();
        self.idle.push(number);
    }

    /// Puts a worker in the place of one that panicked.
    fn replace(&mut self, number: usize, ctx: &mut Context<Self>) {
        tracing::error!(worker = number, "a worker panicked and is replaced");
        self.workers.remove(&number);
        self.show_workers();
        self.metrics.worker_restarts.inc();
        self.panics_in_a_row += 1;
        let Some(earlier) = self.panics_in_a_row.checked_sub(2) else { return self.start_worker(ctx) };
        let delay = FIRST_RESTART_DELAY.saturating_mul(1 << earlier.min(16)).min(LONGEST_RESTART_DELAY);
        ctx.run_later(delay, |actor, ctx| {
            actor.start_worker(ctx);
            actor.dispatch();
        });
    }

    /// Puts workers in the place of those that go on computing long after their work was cancelled. Each slot has one
    /// spare thread at most: what hangs once may hang again.
    fn replace_hanging(&mut self, ctx: &mut Context<Self>) {
        let hangs = |worker: &&WorkerSlot| worker.hangs(self.settings.hang_grace);
        let hanging: Vec<usize> =
            self.workers.iter().filter(|(_, worker)| hangs(worker)).map(|(number, _)| *number).collect();
        for number in hanging {
            if self.hanging >= self.settings.workers {
                return;
            }
            tracing::error!(worker = number, "a worker hangs and is replaced");
            self.workers.remove(&number);
            self.show_workers();
            self.hanging += 1;
            self.metrics.worker_restarts.inc();
            self.start_worker(ctx);
        }
    }

    fn show_workers(&self) {
        self.metrics.workers.set(self.workers.len() as i64);
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        // The timer that calls this would keep the actor for ever.
        if !ctx.connected() {
            return ctx.stop();
        }
        self.replace_hanging(ctx);
        self.pass_turn_on(ctx);
        let none_works = self.workers.values().all(|worker| worker.hangs(self.settings.hang_grace));
        self.readiness.set(NotReadyReason::NoWorkers, none_works);
        for _ in 0..self.backlog.refuse_late() {
            self.metrics.count_shed(ShedReason::Capacity);
        }
        for queued in self.queue.drop_unless(|queued| queued.worth() == Liveness::Compute) {
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

impl WorkerSlot {
    /// Whether it goes on computing long after its work was cancelled.
    fn hangs(&self, grace: Duration) -> bool {
        self.busy.as_ref().is_some_and(|busy| busy.until.passed_by(grace))
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
