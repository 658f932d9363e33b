//! Owns the ledger in Redis: Streams with consumer groups hand out the items
//! (<https://redis.io/docs/latest/develop/data-types/streams/>), scripts record what became of them. Works with a Redis
//! that loses its connections, and goes on where it was when one is back.
//!
//! - `scripts`: what is done in one step; `keys`: what is called how.
//! - `active`: which batches are worked off; `work`: handing items out and recording them; `upkeep`:
//!   what is done to batches that nobody asks for.

mod active;
mod keys;
mod scripts;
mod upkeep;
mod work;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, cmd};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::super::model::{BatchDescription, BatchId, BatchStatus, ItemError, ItemOutcome, NewItem, VERSION};
use super::types::{Idempotency, LedgerError, LedgerLimits, LedgerResult, Submitted};
use crate::cache::{RedisTarget, SharedConnection};
use active::ActiveBatches;
use keys::{ACTIVE, EXPIRING, counts, custom_ids, named, of_owner, open_of, results, stream};
use scripts::{ADD, OPEN, TIME, script};

/// The ledger in Redis. A clone is the same one.
#[derive(Clone)]
pub struct RedisLedger(Arc<LedgerInner>);

#[derive(Debug, Clone, Copy)]
pub struct RedisLedgerSettings {
    pub limits: LedgerLimits,
    /// After how long without renewal an item is given to another worker.
    pub claim_after: Duration,
    /// How long an item is left to other replicas.
    pub leave_for: Duration,
    /// Whether results are kept in this Redis, too.
    pub holds_results: bool,
}

struct LedgerInner {
    target: RedisTarget,
    /// Apart from the cache's: a batch must not keep a request waiting.
    connection: Mutex<Option<SharedConnection>>,
    settings: RedisLedgerSettings,
    /// The name of this replica.
    replica: String,
    active_batches: Mutex<ActiveBatches>,
    /// Batches of another version that the log has named.
    named: Mutex<HashSet<BatchId>>,
    /// How many of the batches were looked after.
    looked_after: Mutex<usize>,
}

/// What there is of a batch.
enum BatchRecord {
    Known(Box<BatchStatus>),
    Missing,
    /// Another version of the service wrote it.
    Foreign,
}

/// The longest that one call takes.
const LIMIT: Duration = Duration::from_secs(5);
/// Items that are added in one call, so that no call keeps Redis from others for long.
const ADDED_AT_ONCE: usize = 200;
/// How long items are kept of a batch that is not opened.
const HANDING_IN_SECONDS: u64 = 600;
/// As many items as a setting may allow: what has more is no batch.
const MOST_ITEMS: usize = 1_000_000;
/// What is kept longer than the batch, so that its own removal comes first.
const GRACE_SECONDS: u64 = 3_600;
/// Batches of another version that are remembered as named.
const MOST_NAMED: usize = 10_000;
/// What keeps a replica from a batch.
const FOREIGN: &str = "another version wrote it, and replicas of that version go on with it";
const DAMAGED: &str = "its record is damaged";

// === impl RedisLedger ===

impl RedisLedger {
    pub fn new(target: RedisTarget, settings: RedisLedgerSettings) -> Self {
        Self(Arc::new(LedgerInner {
            target,
            connection: Mutex::default(),
            settings,
            replica: Uuid::new_v4().to_string(),
            active_batches: Mutex::default(),
            named: Mutex::default(),
            looked_after: Mutex::default(),
        }))
    }

    /// Since 1970, by Redis' clock, which is one for all replicas.
    pub async fn now(&self) -> LedgerResult<Duration> {
        self.ask(&script(TIME, &[ACTIVE])).await.map(Duration::from_millis)
    }

    pub async fn find(&self, idempotency: &Idempotency) -> LedgerResult<Option<Submitted>> {
        let Some(known) = self.stands_for(idempotency).await? else { return Ok(None) };
        let submitted = known_by_name(&known, &idempotency.digest);
        let is_lost = match submitted {
            Submitted::Known(id) => matches!(self.record_of(id).await?, BatchRecord::Missing),
            _ => false,
        };
        Ok((!is_lost).then_some(submitted))
    }

