//! Owns the list of voices that may be fetched by hand: how each voice stands, whether the settings allow it, how far
//! its download is.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::catalogue::Catalogue;
use super::download::Existing;
use super::error::{CatalogueError, VoiceFilesError};
use super::supply::REFRESH_PAUSE;
use crate::domain::VoiceId;

/// How a voice stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoiceStanding {
    Installed,
    /// So many bytes are here, of so many; 0 of 0 until it has its turn.
    Arriving {
        done: u64,
        total: u64,
    },
    /// Its download failed a moment ago.
    Failed(VoiceFilesError),
    /// It may be fetched.
    Offered,
    /// It may not, or cannot be.
    Refused(VoiceFilesError),
}

// === impl Catalogue ===

impl Catalogue {
    /// Fetches the source's list, if it is not known and was not asked for a moment ago. That goes on when the caller
    /// drops this.
    pub async fn learn(&self) -> Result<(), CatalogueError> {
        if self.0.reachable_source().is_none() {
            return Err(CatalogueError::Offline);
        }
        {
            let mut state = self.0.write();
            let is_due = state.asked.is_none_or(|when| when.elapsed() > REFRESH_PAUSE);
            if state.published.is_some() || !is_due {
                return Ok(());
            }
            state.asked = Some(Instant::now());
        }
        self.refresh().await
    }

    /// How a voice of this name stands now; `None`: there is none.
    pub fn standing(&self, id: &VoiceId) -> Option<VoiceStanding> {
        let id = self.resolve(id)?;
        if self.0.read().installed.contains_key(&id) {
            return Some(VoiceStanding::Installed);
        }
        if let Some(progress) = self.0.flights.progress(&id) {
            let [done, total] = [&progress.done, &progress.total].map(|bytes| bytes.load(Ordering::Relaxed));
            return Some(VoiceStanding::Arriving { done, total });
        }
        Some(match (self.check(&id), self.0.flights.failure(&id)) {
            (Err(error), _) => VoiceStanding::Refused(error),
            (Ok(()), Some(error)) => VoiceStanding::Failed(error),
            (Ok(()), None) => VoiceStanding::Offered,
        })
    }

    /// Begins to fetch a voice that may be served, if it is not here and nobody does so already.
    pub fn begin(&self, id: &VoiceId) -> Result<(), VoiceFilesError> {
        let unknown = || VoiceFilesError::Unknown(id.clone());
        match self.standing(id).ok_or_else(unknown)? {
            VoiceStanding::Installed | VoiceStanding::Arriving { .. } => Ok(()),
            VoiceStanding::Refused(error) => Err(error),
            VoiceStanding::Failed(_) | VoiceStanding::Offered => {
                let id = self.resolve(id).ok_or_else(unknown)?;
                self.0.flights.begin(&id, self.bringing(&id, Existing::Keep))
            }
        }
    }
}
