//! Owns the right of one replica to make an entry while the others wait for it.

use actix::Addr;

use super::actor::{CacheActor, Write};
use super::{CacheHit, CacheKey};

/// Whose turn it is to make an entry.
pub enum LeaseOutcome {
    /// This replica's. Without a lease where there is no Redis, where it does not answer, or where another replica took
    /// too long.
    Ours(Option<Lease>),
    /// Another replica made it.
    Made(CacheHit),
}

/// Given back when dropped, after what was stored before.
pub struct Lease {
    actor: Addr<CacheActor>,
    key: CacheKey,
    token: String,
}

// === impl Lease ===

impl Lease {
    pub fn new(actor: Addr<CacheActor>, key: CacheKey, token: String) -> Self {
        Self { actor, key, token }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let token = std::mem::take(&mut self.token);
        // One that cannot be given back ends by itself.
        let _ = self.actor.try_send(Write::Release { key: self.key, token });
    }
}
