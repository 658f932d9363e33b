//! Owns waiting for room: a voice that does not fit while others are in use is loaded when one of them is done. Voices
//! are loaded in the order in which they were asked for. Where none is ever done, as each has its next request before
//! the last one ends, some are not handed out any more until the first that waits has its room.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{AsyncContext, Context};
use piper_acoustic::LoadedVoice;

use super::super::PoolError;
use super::ModelPoolActor;
use crate::domain::VoiceId;

/// Nothing tells when somebody lets go of a voice.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Until others' voices are not handed out any more. Shorter, and voices would be loaded and let go more often than
/// need be.
const PATIENCE: Duration = Duration::from_millis(500);

// === impl ModelPoolActor ===

impl ModelPoolActor {
    /// The voice if it is in memory, unless another waits for its room, and this caller can, too.
    pub(super) fn resident(&mut self, id: &VoiceId, waits_for_room: bool) -> Option<Arc<dyn LoadedVoice>> {
        let is_leaving = waits_for_room && self.room.leaving.contains(id);
        if is_leaving { None } else { self.residency.get(id) }
    }

    /// Whether somebody waits for the voice, and for as long as it takes to have room for it.
    pub(super) fn is_worth_waiting_for(&self, id: &VoiceId) -> bool {
        let waiting = self.waiting.get(id).into_iter().flatten();
        waiting.into_iter().any(|waiter| waiter.waits_for_room && !waiter.answer.is_closed())
    }

    /// Looks again soon whether there is room for the first of the voices that are to be loaded.
    pub(super) fn wait_for_room(&mut self, bytes: u64, ctx: &mut Context<Self>) {
        let since = *self.room.since.get_or_insert_with(Instant::now);
        if self.room.leaving.is_empty() && since.elapsed() >= PATIENCE {
            self.room.leaving = self.residency.in_the_way_of(bytes);
        }
        self.room.shown.set(self.to_load.iter().map(|found| found.id.clone()).collect());
        self.refuse_those_who_hold_voices();
        if !self.room.is_to_be_looked_at {
            self.room.is_to_be_looked_at = true;
            ctx.run_later(LOOK_AGAIN, |actor, ctx| {
                actor.room.is_to_be_looked_at = false;
                actor.load_next(ctx);
            });
        }
    }

    /// The first that waited for room has it, or nobody waits for it any more.
    pub(super) fn end_wait_for_room(&mut self) {
        if let Some(since) = self.room.since.take() {
            self.metrics.voice_room_wait.observe(since.elapsed().as_secs_f64());
            self.room.leaving.clear();
            self.room.shown.set(HashSet::new());
        }
    }

    /// They would keep those waiting whose voices they hold.
    fn refuse_those_who_hold_voices(&mut self) {
        for found in &self.to_load {
            let waiting = self.waiting.entry(found.id.clone()).or_default();
            for waiter in waiting.extract_if(.., |waiter| !waiter.waits_for_room) {
                // Whoever asked may be gone.
                let _ = waiter.answer.send(Err(PoolError::NoRoom(found.id.clone())));
            }
        }
    }
}
