//! Owns bringing voices into memory and letting them go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use piper_acoustic::{LoadError, LoadedVoice};

use super::super::PoolError;
use super::super::calibration::calibrate;
use super::super::residency::{Cause, Evicted, NoRoom};
use super::ModelPoolActor;
use super::waiting::{FoundVoice, LoadResult, LoadTurn};
use crate::domain::VoiceId;
use crate::voices::VoiceDigest;

/// Loads that lost their turn and are not done. Each may hold memory that the limit does not count.
const MAX_OVERDUE: usize = 3;

// === impl ModelPoolActor ===

impl ModelPoolActor {
    /// Begins the next load if none has its turn. Loads take turns: each needs memory for a moment that the limit does
    /// not count.
    pub(super) fn load_next(&mut self, ctx: &mut Context<Self>) {
        while self.turn.is_none()
            && let Some(found) = self.to_load.pop_front()
        {
            if let Some(voice) = self.residency.get(&found.id) {
                // Others made room for what waited for its place.
                self.end_wait_for_room();
                self.answer_waiting(&found.id, &Ok(voice));
                continue;
            }
            match self.residency.make_room(found.bytes) {
                Ok(evicted) => {
                    self.end_wait_for_room();
                    self.load(found, evicted, ctx);
                }
                Err(NoRoom::AllInUse) if self.is_worth_waiting_for(&found.id) => {
                    let bytes = found.bytes;
                    self.to_load.push_front(found);
                    return self.wait_for_room(bytes, ctx);
                }
                Err(no_room) => {
                    self.end_wait_for_room();
                    let refused = refusal(&found.id, no_room);
                    if matches!(no_room, NoRoom::TooLarge { .. }) {
                        self.catalogue.note_problem(&found.id, Some(refused.to_string()));
                    }
                    self.answer_waiting(&found.id, &Err(refused));
                }
            }
        }
    }

    /// Takes the turn from a load that lasts longer than anybody waits for it: its files may lie on a disk that hangs.
    pub(super) fn pass_turn_on(&mut self, ctx: &mut Context<Self>) {
        let may_begin = !self.to_load.is_empty() && self.overdue < MAX_OVERDUE;
        let is_late = |turn: &mut LoadTurn| may_begin && turn.began.elapsed() >= self.settings.voice_wait;
        if self.turn.take_if(is_late).is_some() {
            tracing::warn!("a load takes long, and others begin beside it");
            self.overdue += 1;
            self.load_next(ctx);
        }
    }

    fn end_turn(&mut self, load: u64) {
        if self.turn.take_if(|turn| turn.load == load).is_none() {
            self.overdue -= 1;
        }
    }

    /// Asks for the voice's files, which may have to be fetched, then loads them.
    pub(super) fn find_files(&mut self, id: VoiceId, ctx: &mut Context<Self>) {
        let catalogue = self.catalogue.clone();
        let (wanted, metrics) = (id.clone(), self.metrics.clone());
        let (engine, threads, workers) = (self.engine.clone(), self.threads.clone(), self.settings.workers);
        let find = async move {
            let is_here = catalogue.installed(&wanted).is_some();
            let files = catalogue.files(&wanted).await;
            if !is_here {
                metrics.count_voice_download(files.is_ok());
            }
            let files = files?;
            let digest = catalogue.digest(&wanted).await;
            let looked_at = files.clone();
            // Without a size it fails to load, which says why.
            let bytes = threads.run(move || engine.memory_needed(&looked_at, workers)).await.unwrap_or_default();
            Ok(FoundVoice { id: wanted, files, digest, bytes })
        };
        let then = find.into_actor(self).map(move |found, actor, ctx| match found {
            Ok(found) => {
                actor.to_load.push_back(found);
                actor.load_next(ctx);
            }
            Err(error) => actor.answer_waiting(&id, &Err(PoolError::NoFiles(error))),
        });
        ctx.spawn(then);
    }

    fn load(&mut self, found: FoundVoice, evicted: Vec<Evicted>, ctx: &mut Context<Self>) {
        let FoundVoice { id, files, digest, bytes } = found;
        let turn = LoadTurn { load: self.next_load, began: Instant::now() };
        let (load, began) = (turn.load, turn.began);
        self.next_load += 1;
        self.turn = Some(turn);
        self.count_evictions(evicted.len());
        tracing::info!(voice = %id, bytes, "voice is being loaded");
        let (engine, threads) = (self.engine.clone(), self.threads.clone());
        let (workers, pace) = (self.settings.workers, self.paces.of(&id));
        let work = async move {
            let load = move || {
                // Their memory is back before more is taken.
                drop(evicted);
                let voice = engine.load(&files)?;
                calibrate(&*voice, workers, &pace);
                Ok::<_, LoadError>(voice)
            };
            threads.run(load).await
        };
        let finish = work.into_actor(self).map(move |outcome, actor, ctx| {
            actor.end_turn(load);
            actor.metrics.voice_load_duration.observe(began.elapsed().as_secs_f64());
            let loaded = match outcome {
                Ok(Ok(voice)) => Ok(voice),
                Ok(Err(error)) => Err((error.to_string(), error.problem())),
                Err(_) => Err(("loading it panicked".to_owned(), None)),
            };
            actor.finish_load(&id, digest, loaded);
            actor.load_next(ctx);
        });
        ctx.spawn(finish);
    }

