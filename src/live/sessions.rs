//! Owns the count of sessions, in all and of each token, and their end when the service stops.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::telemetry::Metrics;

/// Bounds of sessions.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    pub sessions: usize,
    /// Of one token.
    pub sessions_of_token: usize,
    /// Texts of one session that go on at a time.
    pub contexts: usize,
    /// Characters of one session that wait to be said.
    pub unsaid_chars: usize,
    /// How long a session may be silent on both sides.
    pub idle: Duration,
    /// How often a caller is asked whether he is there.
    pub ping: Duration,
}

/// All sessions. A clone is another handle to them.
#[derive(Clone)]
pub struct Sessions(Arc<SessionsShared>);

struct SessionsShared {
    limits: SessionLimits,
    metrics: Metrics,
    open: Mutex<Open>,
    leaving: watch::Sender<Leaving>,
}

/// How the sessions end that there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd)]
enum Leaving {
    /// When their callers want it.
    #[default]
    No,
    WithTheirSentence,
    Now,
}

#[derive(Default)]
struct Open {
    all: usize,
    of_tokens: HashMap<Box<str>, usize>,
}

/// The place of one session, until it is dropped.
pub struct SessionPermit {
    sessions: Sessions,
    token: Box<str>,
    protocol: &'static str,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSession {
    #[error("as many sessions are open as there may be: try again later")]
    All,
    #[error("this token has as many sessions open as it may have: close one first")]
    OfToken,
    #[error("the service is stopping: connect again")]
    Leaving,
}

// === impl Sessions ===

impl Sessions {
    pub fn new(limits: SessionLimits, metrics: Metrics) -> Self {
        let (open, leaving) = (Mutex::default(), watch::Sender::default());
        Self(Arc::new(SessionsShared { limits, metrics, open, leaving }))
    }

    pub fn limits(&self) -> &SessionLimits {
        &self.0.limits
    }

    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Opens one for a token, by the name of a protocol.
    pub fn enter(&self, token: &str, protocol: &'static str) -> Result<SessionPermit, NoSession> {
        if *self.0.leaving.borrow() > Leaving::No {
            return Err(NoSession::Leaving);
        }
        let mut open = self.open();
        if open.all >= self.0.limits.sessions {
            return Err(NoSession::All);
        }
        let of_token = open.of_tokens.get(token).copied().unwrap_or(0);
        if of_token >= self.0.limits.sessions_of_token {
            return Err(NoSession::OfToken);
        }
        open.all += 1;
        open.of_tokens.insert(token.into(), of_token + 1);
        self.0.metrics.live.count_session(protocol, 1);
        Ok(SessionPermit { sessions: self.clone(), token: token.into(), protocol })
    }

    /// From now on there are no new ones, and those that there are end with the sentence that they are in.
    pub fn leave(&self) {
        self.0.leaving.send_replace(Leaving::WithTheirSentence);
    }

    /// Waits until that.
    pub async fn leaving(&self) {
        self.until(Leaving::WithTheirSentence).await;
    }

    /// Those that there are end now, and have a moment to say so.
    pub fn cut(&self) {
        self.0.leaving.send_replace(Leaving::Now);
    }

    /// Waits until that.
    pub async fn until_cut(&self) {
        self.until(Leaving::Now).await;
    }

    async fn until(&self, wanted: Leaving) {
        let mut leaving = self.0.leaving.subscribe();
        // The sender lives as long as this.
        let _ = leaving.wait_for(|leaving| *leaving >= wanted).await;
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SessionPermit {
    fn drop(&mut self) {
        let mut open = self.sessions.open();
        open.all -= 1;
        if let Some(of_token) = open.of_tokens.get_mut(&self.token) {
            *of_token -= 1;
            if *of_token == 0 {
                open.of_tokens.remove(&self.token);
            }
        }
        self.sessions.0.metrics.live.count_session(self.protocol, -1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> Sessions {
        let limits = SessionLimits {
            sessions: 3,
            sessions_of_token: 2,
            contexts: 1,
            unsaid_chars: 1,
            idle: Duration::MAX,
            ping: Duration::MAX,
        };
        Sessions::new(limits, Metrics::new().unwrap())
    }

    #[test]
    fn there_are_so_many_in_all_and_of_a_token_and_who_leaves_makes_room() {
        let sessions = sessions();
        let first = sessions.enter("a", "live").unwrap();
        let _second = sessions.enter("a", "live").unwrap();

        assert_eq!(sessions.enter("a", "live").err(), Some(NoSession::OfToken));
        let _third = sessions.enter("b", "live").unwrap();
        assert_eq!(sessions.enter("c", "live").err(), Some(NoSession::All));
        drop(first);
        assert!(sessions.enter("c", "live").is_ok());
        assert!(sessions.enter("a", "live").is_ok());
    }

    #[tokio::test]
    async fn when_the_service_stops_there_are_no_new_ones() {
        let sessions = sessions();

        sessions.leave();
        sessions.leaving().await;

        assert_eq!(sessions.enter("a", "live").err(), Some(NoSession::Leaving));
    }
}
