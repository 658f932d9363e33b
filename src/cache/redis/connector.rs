//! Owns the one connection to Redis: made when it is first needed, again when it was lost, and not more often than
//! twice in a second. Whoever needs it while it is being made waits for the same attempt; one that nobody waits for any
//! more goes on.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::{ErrorKind, RedisError};
use tokio::time::Instant;

use super::target::{RedisTarget, SharedConnection};
use crate::telemetry::Metrics;

pub struct Connector {
    target: RedisTarget,
    connect_timeout: Duration,
    state: Mutex<ConnectorState>,
    metrics: Metrics,
}

/// Tells a connection from those before and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionId(u64);

/// An error, and the connection that it came from, if it came from one.
pub type ConnectionError = (RedisError, Option<ConnectionId>);

type Connecting = Shared<BoxFuture<'static, Result<SharedConnection, RedisError>>>;

#[derive(Default)]
struct ConnectorState {
    attempt: Option<Attempt>,
    attempts: u64,
    /// When the latest attempts began.
    begun: VecDeque<Instant>,
}

/// A connection, or the making of one.
struct Attempt {
    id: ConnectionId,
    outcome: Connecting,
}

const ATTEMPTS: usize = 2;
const WINDOW: Duration = Duration::from_secs(1);

// === impl Connector ===

impl Connector {
    pub fn new(target: RedisTarget, connect_timeout: Duration, metrics: Metrics) -> Self {
        Self { target, connect_timeout, state: Mutex::default(), metrics }
    }

    pub async fn connection(&self) -> Result<(SharedConnection, ConnectionId), ConnectionError> {
        let (id, outcome) = self.attempt()?;
        let is_new = outcome.peek().is_none();
        match outcome.await {
            Ok(connection) => {
                if is_new && self.is_current(id) {
                    self.metrics.cache_l2_up.set(1);
                }
                Ok((connection, id))
            }
            Err(error) => {
                self.lose(id);
                Err((error, None))
            }
        }
    }

    pub fn is_up(&self) -> bool {
        let state = self.lock();
        state.attempt.as_ref().is_some_and(|attempt| matches!(attempt.outcome.peek(), Some(Ok(_))))
    }

    /// Forgets this connection. False: it was forgotten before.
    pub fn lose(&self, id: ConnectionId) -> bool {
        let mut state = self.lock();
        if state.attempt.as_ref().is_none_or(|attempt| attempt.id != id) {
            return false;
        }
        state.attempt = None;
        self.metrics.cache_l2_up.set(0);
        true
    }

    pub fn lose_any(&self) {
        self.lock().attempt = None;
        self.metrics.cache_l2_up.set(0);
    }

    fn attempt(&self) -> Result<(ConnectionId, Connecting), ConnectionError> {
        let mut state = self.lock();
        if let Some(attempt) = &state.attempt {
            return Ok((attempt.id, attempt.outcome.clone()));
        }
        let now = Instant::now();
        state.begun.retain(|begun| now.duration_since(*begun) < WINDOW);
        if state.begun.len() >= ATTEMPTS {
            return Err((RedisError::from((ErrorKind::Io, "reconnecting too often")), None));
        }
        state.begun.push_back(now);
        state.attempts += 1;
        let id = ConnectionId(state.attempts);
        let (target, limit) = (self.target.clone(), self.connect_timeout);
        let connecting = tokio::spawn(async move {
            let late = || RedisError::from((ErrorKind::Io, "connecting took too long"));
            tokio::time::timeout(limit, target.connect(limit)).await.unwrap_or_else(|_| Err(late()))
        });
        let outcome = connecting
            .map(|ended| ended.unwrap_or_else(|_| Err(RedisError::from((ErrorKind::Io, "connecting ended early")))))
            .boxed()
            .shared();
        state.attempt = Some(Attempt { id, outcome: outcome.clone() });
        Ok((id, outcome))
    }

    fn is_current(&self, id: ConnectionId) -> bool {
        self.lock().attempt.as_ref().is_some_and(|attempt| attempt.id == id)
    }

    fn lock(&self) -> MutexGuard<'_, ConnectorState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
