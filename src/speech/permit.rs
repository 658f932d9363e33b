//! Owns one request's permit of the pool: asked for when something has to be made, and not before. It is kept until
//! part of the answer is handed out; from then on it is held only while something is made, so that a slow reader holds
//! none.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::SpeechError;
use crate::domain::{Deadline, VoiceId};
use crate::pool::{Admission, Demand, PoolError, PoolHandle};

/// The permit of one request.
pub struct AdmissionPermit {
    pool: PoolHandle,
    demand: Demand,
    deadline: Deadline,
    /// Part of the answer was handed out: what is made from now on waits for its reader.
    has_begun: AtomicBool,
    state: Mutex<PermitState>,
}

#[derive(Default)]
enum PermitState {
    #[default]
    None,
    /// It may come back after so long.
    Refused(Duration),
    /// From the first thing that is made for it on.
    Kept(Arc<Admission>),
    /// While something is made for it: it need not be given back by a reader.
    Lent(Weak<Admission>),
}

// === impl AdmissionPermit ===

impl AdmissionPermit {
    pub fn new(pool: PoolHandle, deadline: Deadline, is_stream: bool) -> Self {
        let (has_begun, state) = Default::default();
        Self { pool, demand: Demand::new(is_stream), deadline, has_begun, state }
    }

    /// Sets how many phoneme ids are to be made, of which voice.
    pub fn estimate<'a>(&self, ids: impl IntoIterator<Item = (&'a VoiceId, f64)>) {
        self.pool.estimate(&self.demand, ids);
    }

    /// Says that part of the answer was handed out. Its reader may take it slowly, which is no reason to hold a permit,
    /// nor for what is left to be late.
    pub fn begin_answer(&self) {
        if self.has_begun.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut state = self.state();
        if let PermitState::Kept(admission) = &*state {
            *state = PermitState::Lent(Arc::downgrade(admission));
        }
    }

    pub fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// Of what is begun now.
    pub fn deadline(&self) -> Deadline {
        if self.has_begun() { self.deadline.anew() } else { self.deadline }
    }

    pub fn is_held(&self) -> bool {
        self.state().admission().is_some_and(|admission| admission.still_holds().is_ok())
    }

    /// The permit, asked for once.
    pub fn admission(&self) -> Result<Arc<Admission>, SpeechError> {
        let mut state = self.state();
        if let Some(admitted) = state.admission() {
            return Ok(admitted);
        }
        if let PermitState::Refused(retry_after) = *state {
            return Err(SpeechError::Overloaded { retry_after });
        }
        let admitted = self.pool.admit_for(&self.demand, self.deadline);
        if let Err(PoolError::Overloaded { retry_after }) = admitted {
            *state = PermitState::Refused(retry_after);
        }
        let admitted = Arc::new(admitted?);
        *state = PermitState::Kept(admitted.clone());
        Ok(admitted)
    }

    /// The same, once part of the answer may be sent: when there is a permit. A request comes here that waited for
    /// others' work so far, or for its reader.
    pub async fn admission_begun(&self, deadline: Deadline) -> Result<Arc<Admission>, SpeechError> {
        match &*self.state() {
            // Its first sentence was refused, and so is the whole of it, as nothing is sent.
            PermitState::Refused(retry_after) if !self.has_begun() => {
                return Err(SpeechError::Overloaded { retry_after: *retry_after });
            }
            state => {
                if let Some(admitted) = state.admission() {
                    return Ok(admitted);
                }
            }
        }
        let waited = Arc::new(self.pool.admit_begun(&self.demand, deadline).await?);
        let mut state = self.state();
        if let Some(admitted) = state.admission() {
            return Ok(admitted);
        }
        *state = if self.has_begun() {
            PermitState::Lent(Arc::downgrade(&waited))
        } else {
            PermitState::Kept(waited.clone())
        };
        Ok(waited)
    }

    /// A permit that is another than the request's own, and given back after what it is for.
    pub fn another(&self) -> Result<Arc<Admission>, SpeechError> {
        Ok(Arc::new(self.pool.admit_for(&self.demand, self.deadline)?))
    }

    fn state(&self) -> MutexGuard<'_, PermitState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl PermitState ===

impl PermitState {
    fn admission(&self) -> Option<Arc<Admission>> {
        match self {
            Self::None | Self::Refused(_) => None,
            Self::Kept(admission) => Some(admission.clone()),
            Self::Lent(admission) => admission.upgrade(),
        }
    }
}
