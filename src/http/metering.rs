//! Counts each answer for its caller, once it is known what it was.

use std::sync::Arc;

use super::callers::Principal;
use super::error::ApiError;
use super::state::AppState;
use crate::domain::Script;
use crate::resilience::InFlight;
use crate::speech::{SpeechError, SpeechStream};
use crate::usage::{Usage, UsageRecord};

/// Counts one answer, once it is known what it was.
pub struct Meter {
    usage: Usage,
    /// `None`: a caller who was asked for no token.
    known: Option<Arc<Principal>>,
    characters: usize,
    in_flight: InFlight,
}

/// Speech that is sent as it comes. It is counted when it ends, also when its caller leaves.
pub struct Metered<S: AsRef<SpeechStream> = SpeechStream> {
    pub speaking: S,
    meter: Meter,
}

// === impl Meter ===

impl Meter {
    pub fn new(state: &AppState, known: Option<Arc<Principal>>, script: &Script) -> Self {
        let (usage, in_flight) = (state.usage.clone(), state.in_flight.clone());
        Self { usage, known, characters: script.said_chars(), in_flight }
    }

    pub fn count(&self, seconds: f64, is_cached: bool) {
        let token = self.known.as_ref().map_or("", |known| known.name());
        self.usage.count(token, UsageRecord { characters: self.characters, seconds, is_cached });
    }
}

// === impl Metered ===

impl<S: AsRef<SpeechStream>> Metered<S> {
    pub fn new(speaking: S, meter: Meter) -> Self {
        Self { speaking, meter }
    }

    /// What `next` gives of it; an error, of which the log knows, also where the service ends before.
    pub async fn next<T>(
        &mut self,
        next: impl AsyncFnOnce(&mut S) -> Option<Result<T, SpeechError>>,
    ) -> Option<Result<T, ApiError>> {
        let next = tokio::select! {
            biased;
            () = self.meter.in_flight.until_cut() => Some(Err(ApiError::stopping())),
            next = next(&mut self.speaking) => next.map(|part| part.map_err(ApiError::from)),
        };
        next.map(|part| part.inspect_err(ApiError::log))
    }
}

impl<S: AsRef<SpeechStream>> Drop for Metered<S> {
    fn drop(&mut self) {
        let speaking = self.speaking.as_ref();
        self.meter.count(speaking.seconds(), speaking.cache.is_hit());
    }
}
