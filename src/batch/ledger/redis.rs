//! Owns the ledger in Redis: Streams with consumer groups hand out the items (<https://redis.io/docs/latest/develop/data-types/streams/>),
//! scripts record what became of them. Works with a Redis that loses its connections, and goes on where it was when one is back.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, RedisError, cmd};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::super::model::{BatchId, Description, Outcome, Status, now};
use super::scripts::{ADD, OPEN, RECORD, REMOVE, RENEW, TAKE, TO_TELL};
use super::{Answer, Idempotency, LedgerError, Recorded, Submitted, Task};
use crate::cache::{Connection, Target};

/// The ledger in Redis. A clone is the same one.
#[derive(Clone)]
pub struct RedisLedger(Arc<Inner>);

struct Inner {
    target: Target,
    /// Apart from the cache's: a batch must not keep a request waiting.
    connection: Mutex<Option<Connection>>,
    /// After how long without renewal an item is given to another worker.
    claim_after: Duration,
    /// Batches that may go on at a time.
    max_open: usize,
    /// Whose turn it is among the batches.
    turn: AtomicUsize,
}

/// The longest that one call takes.
const LIMIT: Duration = Duration::from_secs(5);
/// Batches that are worked off side by side; those after them wait.
const SIDE_BY_SIDE: isize = 32;
/// Items that are added in one call, so that no call keeps Redis from others for long.
const ADDED_AT_ONCE: usize = 200;
/// As many items as a setting may allow: what has more is no batch.
const MOST_ITEMS: usize = 1_000_000;
/// What is kept longer than the batch, so that its own removal comes first.
const GRACE_SECONDS: u64 = 3_600;

const ACTIVE: &str = "{tts-batch}:active";
const EXPIRING: &str = "{tts-batch}:expiring";
const TO_BE_TOLD: &str = "{tts-batch}:to-tell";

// === keys ===

fn counts(id: BatchId) -> String {
    format!("{{tts-batch}}:{id}")
}

fn stream(id: BatchId) -> String {
    format!("{{tts-batch}}:{id}:items")
}

fn results(id: BatchId) -> String {
    format!("{{tts-batch}}:{id}:outcomes")
}

fn of_owner(owner: &str) -> String {
    format!("{{tts-batch}}:owner:{}", hexadecimal(owner))
}

fn named(key: &str) -> String {
    format!("{{tts-batch}}:name:{}", hexadecimal(key))
}

