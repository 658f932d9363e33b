//! Owns what the pool's actors say to each other.

use std::sync::Arc;
use std::time::Instant;

use actix::Message;
use tokio::sync::oneshot;

use super::PoolError;
use super::schedule::Share;
use crate::audio::Pcm;
use crate::domain::{Deadline, VoiceId};
use crate::engine::{Cancel, LoadedVoice, ModelInput};
use crate::telemetry::ShedReason;

/// One sentence to be computed: the unit of work.
pub struct SentenceJob {
    pub voice_id: VoiceId,
    pub voice: Arc<dyn LoadedVoice>,
    pub input: ModelInput,
    pub deadline: Deadline,
}

/// To the pool: the voice, loaded if it is not yet.
#[derive(Message)]
#[rtype(result = "Result<Arc<dyn LoadedVoice>, PoolError>")]
pub struct LoadVoice(pub VoiceId);

/// To the pool: let go of the voice.
#[derive(Message)]
#[rtype(result = "Result<(), PoolError>")]
pub struct UnloadVoice(pub VoiceId);

/// To the pool: which voices are in memory?
#[derive(Message)]
#[rtype(result = "Vec<VoiceId>")]
pub struct ListLoaded;

/// To the pool: compute this when a worker is free.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Synthesize(pub QueuedJob);

/// To a worker: compute this now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Run(pub QueuedJob);

/// To the pool, from a worker: it is free, or of no more use.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WorkerFinished {
    pub worker: usize,
    pub voice: VoiceId,
    pub end: End,
}

/// How a sentence ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Spoken,
    /// An error, or stopped because nobody waits for it any more.
    Failed,
    Panicked,
}

/// A job with the way back to whoever waits for it.
pub struct QueuedJob {
    pub job: SentenceJob,
    pub share: Share,
    pub cancel: Cancel,
    pub reply: oneshot::Sender<Result<Pcm, PoolError>>,
    pub queued_at: Instant,
}

/// Whether a job is still worth computing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    Compute,
    Expired,
    Abandoned,
}

// === impl Worth ===

impl Worth {
    /// As what a job is counted that was dropped, or stopped, for want of worth.
    pub fn shed_reason(self) -> Option<ShedReason> {
        match self {
            Self::Compute => None,
            Self::Expired => Some(ShedReason::Expired),
            Self::Abandoned => Some(ShedReason::Abandoned),
        }
    }
}

// === impl QueuedJob ===

impl QueuedJob {
    pub fn worth(&self) -> Worth {
        // The deadline first: whoever waits for an answer lets go of it at the deadline too, and did not leave.
        if self.job.deadline.has_passed() {
            Worth::Expired
        } else if self.reply.is_closed() {
            Worth::Abandoned
        } else {
            Worth::Compute
        }
    }

    pub fn answer(self, result: Result<Pcm, PoolError>) {
        // Whoever asked may be gone.
        let _ = self.reply.send(result);
    }
}
