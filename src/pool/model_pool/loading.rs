//! Owns bringing voices into memory and letting them go.

use std::sync::Arc;
use std::time::Instant;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use piper_acoustic::{LoadedVoice, VoiceFiles};

use super::super::PoolError;
use super::super::residency::{Evicted, NoRoom};
use super::{Loaded, ModelPoolActor};
use crate::domain::VoiceId;
use crate::voices::VoiceDigest;

/// Files to load, and what they were when they were found.
pub(super) struct Found {
    id: VoiceId,
    files: VoiceFiles,
    digest: Option<VoiceDigest>,
}

// === impl ModelPoolActor ===

impl ModelPoolActor {
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
        self.residency.make_room(bytes).map_err(|no_room| refusal(id, no_room))
    }

    /// Asks for the voice's files, which may have to be fetched, then loads them.
    pub(super) fn find_files(&mut self, id: VoiceId, ctx: &mut Context<Self>) {
        let catalogue = self.catalogue.clone();
        let (wanted, metrics) = (id.clone(), self.metrics.clone());
        let find = async move {
            let is_here = catalogue.installed(&wanted).is_some();
            let files = catalogue.files(&wanted).await;
            if !is_here {
                metrics.count_voice_download(files.is_ok());
            }
            let files = files?;
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
        let (engine, began) = (self.engine.clone(), Instant::now());
        let load = tokio::task::spawn_blocking(move || {
            // Their memory is back before more is taken.
            drop(evicted);
            engine.load(&files)
        });
        let finish = load.into_actor(self).map(move |outcome, actor, ctx| {
            actor.loading = false;
            actor.metrics.voice_load_duration.observe(began.elapsed().as_secs_f64());
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
            Ok(voice) => self.keep(id, voice),
            Err(reason) => {
                tracing::error!(voice = %id, reason, "voice could not be loaded");
                let retry_after = self.residency.quarantine(id.clone(), reason.clone());
                self.metrics.voice_quarantines.inc();
                Err(PoolError::VoiceFailed { voice: id.clone(), reason, retry_after })
            }
        };
        self.show_residency();
        self.answer_waiting(id, &answer);
    }

    /// Keeps a loaded voice, if there is room for what it takes indeed.
    fn keep(&mut self, id: &VoiceId, voice: Arc<dyn LoadedVoice>) -> Loaded {
        let bytes = voice.memory_bytes(self.settings.workers);
        match self.residency.make_room(bytes) {
            Ok(evicted) => {
                tracing::info!(voice = %id, bytes, "voice loaded");
                self.release(evicted);
                self.residency.insert(id.clone(), voice.clone(), bytes);
                Ok(voice)
            }
            Err(no_room) => {
                tracing::warn!(voice = %id, bytes, "a voice takes more memory than was expected, and there is no room for it");
                let refused = refusal(id, no_room);
                self.residency.quarantine(id.clone(), refused.to_string());
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

    fn answer_waiting(&mut self, id: &VoiceId, answer: &Loaded) {
        for waiter in self.waiting.remove(id).unwrap_or_default() {
            // Whoever asked may be gone.
            let _ = waiter.send(answer.clone());
        }
    }

    /// The answer to whoever wants a voice that is not to be tried now.
    pub(super) fn refused(&self, id: &VoiceId) -> Option<PoolError> {
        let (reason, retry_after) = self.residency.quarantined(id)?;
        Some(PoolError::VoiceFailed { voice: id.clone(), reason, retry_after })
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

fn refusal(id: &VoiceId, no_room: NoRoom) -> PoolError {
    match no_room {
        NoRoom::TooLarge { bytes, limit } => PoolError::VoiceTooLarge { voice: id.clone(), bytes, limit },
        NoRoom::AllInUse => PoolError::NoRoom(id.clone()),
    }
}