    pub async fn submit(
        &self,
        id: BatchId,
        description: &BatchDescription,
        items: &[NewItem],
        idempotency: Option<Idempotency>,
    ) -> LedgerResult<Submitted> {
        // What a name stands for although that batch is lost.
        let mut stale = None;
        if let Some(idempotency) = &idempotency {
            if let Some(known) = self.find(idempotency).await? {
                return Ok(known);
            }
            stale = self.stands_for(idempotency).await?;
        }
        for (chunk, items) in items.chunks(ADDED_AT_ONCE).enumerate() {
            let mut add = script(ADD, &[&stream(id), &custom_ids(id)]);
            add.arg(HANDING_IN_SECONDS).arg(chunk * ADDED_AT_ONCE);
            for NewItem { item, custom_id } in items {
                add.arg(custom_id.as_deref().unwrap_or_default()).arg(item);
            }
            let _: i64 = self.ask(&add).await?;
        }
        let (owner, limits) = (&description.owner, self.0.settings.limits);
        // Of a batch without a name a key that does not exist, on the same node.
        let (name, digest) =
            idempotency.map_or_else(|| (named(""), String::new()), |Idempotency { key, digest }| (named(&key), digest));
        let (counts, stream, of_owner) = (counts(id), stream(id), of_owner(owner));
        let (open_of, custom_ids) = (open_of(owner), custom_ids(id));
        let keys = [&counts, &stream, ACTIVE, EXPIRING, &of_owner, &name, &open_of, &custom_ids];
        let mut open = script(OPEN, &keys);
        open.arg(id.to_string()).arg(description.items).arg(written(description)?).arg(description.expires);
        open.arg(gone_at(description)).arg(u8::from(description.webhook.is_some()));
        open.arg(limits.open).arg(limits.open_of_owner).arg(&digest).arg(stale.unwrap_or_default());
        match self.ask::<Option<String>>(&open).await?.as_deref() {
            None => {
                self.look_again().await;
                Ok(Submitted::New)
            }
            Some("full") => Err(LedgerError::Full),
            Some("many") => Err(LedgerError::ManyOpen(limits.open_of_owner)),
            Some("lost") => Err(LedgerError::Unreachable("Redis lost items while they were handed in".to_owned())),
            Some(known) => Ok(known_by_name(known, &digest)),
        }
    }

    /// Has the next look for work see what is new.
    async fn look_again(&self) {
        self.0.active_batches.lock().await.read = None;
    }

    async fn stands_for(&self, idempotency: &Idempotency) -> LedgerResult<Option<String>> {
        self.ask(cmd("GET").arg(named(&idempotency.key))).await
    }

    pub async fn status(&self, id: BatchId) -> LedgerResult<Option<BatchStatus>> {
        match self.record_of(id).await? {
            BatchRecord::Known(status) => Ok(Some(*status)),
            BatchRecord::Missing => Ok(None),
            BatchRecord::Foreign => Err(LedgerError::Foreign),
        }
    }

    /// Whether there is a record of it, of whichever version.
    pub async fn knows(&self, id: BatchId) -> LedgerResult<bool> {
        self.ask(cmd("EXISTS").arg(counts(id))).await
    }

    async fn record_of(&self, id: BatchId) -> LedgerResult<BatchRecord> {
        let fields: HashMap<String, String> = self.ask(cmd("HGETALL").arg(counts(id))).await?;
        if fields.is_empty() || fields.contains_key("closed") {
            return Ok(BatchRecord::Missing);
        }
        let Some(description) = described(fields.get("about").map(String::as_str)) else {
            self.name_once(id, FOREIGN).await;
            return Ok(BatchRecord::Foreign);
        };
        let count = |name: &str| fields.get(name).and_then(|value| value.parse().ok()).unwrap_or_default();
        let unreadable = || ItemError::new("batch_failed", "the batch ended early");
        Ok(BatchRecord::Known(Box::new(BatchStatus {
            done: count("done"),
            failed: count("failed"),
            begun: count("begun"),
            repeated: count("repeated"),
            seconds: fields.get("seconds").and_then(|value| value.parse().ok()).unwrap_or_default(),
            bytes: count("bytes") as u64,
            error: fields.get("error").map(|error| serde_json::from_str(error).unwrap_or_else(|_| unreadable())),
            ..BatchStatus::new(id, description)
        })))
    }

