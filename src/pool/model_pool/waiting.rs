//! Voices that are not in memory yet: who waits for them, their files, and which of them wait for room.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use piper_acoustic::{LoadedVoice, VoiceFiles};
use tokio::sync::oneshot;

use super::super::PoolError;
use crate::domain::VoiceId;
use crate::voices::VoiceDigest;

pub type LoadResult = Result<Arc<dyn LoadedVoice>, PoolError>;

/// Files to load, what they were when they were found, and the memory that the voice will take.
pub struct FoundVoice {
    pub id: VoiceId,
    pub files: VoiceFiles,
    pub digest: Option<VoiceDigest>,
    pub bytes: u64,
}

/// The load that others wait for.
pub struct LoadTurn {
    pub load: u64,
    pub began: Instant,
}

/// Who waits for a voice.
pub struct Waiter {
    pub answer: oneshot::Sender<LoadResult>,
    /// Also until other voices are done: it holds none for which others may wait.
    pub waits_for_room: bool,
}

/// The first voice that waits for room, until it has it.
#[derive(Default)]
pub struct RoomWait {
    pub since: Option<Instant>,
    /// Voices that are not handed out meanwhile.
    pub leaving: HashSet<VoiceId>,
    pub is_to_be_looked_at: bool,
    pub shown: AwaitedRoom,
}

/// The voices that wait for room, as whoever asked for one sees them.
#[derive(Debug, Clone, Default)]
pub struct AwaitedRoom(Arc<Mutex<HashSet<VoiceId>>>);

// === impl AwaitedRoom ===

impl AwaitedRoom {
    pub fn is_for(&self, id: &VoiceId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    pub fn set(&self, voices: HashSet<VoiceId>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = voices;
    }
}

// === impl RoomWait ===

impl RoomWait {
    pub fn shown_as(shown: AwaitedRoom) -> Self {
        Self { shown, ..Self::default() }
    }
}
