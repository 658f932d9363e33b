//! Owns the computing of speech: which voices are in memory, which threads compute, and what waits for them. Refuses to
//! know of the cache.
//!
//! A request takes an [`Admission`] first, so that the number of requests in here is bounded before anything is sent,
//! and that nothing is begun which cannot be done in time. Its sentences go to the `ModelPoolActor` as units of work,
//! which hands each to an idle `SynthesisWorker`; no worker ever has more than one, so nothing queues where it cannot
//! be dropped. A worker that panics fails its own sentence and is replaced, and so is one that hangs. A voice that
//! brings down worker after worker is refused for a while.
//!
//! - `handle`: the pool as the rest of the service sees it; `parts`: what it is put together of; `sentence`: a sentence
//!   as units of work; `stretches`: where it is cut.
//! - `model_pool`: the actor that supervises; `worker`: the actors that compute; `messages`: what they say to each
//!   other.
//! - `residency`: which voices stay in memory; `schedule`: which unit is next.
//! - `backlog`: which requests are taken; `forecast`: when they will be done; `demand`: what is left of each; `pace`:
//!   how fast voices are; `calibration`: what is known of that before anybody asked.

mod backlog;
mod calibration;
mod demand;
mod forecast;
mod handle;
mod messages;
mod model_pool;
mod pace;
mod parts;
mod residency;
mod schedule;
mod sentence;
mod stretches;
mod worker;

pub use demand::Demand;
pub use handle::{Admission, PoolHandle};
pub use messages::{CpuTime, SentenceJob, Stretch};
pub use parts::{PoolParts, PoolSettings};
pub use schedule::CallerShare;

use std::time::Duration;

use crate::domain::VoiceId;
use crate::voices::VoiceFilesError;

/// Why the pool did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    #[error("the service is at capacity")]
    Overloaded { retry_after: Duration },
    #[error(transparent)]
    NoFiles(VoiceFilesError),
    /// It is being fetched or loaded, which goes on.
    #[error("voice {0} is being loaded")]
    VoiceLoading(VoiceId),
    /// The reason is for the log: it may name paths.
    #[error("voice {voice} cannot be used now: {reason}")]
    VoiceFailed { voice: VoiceId, reason: String, retry_after: Duration },
    /// Trying again changes nothing before somebody changes its files or the settings.
    #[error("voice {voice} cannot speak: {problem}")]
    VoiceUnusable { voice: VoiceId, problem: String },
    #[error("voice {voice} takes {bytes} bytes of memory; the limit for all voices is {limit}")]
    VoiceTooLarge { voice: VoiceId, bytes: u64, limit: u64 },
    #[error("voice {0} has no room while the loaded voices are in use")]
    NoRoom(VoiceId),
    #[error("voice {0} is in use")]
    VoiceInUse(VoiceId),
    #[error("the deadline passed")]
    DeadlinePassed,
    /// The network failed or panicked on this sentence.
    #[error("synthesis failed: {0}")]
    SynthesisFailed(String),
    #[error("the pool has stopped")]
    Stopped,
}