    pub async fn outcomes(&self, id: BatchId, items: Range<usize>) -> LedgerResult<Vec<Option<ItemOutcome>>> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let outcomes: Vec<Option<String>> =
            self.ask(cmd("HMGET").arg(results(id)).arg(items.collect::<Vec<_>>())).await?;
        Ok(outcomes.iter().map(|outcome| outcome.as_deref().map(outcome_of)).collect())
    }

    pub async fn custom_ids(&self, id: BatchId, items: Range<usize>) -> LedgerResult<Vec<Option<String>>> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(cmd("HMGET").arg(custom_ids(id)).arg(items.collect::<Vec<_>>())).await
    }

    /// Batches of another version, and what is damaged, are left out.
    pub async fn list(&self, owner: &str, page: Range<usize>) -> LedgerResult<(Vec<BatchStatus>, bool)> {
        let mut range = cmd("ZREVRANGE");
        range.arg(of_owner(owner)).arg(page.start).arg(page.end);
        let ids: Vec<String> = self.ask(&range).await?;
        let mut found = Vec::new();
        for id in ids.iter().take(page.len()).filter_map(|id| BatchId::parse(id)) {
            match self.record_of(id).await {
                Ok(BatchRecord::Known(status)) => found.push(*status),
                Ok(BatchRecord::Missing | BatchRecord::Foreign) => {}
                Err(LedgerError::Damaged(_)) => self.name_once(id, DAMAGED).await,
                Err(error) => return Err(error),
            }
        }
        Ok((found, ids.len() > page.len()))
    }

    /// Says once in the log what keeps this replica from a batch.
    async fn name_once(&self, batch: BatchId, problem: &str) {
        let mut named = self.0.named.lock().await;
        if named.len() >= MOST_NAMED {
            named.clear();
        }
        if named.insert(batch) {
            tracing::warn!(%batch, problem, "a batch is passed over");
        }
    }

    // --- the connection ---

    pub(in crate::batch) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> LedgerResult<T> {
        let asked = async {
            let mut connection = self.connection().await?;
            connection.ask(command).await
        };
        let unreachable = match tokio::time::timeout(LIMIT, asked).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if is_out_of_memory(&error) => return Err(LedgerError::NoRoom),
            Ok(Err(error)) if is_damage(&error) => return Err(LedgerError::Damaged(explained(&error))),
            Ok(Err(error)) => explained(&error),
            Err(_) => "it did not answer in time".to_owned(),
        };
        // Whoever holds it is connecting anew, which may take as long again.
        if let Ok(mut connection) = self.0.connection.try_lock() {
            *connection = None;
        }
        Err(LedgerError::Unreachable(unreachable))
    }

    async fn connection(&self) -> Result<SharedConnection, RedisError> {
        let mut held = self.0.connection.lock().await;
        if let Some(connection) = &*held {
            return Ok(connection.clone());
        }
        let connection = self.0.target.connect(LIMIT).await?;
        *held = Some(connection.clone());
        Ok(connection)
    }
}

// === records ===

/// What a name stands for is a batch and the digest of what was submitted by it.
fn known_by_name(known: &str, digest: &str) -> Submitted {
    let same = known.split_once(' ').filter(|(_, submitted)| *submitted == digest);
    same.and_then(|(id, _)| BatchId::parse(id)).map_or(Submitted::Conflict, Submitted::Known)
}

/// `None`: another version wrote it, and knows what to do with it.
fn described(about: Option<&str>) -> Option<BatchDescription> {
    let description: BatchDescription = serde_json::from_str(about?).ok()?;
    (description.version <= VERSION && description.items <= MOST_ITEMS).then_some(description)
}

fn outcome_of(record: &str) -> ItemOutcome {
    let foreign = || ItemError::new("result_of_another_version", "another version of the service knows the result");
    serde_json::from_str(record).unwrap_or_else(|_| ItemOutcome::Failed(foreign()))
}

fn written(value: &impl serde::Serialize) -> LedgerResult<String> {
    serde_json::to_string(value).map_err(|_| LedgerError::Unreachable("a record cannot be written".to_owned()))
}

/// When keys of a batch are gone by themselves, in seconds since 1970.
fn gone_at(description: &BatchDescription) -> u64 {
    description.expires + GRACE_SECONDS
}

// === errors ===

/// Nothing of the command, which may hold a text.
fn explained(error: &RedisError) -> String {
    error.code().unwrap_or_else(|| error.category()).to_owned()
}

/// What stands under a key is not what the command or the script expects there.
fn is_damage(error: &RedisError) -> bool {
    matches!(error.code(), Some("ERR" | "WRONGTYPE"))
        || matches!(error.kind(), ErrorKind::Parse | ErrorKind::UnexpectedReturnType)
}

/// Also where a script ended so, of which older servers make an error of their own.
fn is_out_of_memory(error: &RedisError) -> bool {
    error.code() == Some("OOM") || error.detail().is_some_and(|detail| detail.contains("OOM command not allowed"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_redis_that_is_silent_keeps_nobody_for_longer_than_a_call_may_take() {
        // Connections wait in its queue.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = RedisTarget::parse(&format!("redis://{}", silent.local_addr().unwrap())).unwrap();
        let limits = LedgerLimits { open: 1, open_of_owner: 1, bytes_of_batch: 1, bytes_of_owner: 1 };
        let (claim_after, leave_for) = (LIMIT, LIMIT);
        let settings = RedisLedgerSettings { limits, claim_after, leave_for, holds_results: false };
        let ledger = RedisLedger::new(target, settings);
        let ask_after = async |wait| {
            sleep(wait).await;
            let began = Instant::now();
            let asked = ledger.list("a", 0..1).await;
            (matches!(asked, Err(LedgerError::Unreachable(_))), began.elapsed())
        };

        let (first, second) = tokio::join!(ask_after(Duration::ZERO), ask_after(LIMIT / 2));

        for (is_unreachable, elapsed) in [first, second] {
            assert!(is_unreachable && elapsed < LIMIT + LIMIT / 4, "{elapsed:?}");
        }
    }
}
