//! Owns readiness: whether the service can take work, and why not. Being alive depends on none of it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Reasons not to send work here; ready when there are none. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<RwLock<BTreeSet<NotReadyReason>>>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotReadyReason {
    /// Voices are being loaded before the first request.
    Loading,
    NoVoices,
    /// A voice that was to be loaded first could not be.
    VoiceFailed(String),
    /// No thread is there that could compute a sentence.
    NoWorkers,
    Draining,
}

// === impl Readiness ===

impl Readiness {
    pub fn add(&self, reason: NotReadyReason) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(reason);
    }

    pub fn remove(&self, reason: &NotReadyReason) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(reason);
    }

    /// Adds or removes a reason, as it holds or does not.
    pub fn set(&self, reason: NotReadyReason, holds: bool) {
        if holds { self.add(reason) } else { self.remove(&reason) }
    }

    pub fn reasons(&self) -> Vec<NotReadyReason> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Whether the service is about to end.
    pub fn is_draining(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&NotReadyReason::Draining)
    }
}

impl fmt::Display for NotReadyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loading => f.write_str("voices are being loaded"),
            Self::NoVoices => f.write_str("no voice is installed"),
            Self::VoiceFailed(voice) => write!(f, "voice {voice} could not be loaded"),
            Self::NoWorkers => f.write_str("no synthesis worker is running"),
            Self::Draining => f.write_str("the service is stopping"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_the_last_reason_is_gone() {
        let readiness = Readiness::default();
        readiness.add(NotReadyReason::Loading);
        readiness.add(NotReadyReason::NoVoices);

        readiness.remove(&NotReadyReason::Loading);
        assert_eq!(readiness.reasons(), [NotReadyReason::NoVoices]);
        readiness.remove(&NotReadyReason::NoVoices);

        assert!(readiness.reasons().is_empty());
    }
}