    fn finish_load(
        &mut self,
        id: &VoiceId,
        digest: Option<VoiceDigest>,
        loaded: Result<Arc<dyn LoadedVoice>, (String, Option<String>)>,
    ) {
        self.metrics.count_voice_load(loaded.is_ok());
        let answer = match loaded {
            Ok(voice) => self.keep(id, digest, voice),
            Err((reason, problem)) => {
                tracing::error!(voice = %id, reason, "voice could not be loaded");
                self.catalogue.note_problem(id, problem.clone());
                let cause = match problem {
                    Some(problem) => Cause::Lasting { problem, digest },
                    None => Cause::Passing(reason),
                };
                let wait = self.residency.quarantine(id.clone(), cause.clone());
                self.metrics.voice_quarantines.inc();
                Err(failure(id, &cause, wait))
            }
        };
        self.show_residency();
        self.answer_waiting(id, &answer);
    }

    /// Keeps a loaded voice, if there is room for what it takes indeed.
    fn keep(&mut self, id: &VoiceId, digest: Option<VoiceDigest>, voice: Arc<dyn LoadedVoice>) -> LoadResult {
        let bytes = voice.memory_bytes(self.settings.workers);
        match self.residency.make_room(bytes) {
            Ok(evicted) => {
                tracing::info!(voice = %id, bytes, "voice loaded");
                self.release(evicted);
                self.residency.insert(id.clone(), voice.clone(), bytes);
                self.catalogue.note_problem(id, None);
                match digest {
                    Some(digest) => self.loaded_from.insert(id.clone(), digest),
                    None => self.loaded_from.remove(id),
                };
                Ok(voice)
            }
            Err(no_room) => {
                tracing::warn!(voice = %id, bytes, "a voice takes more memory than was expected, and there is no room for it");
                let refused = refusal(id, no_room);
                self.residency.quarantine(id.clone(), Cause::Passing(refused.to_string()));
                self.metrics.voice_quarantines.inc();
                Err(refused)
            }
        }
    }

    /// Lets go of the voice if its files are others now. Whoever holds it finishes with it.
    pub(super) fn drop_replaced(&mut self, id: &VoiceId) {
        let current = self.catalogue.known_digest(id);
        if current.is_none() || self.loaded_from.get(id) == current.as_ref() {
            return;
        }
        if let Some(replaced) = self.residency.take(id) {
            tracing::info!(voice = %id, "the files of a voice in memory were replaced");
            self.release(vec![replaced]);
        }
    }

    fn answer_waiting(&mut self, id: &VoiceId, answer: &LoadResult) {
        for waiter in self.waiting.remove(id).unwrap_or_default() {
            // Whoever asked may be gone.
            let _ = waiter.answer.send(answer.clone());
        }
    }

    /// The answer to whoever wants a voice that is not to be tried now.
    pub(super) fn refused(&self, id: &VoiceId) -> Option<PoolError> {
        let (cause, wait) = self.residency.quarantined(id)?;
        Some(failure(id, cause, wait))
    }

    pub(super) fn count_panic(&mut self, id: &VoiceId) {
        let Some(wait) = self.residency.panicked(id, self.settings.panic_limit) else { return };
        tracing::error!(voice = %id, seconds = wait.as_secs(), "a voice brings its workers down and is refused");
        self.metrics.voice_quarantines.inc();
        // What is wrong may be its state in memory. Whoever still holds it keeps it; nobody gets it any more.
        if let Some(evicted) = self.residency.take(id) {
            self.release(vec![evicted]);
        }
    }

    /// Frees the memory of voices off this thread.
    pub(super) fn release(&mut self, evicted: Vec<Evicted>) {
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
}

fn failure(id: &VoiceId, cause: &Cause, retry_after: Duration) -> PoolError {
    let voice = id.clone();
    match cause.clone() {
        Cause::Passing(reason) => PoolError::VoiceFailed { voice, reason, retry_after },
        Cause::Lasting { problem, .. } => PoolError::VoiceUnusable { voice, problem },
    }
}

fn refusal(id: &VoiceId, no_room: NoRoom) -> PoolError {
    match no_room {
        NoRoom::TooLarge { bytes, limit } => PoolError::VoiceTooLarge { voice: id.clone(), bytes, limit },
        NoRoom::AllInUse | NoRoom::AllPinned => PoolError::NoRoom(id.clone()),
    }
}
