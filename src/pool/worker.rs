//! Owns one thread that computes units of work. The network is called here and nowhere else, under `catch_unwind`: a panic ends this worker
//! after it has answered: the pool lets go of its address, which stops it, and makes another.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use actix::{Actor, Arbiter, AsyncContext, Context, Handler, WeakAddr, WrapFuture};
use piper_acoustic::{InferError, Utterance};
use tracing::Span;

use super::PoolError;
use super::messages::{Computed, End, QueuedUnit, Run, Unit, WorkerFinished};
use super::model_pool::ModelPoolActor;
use super::schedule::Class;
use crate::telemetry::{Metrics, stage_span};

/// Lives on an arbiter of its own, and so on a thread of its own.
pub struct SynthesisWorker {
    pub number: usize,
    /// Weak: a pool that nobody uses ends, and its workers with it.
    pub pool: WeakAddr<ModelPoolActor>,
    pub metrics: Metrics,
}

impl Actor for SynthesisWorker {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        Arbiter::current().stop();
    }
}

impl Handler<Run> for SynthesisWorker {
    type Result = ();

    fn handle(&mut self, Run(mut queued): Run, ctx: &mut Self::Context) {
        if matches!(queued.unit, Unit::Begin(_)) && queued.share.class() == Class::Interactive {
            self.metrics.queue_wait.observe(queued.queued_at.elapsed().as_secs_f64());
        }
        queued.waiting = Span::none();
        let stage = queued.unit.stage();
        let request = queued.span.clone().entered();
        let computing = stage_span!("compute", otel.name = stage.name(), voice = %queued.voice_id).entered();
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| compute(&queued, &self.metrics)));
        queued.cost.add(began.elapsed());
        drop((computing, request));

        let end = match &outcome {
            Ok(Ok(_)) => End::Computed,
            Ok(Err(_)) => End::Failed,
            Err(_) => End::Panicked,
        };
        match end {
            End::Computed => self.metrics.observe_stage(stage, began.elapsed()),
            End::Panicked => self.metrics.worker_panics.inc(),
            End::Failed => {}
        }
        if end == End::Failed
            && let Some(reason) = queued.worth().shed_reason()
        {
            self.metrics.count_shed(reason);
        }
        // The news comes first, so that whoever acts on the answer finds a pool that knows how it ended. A pool that is gone needs none.
        let news = WorkerFinished { worker: self.number, voice: queued.voice_id.clone(), end };
        let finished = self.pool.upgrade().map(|pool| pool.send(news));
        queued.answer(outcome.unwrap_or_else(|_| Err(PoolError::SynthesisFailed("the worker panicked".to_owned()))));

        let Some(finished) = finished else { return };
        ctx.spawn(
            async move {
                let _ = finished.await;
            }
            .into_actor(self),
        );
    }
}

fn compute(queued: &QueuedUnit, metrics: &Metrics) -> Result<Computed, PoolError> {
    let QueuedUnit { voice, unit, cancel, .. } = queued;
    let failed = |error: InferError| PoolError::SynthesisFailed(error.to_string());
    let computed = match unit {
        Unit::Begin(input) => Computed::Begun(voice.begin(input, cancel).map_err(failed)?),
        Unit::Flow { prior, frames } => Computed::Flowed(voice.flow(prior, frames.clone(), cancel).map_err(failed)?),
        Unit::Decode { latent, frames } => {
            Computed::Decoded(voice.decode(latent, frames.clone(), cancel).map_err(failed)?)
        }
    };
    let id = [queued.voice_id.as_str()];
    let samples = match &computed {
        Computed::Begun(utterance) => {
            metrics.sentences_synthesized.with_label_values(&id).inc();
            if let Utterance::Whole(samples) = utterance { samples.len() } else { 0 }
        }
        Computed::Flowed(_) => 0,
        Computed::Decoded(samples) => samples.len(),
    };
    metrics.audio_seconds.with_label_values(&id).inc_by(samples as f64 / f64::from(voice.config().sample_rate));
    Ok(computed)
}
