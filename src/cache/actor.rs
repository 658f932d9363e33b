//! Owns the traffic with Redis: answers lookups, and writes entries behind the requests that caused them, in order,
//! from a queue that is bounded in bytes. What has no room is dropped and counted: an entry that is not kept is made
//! again.

use std::collections::VecDeque;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseFuture, WrapFuture};

use super::CacheKey;
use super::redis::{Fault, Leased, Redis, Stored};
use crate::telemetry::Metrics;

pub struct CacheActor {
    redis: Redis,
    metrics: Metrics,
    queue: VecDeque<Write>,
    queued_bytes: usize,
    max_queued_bytes: usize,
    /// Whether a write is under way; the next follows it.
    writing: bool,
}

/// What stands under these keys?
#[derive(Message)]
#[rtype(result = "Result<Vec<Stored>, Fault>")]
pub struct Lookup(pub Vec<CacheKey>);

/// May this replica make that entry?
#[derive(Message)]
#[rtype(result = "Result<Leased, Fault>")]
pub struct TakeLease {
    pub key: CacheKey,
    pub token: String,
    pub time: Duration,
}

/// Is everything written that was to be?
#[derive(Message)]
#[rtype(result = "bool")]
pub struct IsWritten;

/// Do this when its turn comes.
#[derive(Message)]
#[rtype(result = "()")]
pub enum Write {
    Entry {
        key: CacheKey,
        sealed: Vec<u8>,
        ttl: Duration,
    },
    /// Give back a lease; after the entry that was made under it.
    Release {
        key: CacheKey,
        token: String,
    },
}

/// Messages that may wait for the actor, which does nothing but pass them on.
const MAILBOX_CAPACITY: usize = 1_024;
/// What a write costs beside its bytes.
const WRITE_OVERHEAD_BYTES: usize = 256;
/// How often an idle connection is tried.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

impl Handler<IsWritten> for CacheActor {
    type Result = bool;

    fn handle(&mut self, _: IsWritten, _: &mut Self::Context) -> bool {
        self.queue.is_empty() && !self.writing
    }
}

// === impl CacheActor ===

impl CacheActor {
    pub fn new(redis: Redis, metrics: Metrics, max_queued_bytes: usize) -> Self {
        Self { redis, metrics, queue: VecDeque::new(), queued_bytes: 0, max_queued_bytes, writing: false }
    }

    fn write_next(&mut self, ctx: &mut Context<Self>) {
        let Some(write) = self.queue.pop_front() else {
            self.writing = false;
            return;
        };
        self.writing = true;
        self.queued_bytes -= write.bytes();
        let redis = self.redis.clone();
        let written = async move { write.to(&redis).await };
        let then = written.into_actor(self).map(|written, actor, ctx| {
            if written.is_err() {
                actor.metrics.cache_writes_dropped.inc();
            }
            actor.write_next(ctx);
        });
        ctx.spawn(then);
    }

    fn check(&mut self, ctx: &mut Context<Self>) {
        let redis = self.redis.clone();
        ctx.spawn(async move { redis.check().await }.into_actor(self));
    }
}

impl Actor for CacheActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
        self.check(ctx);
        ctx.run_interval(CHECK_INTERVAL, Self::check);
    }
}

impl Handler<Lookup> for CacheActor {
    type Result = ResponseFuture<Result<Vec<Stored>, Fault>>;

    fn handle(&mut self, Lookup(keys): Lookup, _: &mut Self::Context) -> Self::Result {
        let redis = self.redis.clone();
        Box::pin(async move { redis.get(&keys).await })
    }
}

impl Handler<TakeLease> for CacheActor {
    type Result = ResponseFuture<Result<Leased, Fault>>;

    fn handle(&mut self, take: TakeLease, _: &mut Self::Context) -> Self::Result {
        let redis = self.redis.clone();
        Box::pin(async move { redis.lease(&take.key, &take.token, take.time).await })
    }
}

impl Handler<Write> for CacheActor {
    type Result = ();

    fn handle(&mut self, write: Write, ctx: &mut Self::Context) {
        if self.queued_bytes + write.bytes() > self.max_queued_bytes {
            self.metrics.cache_writes_dropped.inc();
            return;
        }
        self.queued_bytes += write.bytes();
        self.queue.push_back(write);
        if !self.writing {
            self.write_next(ctx);
        }
    }
}

// === impl Write ===

impl Write {
    fn bytes(&self) -> usize {
        let content = match self {
            Self::Entry { sealed, .. } => sealed.len(),
            Self::Release { token, .. } => token.len(),
        };
        content + WRITE_OVERHEAD_BYTES
    }

    async fn to(self, redis: &Redis) -> Result<(), Fault> {
        match self {
            Self::Entry { key, sealed, ttl } => redis.set(&key, &sealed, ttl).await,
            Self::Release { key, token } => redis.release(&key, &token).await,
        }
    }
}
