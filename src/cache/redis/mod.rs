//! Owns the second tier: Redis, or Valkey, over one connection that all share. Never waits longer than its limits and
//! never fails a request: whatever goes wrong is a [`Fault`], which is a miss to whoever asked.
//!
//! - `target`: what a URL says; `connector`: the one connection, made anew when it is lost; here: the calls, behind a
//!   breaker.

mod connector;
mod target;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult};

use super::CacheKey;
use super::envelope::OVERHEAD_BYTES;
use crate::resilience::{Breaker, BreakerSettings, BreakerState};
use crate::telemetry::Metrics;
use connector::{ConnectionId, Connector};
pub use target::{InvalidTarget, RedisTarget, SharedConnection};

/// The second tier. A clone shares everything.
#[derive(Clone)]
pub struct Redis(Arc<RedisInner>);

struct RedisInner {
    connector: Connector,
    breaker: Breaker,
    settings: RedisSettings,
    metrics: Metrics,
    /// It reads, and does not write.
    refuses_writes: AtomicBool,
}

#[derive(Debug, Clone)]
pub struct RedisSettings {
    pub target: RedisTarget,
    /// The longest that a request waits for one call.
    pub operation_timeout: Duration,
    /// The longest that a write takes, for which nobody waits.
    pub write_timeout: Duration,
    pub connect_timeout: Duration,
    /// Of what an entry holds; what is larger is neither written nor read.
    pub max_entry_bytes: usize,
    pub breaker: BreakerSettings,
}

/// The call brought nothing. Why is in the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault;

/// What keeps Redis from being of use. Quotes nothing of its address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisProblem {
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it did not answer in time")]
    Silent,
    #[error("none of the sentinels answers, or none knows the master that stands behind #, `mymaster` where none does")]
    NoMaster,
    /// The word that its errors begin with, such as NOAUTH.
    #[error("it answers {0}")]
    Refuses(String),
}

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    Nothing,
    Value(Bytes),
    /// More than an entry may have, or not a string: it was not read.
    NoEntry,
}

/// What became of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leased {
    Granted,
    /// Another replica has it.
    Held,
    /// The entry is there.
    Stored(Bytes),
}

/// Keys of one lookup that are under way at a time.
const KEYS_AT_A_TIME: usize = 64;
/// Deletes a lease if it is still whose it was.
const RELEASE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

// === impl Redis ===

impl Redis {
    pub fn new(settings: RedisSettings, metrics: Metrics) -> Self {
        let connector = Connector::new(settings.target.clone(), settings.connect_timeout, metrics.clone());
        let breaker = Breaker::new(settings.breaker);
        Self(Arc::new(RedisInner { connector, breaker, settings, metrics, refuses_writes: AtomicBool::new(false) }))
    }

    /// Connects and asks once, without a breaker: for whoever wants to know what is wrong.
    pub async fn diagnose(settings: &RedisSettings) -> Result<(), RedisProblem> {
        let limit = settings.connect_timeout;
        let asked = async { settings.target.connect(limit).await?.ping().await };
        match tokio::time::timeout(limit, asked).await {
            Err(_) => Err(RedisProblem::Silent),
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.kind() == ErrorKind::MasterNameNotFoundBySentinel => Err(RedisProblem::NoMaster),
            Ok(Err(error)) => Err(match error.code() {
                Some(code) => RedisProblem::Refuses(code.to_owned()),
                None => RedisProblem::Unreachable(error.category().to_owned()),
            }),
        }
    }

    /// Whether it is worth asking.
    pub fn is_usable(&self) -> bool {
        self.0.breaker.is_closed()
    }

    pub fn settings(&self) -> &RedisSettings {
        &self.0.settings
    }

    /// Finds out whether Redis answers, at the start and now and then: without this an idle service would not know.
    pub async fn check(&self) {
        if self.is_usable() && self.ping().await.is_err() && !self.0.connector.is_up() {
            self.open_if(self.0.breaker.open());
        }
    }

    /// What stands under each of these keys. All are asked for at once.
    pub async fn get(&self, keys: &[CacheKey]) -> Result<Vec<Stored>, Fault> {
        let limit = self.0.settings.operation_timeout;
        let longest = self.0.settings.max_entry_bytes + OVERHEAD_BYTES;
        let commands: Vec<Cmd> = keys.iter().map(|key| get(key, longest)).collect();
        let read = |connection: SharedConnection| async move {
            let answers = stream::iter(commands)
                .map(|command| {
                    let mut connection = connection.clone();
                    async move { connection.ask::<Vec<u8>>(&command).await }
                })
                .buffered(KEYS_AT_A_TIME);
            let stored = answers.map(|answer| stored(answer, longest)).collect::<Vec<_>>().await;
            stored.into_iter().collect()
        };
        self.call(limit, read).await
    }

    /// Takes the lease on making an entry, unless the entry is there or another has the lease.
    pub async fn lease(&self, key: &CacheKey, token: &str, time: Duration) -> Result<Leased, Fault> {
        let longest = self.0.settings.max_entry_bytes + OVERHEAD_BYTES;
        let mut both = Pipeline::with_capacity(2);
        // In this order: whoever gets the lease after its last owner sees what that one stored.
        both.cmd("SET").arg(lease_name(key)).arg(token).arg("NX").arg("PX").arg(milliseconds(time));
        both.add_command(get(key, longest));
        let ask = |mut connection: SharedConnection| async move {
            let (granted, found): (Option<String>, Vec<u8>) = connection.ask_both(&both).await?;
            Ok(match (stored(Ok(found), longest)?, granted) {
                (Stored::Value(entry), _) => Leased::Stored(entry),
                (_, Some(_)) => Leased::Granted,
                (_, None) => Leased::Held,
            })
        };
        self.call(self.0.settings.operation_timeout, ask).await
    }