/// What callers name appears in no key.
fn hexadecimal(text: &str) -> String {
    Sha256::digest(text).iter().take(16).fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

// === impl RedisLedger ===

impl RedisLedger {
    pub fn new(target: Target, claim_after: Duration, max_open: usize) -> Self {
        let (connection, turn) = (Mutex::default(), AtomicUsize::new(0));
        Self(Arc::new(Inner { target, connection, claim_after, max_open, turn }))
    }

    pub async fn submit(
        &self,
        id: BatchId,
        description: &Description,
        items: &[String],
        idempotency: Option<Idempotency>,
    ) -> Answer<Submitted> {
        let seconds = description.expires.saturating_sub(now().as_secs()) + GRACE_SECONDS;
        if let Some(Idempotency { key, digest }) = &idempotency
            && let Some(known) = self.ask::<Option<String>>(cmd("GET").arg(named(key))).await?
        {
            return Ok(known_by_name(&known, digest));
        }
        for (chunk, items) in items.chunks(ADDED_AT_ONCE).enumerate() {
            let mut add = script(ADD, &[&stream(id)]);
            add.arg(seconds).arg(chunk * ADDED_AT_ONCE).arg(items);
            let _: i64 = self.ask(&add).await?;
        }
        let owners = of_owner(&description.owner);
        // Of a batch without a name a key that does not exist, on the same node.
        let (name, digest) =
            idempotency.map_or_else(|| (named(""), String::new()), |Idempotency { key, digest }| (named(&key), digest));
        let mut open = script(OPEN, &[&counts(id), &stream(id), ACTIVE, EXPIRING, &owners, &name]);
        open.arg(id.to_string()).arg(written(description)?).arg(now().as_millis() as u64).arg(description.expires);
        open.arg(seconds).arg(u8::from(description.webhook.is_some())).arg(self.0.max_open).arg(&digest);
        match self.ask::<Option<String>>(&open).await?.as_deref() {
            None => Ok(Submitted::New),
            Some("full") => Err(LedgerError::Full),
            Some(known) => Ok(known_by_name(known, &digest)),
        }
    }

    pub async fn take(&self, consumer: &str) -> Answer<Option<Task>> {
        let active: Vec<String> = self.ask(cmd("ZRANGE").arg(ACTIVE).arg(0).arg(SIDE_BY_SIDE - 1)).await?;
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        for place in 0..active.len() {
            let Some(batch) = BatchId::parse(&active[(turn + place) % active.len()]) else { continue };
            let mut take = script(TAKE, &[&counts(batch), &stream(batch)]);
            take.arg(consumer).arg(self.0.claim_after.as_millis() as u64);
            let taken: Option<(String, usize, String, usize, String)> = self.ask(&take).await?;
            if let Some((entry, index, item, attempt, about)) = taken {
                let Description { traceparent, .. } = read(&about)?;
                return Ok(Some(Task { batch, index, item, attempt, entry, traceparent }));
            }
        }
        Ok(None)
    }

    pub async fn renew(&self, task: &Task, consumer: &str) -> Answer<()> {
        let mut renew = script(RENEW, &[&stream(task.batch)]);
        renew.arg(consumer).arg(&task.entry);
        self.ask::<i64>(&renew).await.map(drop)
    }

    pub async fn record(&self, task: &Task, outcome: &Outcome) -> Answer<Recorded> {
        let Some(Status { id, description, .. }) = self.status(task.batch).await? else {
            return Ok(Recorded::Repeated);
        };
        let (count, seconds) = match outcome {
            Outcome::Done(done) => ("done", done.seconds),
            Outcome::Failed(_) => ("failed", 0.0),
        };
        let now = now();
        let kept = description.expires.saturating_sub(now.as_secs()) + GRACE_SECONDS;
        let mut record = script(RECORD, &[&counts(id), &stream(id), &results(id), ACTIVE, TO_BE_TOLD]);
        record.arg(&task.entry).arg(task.index).arg(written(outcome)?).arg(count).arg(seconds);
        record.arg(id.to_string()).arg(description.items).arg(kept).arg(now.as_millis() as u64);
        Ok(match self.ask::<i64>(&record).await? {
            0 => Recorded::Repeated,
            1 => Recorded::Open,
            _ => Recorded::Last,
        })
    }

    pub async fn status(&self, id: BatchId) -> Answer<Option<Status>> {
        let fields: HashMap<String, String> = self.ask(cmd("HGETALL").arg(counts(id))).await?;
        let Some(about) = fields.get("about") else { return Ok(None) };
        let description: Description = read(about)?;
        if description.items > MOST_ITEMS {
            return Ok(None);
        }
        let count = |name: &str| fields.get(name).and_then(|value| value.parse().ok()).unwrap_or_default();
        Ok(Some(Status {
            id,
            description,
            done: count("done"),
            failed: count("failed"),
            begun: count("begun"),
            repeated: count("repeated"),
            seconds: fields.get("seconds").and_then(|value| value.parse().ok()).unwrap_or_default(),
        }))
    }

    pub async fn outcomes(&self, id: BatchId, items: Range<usize>) -> Answer<Vec<Option<Outcome>>> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let outcomes: Vec<Option<String>> =
            self.ask(cmd("HMGET").arg(results(id)).arg(items.collect::<Vec<_>>())).await?;
        outcomes.iter().map(|outcome| outcome.as_deref().map(read).transpose()).collect()
    }

    pub async fn list(&self, owner: &str, page: Range<usize>) -> Answer<(Vec<Status>, bool)> {
        let mut range = cmd("ZREVRANGE");
        range.arg(of_owner(owner)).arg(page.start).arg(page.end);
        let ids: Vec<String> = self.ask(&range).await?;
        let mut found = Vec::new();
        for id in ids.iter().take(page.len()).filter_map(|id| BatchId::parse(id)) {
            found.extend(self.status(id).await?);
        }
        Ok((found, ids.len() > page.len()))
    }

    pub async fn remove(&self, id: BatchId) -> Answer<Option<Status>> {
        let status = self.status(id).await?;
        let owners = status.as_ref().map(|status| of_owner(&status.description.owner)).unwrap_or_default();
        // A key that does not exist, on the same node.
        let owners = if owners.is_empty() { of_owner("") } else { owners };
        let name: Option<String> = self.ask(cmd("HGET").arg(counts(id)).arg("name")).await?;
        let name = name.unwrap_or_else(|| named(""));
        let keys = [&counts(id), &stream(id), &results(id), ACTIVE, EXPIRING, TO_BE_TOLD, &owners, &name];
        let mut remove = script(REMOVE, &keys);
        remove.arg(id.to_string());
        let _: i64 = self.ask(&remove).await?;
        Ok(status)
    }

    pub async fn expired(&self) -> Answer<Option<BatchId>> {
        let mut due = cmd("ZRANGEBYSCORE");
        due.arg(EXPIRING).arg("-inf").arg(now().as_secs()).arg("LIMIT").arg(0).arg(1);
        let ids: Vec<String> = self.ask(&due).await?;
        Ok(ids.first().and_then(|id| BatchId::parse(id)))
    }

    pub async fn to_tell(&self, retry: Duration) -> Answer<Option<BatchId>> {
        let now = now();
        let mut due = script(TO_TELL, &[TO_BE_TOLD]);
        due.arg(now.as_millis() as u64).arg((now + retry).as_millis() as u64);
        let id: Option<String> = self.ask(&due).await?;
        Ok(id.and_then(|id| BatchId::parse(&id)))
    }

    pub async fn told(&self, id: BatchId) -> Answer<()> {
        self.ask::<i64>(cmd("ZREM").arg(TO_BE_TOLD).arg(id.to_string())).await.map(drop)
    }

    // --- the connection ---

    pub(in crate::batch) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Answer<T> {
        let asked = async {
            let mut connection = self.connection().await?;
            connection.ask(command).await
        };
        let unreachable = match tokio::time::timeout(LIMIT, asked).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => explained(&error),
            Err(_) => "it did not answer in time".to_owned(),
        };
        *self.0.connection.lock().await = None;
        Err(LedgerError::Unreachable(unreachable))
    }

    async fn connection(&self) -> Result<Connection, RedisError> {
        let mut held = self.0.connection.lock().await;
        if let Some(connection) = &*held {
            return Ok(connection.clone());
        }
        let connection = self.0.target.connect(LIMIT).await?;
        *held = Some(connection.clone());
        Ok(connection)
    }
}

/// What a name stands for is a batch and the digest of what was submitted by it.
fn known_by_name(known: &str, digest: &str) -> Submitted {
    let same = known.split_once(' ').filter(|(_, submitted)| *submitted == digest);
    same.and_then(|(id, _)| BatchId::parse(id)).map_or(Submitted::Conflict, Submitted::Known)
}

/// Nothing of the command, which may hold a text.
fn explained(error: &RedisError) -> String {
    error.code().unwrap_or_else(|| error.category()).to_owned()
}

fn script(script: &str, keys: &[&str]) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(script).arg(keys.len()).arg(keys);
    command
}

fn written(value: &impl serde::Serialize) -> Answer<String> {
    serde_json::to_string(value).map_err(|_| LedgerError::Unreachable("a record cannot be written".to_owned()))
}

fn read<T: serde::de::DeserializeOwned>(record: &str) -> Answer<T> {
    serde_json::from_str(record).map_err(|_| LedgerError::Unreachable("a record of another version".to_owned()))
}
