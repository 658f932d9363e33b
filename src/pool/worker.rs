//! Owns one thread that computes units of work. The network is called here and nowhere else, under `catch_unwind`: a
//! panic ends this worker after it has answered: the pool lets go of its address, which stops it, and makes another.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use actix::{Actor, Arbiter, AsyncContext, Context, Handler, WeakRecipient, WrapFuture};
use piper_acoustic::{InferError, SpeechLatent, Utterance};
use tracing::Span;

use super::PoolError;
use super::messages::{Computed, End, Help, QueuedUnit, Run, WorkUnit, WorkerFinished};
use super::schedule::Priority;
use crate::domain::VoiceId;
use crate::telemetry::{Metrics, stage_span};

/// Lives on an arbiter of its own, and so on a thread of its own.
pub struct SynthesisWorker {
    pub number: usize,
    /// Weak: a pool that nobody uses ends, and its workers with it.
    pub pool: WeakRecipient<WorkerFinished>,
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
        if matches!(queued.unit, WorkUnit::Begin { .. }) && queued.share.class() == Priority::Interactive {
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
            End::Helped | End::Failed => {}
        }
        if end == End::Failed
            && let Some(reason) = queued.worth().shed_reason()
        {
            self.metrics.count_shed(reason);
        }
        // The news comes first, so that whoever acts on the answer finds a pool that knows how it ended.
        let news = self.tell(queued.voice_id.clone(), end);
        queued.answer(outcome.unwrap_or_else(|_| Err(PoolError::SynthesisFailed("the worker panicked".to_owned()))));
        ctx.spawn(news.into_actor(self));
    }
}

impl Handler<Help> for SynthesisWorker {
    type Result = ();

    fn handle(&mut self, help: Help, ctx: &mut Context<Self>) {
        let Help { voice_id, voice, helper, cost, span } = help;
        let request = span.entered();
        let helping = stage_span!("compute", otel.name = "help", voice = %voice_id).entered();
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| voice.help(&helper)));
        cost.add(began.elapsed());
        drop((helping, request, voice));
        if outcome.is_err() {
            self.metrics.worker_panics.inc();
        }
        let news = self.tell(voice_id, if outcome.is_ok() { End::Helped } else { End::Panicked });
        ctx.spawn(news.into_actor(self));
    }
}

impl SynthesisWorker {
    /// Sends the pool the news that this worker is free. A pool that is gone needs none.
    fn tell(&self, voice: VoiceId, end: End) -> impl Future<Output = ()> + use<> {
        let news = WorkerFinished { worker: self.number, voice, end };
        let told = self.pool.upgrade().map(|pool| pool.send(news));
        async move {
            if let Some(told) = told {
                let _ = told.await;
            }
        }
    }
}

fn compute(queued: &QueuedUnit, metrics: &Metrics) -> Result<Computed, PoolError> {
    let QueuedUnit { voice, unit, cancel, .. } = queued;
    let failed = |error: InferError| PoolError::SynthesisFailed(error.to_string());
    let computed = match unit {
        WorkUnit::Begin { input, crew } => Computed::Begun(voice.begin(input, crew, cancel).map_err(failed)?),
        WorkUnit::Flow { prior, frames, stretch } => {
            let section = voice.flow(prior, frames.clone(), cancel).map_err(failed)?;
            let decode = |stretch: &Range<usize>| {
                let mut latent = SpeechLatent::new(prior.clone());
                latent.push(section.clone());
                voice.decode(&latent, stretch.clone(), cancel)
            };
            let samples = stretch.as_ref().map(decode).transpose().map_err(failed)?;
            Computed::Flowed { section, samples }
        }
        WorkUnit::Decode { latent, frames } => {
            Computed::Decoded(voice.decode(latent, frames.clone(), cancel).map_err(failed)?)
        }
    };
    let id = [queued.voice_id.as_str()];
    let samples = match &computed {
        Computed::Begun(utterance) => {
            metrics.sentences_synthesized.with_label_values(&id).inc();
            if let Utterance::Whole(samples) = utterance { samples.len() } else { 0 }
        }
        Computed::Flowed { samples, .. } => samples.as_ref().map_or(0, Vec::len),
        Computed::Decoded(samples) => samples.len(),
    };
    metrics.audio_seconds.with_label_values(&id).inc_by(samples as f64 / f64::from(voice.config().sample_rate));
    Ok(computed)
}