    /// Writes an entry.
    pub async fn set(&self, key: &CacheKey, sealed: &[u8], ttl: Duration) -> Result<(), Fault> {
        let mut command = redis::cmd("SET");
        command.arg(entry_name(key)).arg(sealed).arg("PX").arg(milliseconds(ttl));
        self.write(command).await
    }

    /// Gives a lease back, if it is still this one.
    pub async fn release(&self, key: &CacheKey, token: &str) -> Result<(), Fault> {
        let mut command = redis::cmd("EVAL");
        command.arg(RELEASE).arg(1).arg(lease_name(key)).arg(token);
        self.write(command).await
    }

    async fn write(&self, command: Cmd) -> Result<(), Fault> {
        let write = |mut connection: SharedConnection| async move { connection.ask::<redis::Value>(&command).await };
        self.call(self.0.settings.write_timeout, write).await?;
        if self.0.refuses_writes.swap(false, Ordering::Relaxed) {
            tracing::info!("Redis takes what is written again");
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), Fault> {
        self.call(self.0.settings.connect_timeout, |mut connection| async move { connection.ping().await }).await
    }

    /// One call, unless the breaker is open. Its errors are counted; those that are an answer of a server that works
    /// are not.
    async fn call<T, F>(&self, limit: Duration, ask: impl FnOnce(SharedConnection) -> F) -> Result<T, Fault>
    where
        F: Future<Output = RedisResult<T>>,
    {
        if !self.is_usable() {
            return Err(Fault);
        }
        let asked = async {
            let (connection, id) = self.0.connector.connection().await?;
            ask(connection).await.map_err(|error| (error, Some(id)))
        };
        match tokio::time::timeout(limit, asked).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err((error, id))) => {
                self.record(&error, id);
                Err(Fault)
            }
            Err(_) => {
                self.open_if(self.0.breaker.record_error());
                Err(Fault)
            }
        }
    }

    fn record(&self, error: &RedisError, id: Option<ConnectionId>) {
        if let Some(id) = id
            && error.is_unrecoverable_error()
            // All that were under way when the connection was lost were lost by one fault.
            && !self.0.connector.lose(id)
        {
            return;
        }
        if is_refusal_to_write(error) {
            if !self.0.refuses_writes.swap(true, Ordering::Relaxed) {
                let code = error.code().unwrap_or_default();
                tracing::warn!(code, "Redis does not take what is written: it is full, a replica, or its disk fails");
            }
            if let (RedisTarget::Sentinel(_), Some(id)) = (&self.0.settings.target, id) {
                // It was the master and is no more; the sentinels know who is.
                self.0.connector.lose(id);
            }
            return;
        }
        self.open_if(self.0.breaker.record_error());
    }

    /// Begins to probe if the breaker opened.
    fn open_if(&self, opened: bool) {
        if !opened {
            return;
        }
        tracing::warn!("Redis does not answer and is not asked until it does");
        self.0.metrics.cache_breaker_state.set(BreakerState::Open as i64);
        // What hangs may hang for ever: the probe has a connection of its own making.
        self.0.connector.lose_any();
        let redis = self.clone();
        tokio::spawn(async move {
            let changed = |state: BreakerState| {
                redis.0.metrics.cache_breaker_state.set(state as i64);
                if state == BreakerState::Closed {
                    tracing::info!("Redis answers again");
                }
            };
            redis.0.breaker.probe_until(|| redis.probe(), changed).await;
        });
    }

    async fn probe(&self) -> bool {
        let ask = async {
            let (mut connection, _) = self.0.connector.connection().await.map_err(|(error, _)| error)?;
            connection.ping().await
        };
        let answers = matches!(tokio::time::timeout(self.0.settings.connect_timeout, ask).await, Ok(Ok(())));
        if !answers {
            self.0.connector.lose_any();
        }
        answers
    }
}

// === impl SharedConnection ===

impl SharedConnection {
    pub async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        match self {
            Self::Single(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    async fn ask_both<T: FromRedisValue>(&mut self, commands: &Pipeline) -> RedisResult<T> {
        match self {
            Self::Single(connection) => commands.query_async(connection).await,
            Self::Cluster(connection) => commands.query_async(connection).await,
        }
    }

    /// A read, because a server that is loading or wants a password answers a PING's equal but no read.
    async fn ping(&mut self) -> RedisResult<()> {
        self.ask::<i64>(redis::cmd("EXISTS").arg("tts:{ping}")).await.map(drop)
    }
}

// The part in braces decides where a cluster keeps a key: an entry and its lease lie together.
fn entry_name(key: &CacheKey) -> String {
    format!("tts:{{{key}}}")
}

fn lease_name(key: &CacheKey) -> String {
    format!("tts:{{{key}}}:lease")
}

/// Reads no more than one byte over the longest entry, however long the value is.
fn get(key: &CacheKey, longest: usize) -> Cmd {
    let mut command = redis::cmd("GETRANGE");
    command.arg(entry_name(key)).arg(0).arg(longest);
    command
}

fn stored(answer: RedisResult<Vec<u8>>, longest: usize) -> RedisResult<Stored> {
    match answer {
        Ok(value) if value.is_empty() => Ok(Stored::Nothing),
        Ok(value) if value.len() > longest => Ok(Stored::NoEntry),
        Ok(value) => Ok(Stored::Value(value.into())),
        Err(error) if error.code() == Some("WRONGTYPE") => Ok(Stored::NoEntry),
        Err(error) => Err(error),
    }
}

/// A server that reads but does not write: full, a replica, or its disk fails.
fn is_refusal_to_write(error: &RedisError) -> bool {
    matches!(error.code(), Some("READONLY" | "OOM" | "MISCONF" | "NOREPLICAS"))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
