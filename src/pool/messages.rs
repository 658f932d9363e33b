//! Owns the messages between the pool's actors.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix::Message;
use piper_acoustic::{
    Cancel, Computing, LatentSection, LoadedVoice, ModelInput, SentenceCrew, SentenceHelper, SpeechLatent, SpeechPrior,
    Utterance, VoiceFiles,
};
use tokio::sync::oneshot;
use tracing::Span;

use super::PoolError;
use super::schedule::{Share, SoundPosition};
use crate::audio::Pcm;
use crate::domain::{Deadline, VoiceId};
use crate::telemetry::{ShedReason, Stage};

/// One sentence to be computed.
pub struct SentenceJob {
    pub voice_id: VoiceId,
    pub voice: Arc<dyn LoadedVoice>,
    pub input: ModelInput,
    /// Its place in the request's text: what comes first there is computed first.
    pub index: usize,
    /// Somebody waits for its beginning, and not for all of it.
    pub first_sound: bool,
    pub deadline: Deadline,
    pub cost: CpuTime,
}

/// What a sentence has taken of workers so far. Clones are the same sentence's.
#[derive(Debug, Clone, Default)]
pub struct CpuTime(Arc<AtomicU64>);

/// A part of a sentence's sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    pub pcm: Pcm,
    /// With the first part, if the voice tells: how many samples each phoneme id lasts.
    pub durations: Option<Arc<[u32]>>,
}

/// To the pool: the voice, loaded if it is not yet.
#[derive(Message)]
#[rtype(result = "Result<Arc<dyn LoadedVoice>, PoolError>")]
pub struct LoadVoice {
    pub id: VoiceId,
    /// Whoever asks waits until other voices are done, where they leave no room.
    pub waits_for_room: bool,
}

/// To the pool: whether the voice in these files can be loaded.
#[derive(Message)]
#[rtype(result = "Result<(), PoolError>")]
pub struct TryOut {
    pub id: VoiceId,
    pub files: VoiceFiles,
}

/// To the pool: let go of the voice.
#[derive(Message)]
#[rtype(result = "Result<(), PoolError>")]
pub struct UnloadVoice(pub VoiceId);

/// To the pool: which voices are in memory?
#[derive(Message)]
#[rtype(result = "Vec<(VoiceId, Computing)>")]
pub struct ListLoaded;

/// To the pool: a caller's request is over, so that there may be room for the background.
#[derive(Message)]
#[rtype(result = "()")]
pub struct CallerLeft;

/// To the pool: compute this when a worker is free.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Synthesize(pub QueuedUnit);

/// To a worker: compute this now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Run(pub QueuedUnit);

/// To a worker: help another one with what it begins.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Help {
    pub voice_id: VoiceId,
    pub voice: Arc<dyn LoadedVoice>,
    pub helper: SentenceHelper,
    pub cost: CpuTime,
    /// What it is a part of.
    pub span: Span,
}

/// To the pool, from a worker: it is free, or of no more use.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WorkerFinished {
    pub worker: usize,
    pub voice: VoiceId,
    pub end: End,
}

/// How a unit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Computed,
    /// What another worker computes.
    Helped,
    /// An error, or stopped because nobody waits for it any more.
    Failed,
    Panicked,
}

/// The unit of work: what a worker computes before it takes something else.
pub enum WorkUnit {
    /// What comes before any part of a sentence. As many workers as the crew has, less this one, may help if they are
    /// idle.
    Begin { input: ModelInput, crew: SentenceCrew },
    /// Latents of a section of it; and the sound of a stretch, where the section is the first one and the stretch is
    /// waited for, so that no other unit comes between.
    Flow { prior: Arc<SpeechPrior>, frames: Range<usize>, stretch: Option<Range<usize>> },
    /// A stretch of its sound.
    Decode { latent: SpeechLatent, frames: Range<usize> },
}

/// What a unit gives.
pub enum Computed {
    Begun(Utterance),
    Flowed { section: LatentSection, samples: Option<Vec<f32>> },
    Decoded(Vec<f32>),
}

/// A unit with the way back to whoever waits for it.
pub struct QueuedUnit {
    pub voice_id: VoiceId,
    pub voice: Arc<dyn LoadedVoice>,
    pub unit: WorkUnit,
    pub position: SoundPosition,
    pub deadline: Deadline,
    pub share: Share,
    pub cost: CpuTime,
    pub cancel: Cancel,
    pub reply: oneshot::Sender<Result<Computed, PoolError>>,
    pub queued_at: Instant,
    /// What it is a part of.
    pub span: Span,
    /// Lasts until a worker takes it.
    pub waiting: Span,
}

/// Whether a unit is still worth computing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    Compute,
    Expired,
    Abandoned,
    /// It would not be done in time, and is counted as such already.
    Refused(Duration),
}

// === impl CpuTime ===

impl CpuTime {
    pub fn add(&self, took: Duration) {
        self.0.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub fn computing(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

// === impl Liveness ===

impl Liveness {
    /// As what a unit is counted that was dropped, or stopped, for want of worth.
    pub fn shed_reason(self) -> Option<ShedReason> {
        match self {
            Self::Compute | Self::Refused(_) => None,
            Self::Expired => Some(ShedReason::Expired),
            Self::Abandoned => Some(ShedReason::Abandoned),
        }
    }
}

// === impl WorkUnit ===

impl WorkUnit {
    pub fn stage(&self) -> Stage {
        match self {
            Self::Begin { .. } => Stage::Begin,
            Self::Flow { .. } => Stage::Flow,
            Self::Decode { .. } => Stage::Decode,
        }
    }
}

// === impl QueuedUnit ===

impl QueuedUnit {
    pub fn worth(&self) -> Liveness {
        // The deadline first: whoever waits for an answer lets go of it at the deadline too, and did not leave.
        if self.deadline.has_passed() {
            Liveness::Expired
        } else if self.reply.is_closed() {
            Liveness::Abandoned
        } else if let Some(retry_after) = self.share.refused() {
            Liveness::Refused(retry_after)
        } else {
            Liveness::Compute
        }
    }

    /// What other workers could do of it.
    pub fn help(&self) -> Vec<Help> {
        let WorkUnit::Begin { crew, .. } = &self.unit else { return Vec::new() };
        let help = |_| Help {
            voice_id: self.voice_id.clone(),
            voice: self.voice.clone(),
            helper: crew.helper(),
            cost: self.cost.clone(),
            span: self.span.clone(),
        };
        (1..crew.size()).map(help).collect()
    }

    pub fn answer(self, result: Result<Computed, PoolError>) {
        let Self { reply, voice, .. } = self;
        // Whoever knows the answer finds that the voice is no longer in use.
        drop(voice);
        // Whoever asked may be gone.
        let _ = reply.send(result);
    }
}
