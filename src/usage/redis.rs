//! Owns the numbers in Redis: a hash for each day, in which every replica adds to what the others counted. What is
//! written again, as nobody knows whether it arrived, is added once.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::NaiveDate;
use redis::{Cmd, FromRedisValue, cmd};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Unreachable;
use super::counts::{Counts, Days};
use crate::cache::{RedisTarget, SharedConnection};

/// Where replicas count together.
pub struct UsageRedis {
    target: RedisTarget,
    /// Apart from the cache's: nobody who waits for sound waits for this.
    connection: Mutex<Option<SharedConnection>>,
    /// What may have arrived, and under which name it was sent.
    sent: Mutex<Option<SentCounts>>,
}

struct SentCounts {
    id: Uuid,
    day: NaiveDate,
    tokens: BTreeMap<String, Counts>,
}

/// The longest that one call takes.
const LIMIT: Duration = Duration::from_secs(2);
/// How long it is known what was added already.
const REMEMBERED_SECONDS: u32 = 86_400;
const SECONDS_OF_A_DAY: u64 = 86_400;

/// Adds to the fields of a hash, unless what has this name was added before.
const ADD: &str = "
    if not redis.call('SET', KEYS[2], 1, 'NX', 'EX', ARGV[1]) then return 0 end
    for at = 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[at], ARGV[at + 1]) end
    redis.call('EXPIRE', KEYS[1], ARGV[2])
    return 1";

// One hash tag, so that the script works in a cluster.
fn key(day: NaiveDate) -> String {
    format!("{{tts-usage}}:{day}")
}

fn field(name: &str, token: &str) -> String {
    format!("{name}:{token}")
}

// === impl UsageRedis ===

impl UsageRedis {
    pub fn new(target: RedisTarget) -> Self {
        Self { target, connection: Mutex::default(), sent: Mutex::default() }
    }

    /// Adds what was counted. Returns what is left to be added another time.
    pub(super) async fn write(&self, mut waiting: Days, kept: u32) -> Days {
        let mut sent = self.sent.lock().await;
        while let Some(next) = sent.take().or_else(|| waiting.pop_first().map(SentCounts::new)) {
            if next.tokens.is_empty() {
                continue;
            }
            if self.ask::<i64>(&next.command(kept)).await.is_err() {
                *sent = Some(next);
                break;
            }
        }
        waiting
    }

    /// What was had on a day, by one token or by all.
    pub(super) async fn of(&self, day: NaiveDate, token: Option<&str>) -> Result<HashMap<String, Counts>, Unreachable> {
        if let Some(token) = token {
            let fields: Vec<String> = Counts::NAMES.iter().map(|name| field(name, token)).collect();
            let values: Vec<Option<u64>> = self.ask(cmd("HMGET").arg(key(day)).arg(fields)).await?;
            let counts = Counts::of_values(std::array::from_fn(|at| values.get(at).copied().flatten().unwrap_or(0)));
            return Ok(Some((token.to_owned(), counts)).filter(|_| counts != Counts::default()).into_iter().collect());
        }
        let fields: Vec<(String, u64)> = self.ask(cmd("HGETALL").arg(key(day))).await?;
        let mut found: HashMap<String, [u64; 7]> = HashMap::new();
        for (field, value) in fields {
            let Some((name, token)) = field.split_once(':') else { continue };
            let Some(at) = Counts::NAMES.iter().position(|known| *known == name) else { continue };
            found.entry(token.to_owned()).or_default()[at] = value;
        }
        Ok(found.into_iter().map(|(token, values)| (token, Counts::of_values(values))).collect())
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unreachable> {
        let mut held = self.connection.lock().await;
        let asked = async {
            let connection = match &mut *held {
                Some(connection) => connection,
                none => none.insert(self.target.connect(LIMIT).await?),
            };
            connection.ask(command).await
        };
        let answer = tokio::time::timeout(LIMIT, asked).await.ok().and_then(Result::ok);
        if answer.is_none() {
            *held = None;
        }
        answer.ok_or(Unreachable)
    }
}

// === impl SentCounts ===

impl SentCounts {
    fn new((day, tokens): (NaiveDate, BTreeMap<String, Counts>)) -> Self {
        Self { id: Uuid::now_v7(), day, tokens }
    }

    fn command(&self, kept: u32) -> Cmd {
        let mut add = cmd("EVAL");
        add.arg(ADD).arg(2).arg(key(self.day)).arg(format!("{{tts-usage}}:{}", self.id));
        add.arg(REMEMBERED_SECONDS).arg(u64::from(kept + 1) * SECONDS_OF_A_DAY);
        for (token, counts) in &self.tokens {
            for (name, value) in Counts::NAMES.into_iter().zip(counts.values()).filter(|(_, value)| *value > 0) {
                add.arg(field(name, token)).arg(value);
            }
        }
        add
    }
}
