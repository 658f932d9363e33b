//! Owns the pool's handling of each message.

use actix::{Context, Handler, ResponseFuture};
use piper_acoustic::Computing;
use tokio::sync::oneshot;

use super::super::PoolError;
use super::super::messages::{CallerLeft, End, ListLoaded, LoadVoice, Synthesize, TryOut, UnloadVoice, WorkerFinished};
use super::super::residency::InUse;
use super::ModelPoolActor;
use super::waiting::{LoadResult, Waiter};
use crate::domain::VoiceId;

impl Handler<LoadVoice> for ModelPoolActor {
    type Result = ResponseFuture<LoadResult>;

    fn handle(&mut self, LoadVoice { id, waits_for_room }: LoadVoice, ctx: &mut Context<Self>) -> Self::Result {
        self.residency.forgive_unless(&id, self.catalogue.known_digest(&id));
        if let Some(refused) = self.refused(&id) {
            return Box::pin(std::future::ready(Err(refused)));
        }
        self.drop_replaced(&id);
        if let Some(voice) = self.resident(&id, waits_for_room) {
            return Box::pin(std::future::ready(Ok(voice)));
        }
        let (answer, loaded) = oneshot::channel();
        let is_under_way = self.waiting.contains_key(&id);
        let waiting = self.waiting.entry(id.clone()).or_default();
        // Nobody answers those who left while a disk hangs.
        waiting.retain(|waiter| !waiter.answer.is_closed());
        waiting.push(Waiter { answer, waits_for_room });
        if !is_under_way {
            self.find_files(id, ctx);
        }
        Box::pin(async move { loaded.await.unwrap_or(Err(PoolError::Stopped)) })
    }
}

impl Handler<TryOut> for ModelPoolActor {
    type Result = ResponseFuture<Result<(), PoolError>>;

    fn handle(&mut self, TryOut { id, files }: TryOut, _: &mut Context<Self>) -> Self::Result {
        let (engine, threads, turn) = (self.engine.clone(), self.threads.clone(), self.trying_out.clone());
        Box::pin(async move {
            // Each takes memory for a moment that the limit does not count.
            let _turn = turn.lock().await;
            match threads.run(move || engine.load(&files).map(drop)).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(match error.problem() {
                    Some(problem) => PoolError::VoiceUnusable { voice: id, problem },
                    None => PoolError::SynthesisFailed(error.to_string()),
                }),
                Err(_) => Err(PoolError::VoiceUnusable { voice: id, problem: "loading it panicked".to_owned() }),
            }
        })
    }
}

impl Handler<UnloadVoice> for ModelPoolActor {
    type Result = Result<(), PoolError>;

    fn handle(&mut self, UnloadVoice(id): UnloadVoice, _: &mut Context<Self>) -> Self::Result {
        let evicted = self.residency.evict(&id).map_err(|InUse| PoolError::VoiceInUse(id))?;
        self.release(evicted.into_iter().collect());
        Ok(())
    }
}

impl Handler<ListLoaded> for ModelPoolActor {
    type Result = Vec<(VoiceId, Computing)>;

    fn handle(&mut self, _: ListLoaded, _: &mut Context<Self>) -> Self::Result {
        self.residency.voices().collect()
    }
}

impl Handler<Synthesize> for ModelPoolActor {
    type Result = ();

    fn handle(&mut self, Synthesize(queued): Synthesize, _: &mut Context<Self>) {
        self.queue.push(&queued.share.clone(), queued.deadline, queued.position, queued);
        self.dispatch();
    }
}

impl Handler<CallerLeft> for ModelPoolActor {
    type Result = ();

    fn handle(&mut self, _: CallerLeft, _: &mut Context<Self>) {
        self.dispatch();
    }
}

impl Handler<WorkerFinished> for ModelPoolActor {
    type Result = ();

    fn handle(&mut self, finished: WorkerFinished, ctx: &mut Context<Self>) {
        match finished.end {
            End::Computed => self.residency.spoke(&finished.voice),
            End::Helped | End::Failed => {}
            End::Panicked => self.count_panic(&finished.voice),
        }
        let Some(worker) = self.workers.get_mut(&finished.worker) else {
            // It was replaced because it hung; nothing holds its address any more, so that it ends.
            self.hanging = self.hanging.saturating_sub(1);
            return;
        };
        worker.busy = None;
        if finished.end == End::Panicked {
            self.replace(finished.worker, ctx);
        } else {
            if finished.end != End::Helped {
                self.panics_in_a_row = 0;
            }
            self.idle.push(finished.worker);
        }
        self.dispatch();
    }
}
