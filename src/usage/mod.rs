//! Owns the usage of callers: how much was spoken for which token on which day. Counted in this process and, where
//! there is a Redis, written there behind, for all replicas together. No request waits for that, and nothing that a
//! caller said is in it.
//!
//! - `counts`: the numbers, in memory; `redis`: where they are written to and read from.

mod counts;
mod redis;

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{Days as Later, NaiveDate, Utc};

use counts::Days;
pub use counts::{Counts, DailyUsage, UsageRecord};
pub use redis::UsageRedis;

use crate::telemetry::Metrics;

/// What was had. A clone is another handle to it.
#[derive(Clone)]
pub struct Usage(Arc<UsageInner>);

struct UsageInner {
    /// Of all days without Redis; else what is not written yet.
    days: Mutex<Days>,
    redis: Option<UsageRedis>,
    /// Held while it is on its way there, and neither here nor there.
    on_its_way: tokio::sync::Mutex<()>,
    /// How many days are kept.
    kept: u32,
    metrics: Metrics,
}

/// The numbers of other replicas cannot be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was counted cannot be read at the moment")]
pub struct Unreachable;

/// Between writes: what a process that is killed loses at most.
const WRITE_EVERY: Duration = Duration::from_secs(1);

// === impl Usage ===

impl Usage {
    /// Begins to write to `redis`, on the current runtime.
    pub fn start(redis: Option<UsageRedis>, kept: u32, metrics: Metrics) -> Self {
        let usage = Self(Arc::new(UsageInner {
            days: Mutex::default(),
            redis,
            on_its_way: tokio::sync::Mutex::default(),
            kept,
            metrics,
        }));
        if usage.is_shared() {
            let usage = Arc::downgrade(&usage.0);
            actix::spawn(async move {
                loop {
                    tokio::time::sleep(WRITE_EVERY).await;
                    let Some(usage) = usage.upgrade() else { return };
                    Self(usage).write().await;
                }
            });
        }
        usage
    }

    /// Whether what is counted outlasts the process, and other replicas count there too.
    pub fn is_shared(&self) -> bool {
        self.0.redis.is_some()
    }

    /// Counts an answer.
    pub fn count(&self, token: &str, record: UsageRecord) {
        let token = self.days().count(today(), self.0.kept, token, &Counts::from(record));
        if !token.is_empty() {
            let UsageRecord { characters, seconds, .. } = record;
            self.0.metrics.count_usage(&token, characters, seconds);
        }
    }

    /// Counts a request that was answered with an error.
    pub fn count_refusal(&self, token: &str) {
        self.days().count(today(), self.0.kept, token, &Counts::REFUSAL);
    }

    /// The days that are kept, today the last.
    pub fn kept(&self) -> RangeInclusive<NaiveDate> {
        let today = today();
        today.checked_sub_days(Later::new(u64::from(self.0.kept) - 1)).unwrap_or(today)..=today
    }

    /// What one token has had, or all of them, day by day. Days that are not kept have nothing.
    pub async fn of(
        &self,
        token: Option<&str>,
        days: RangeInclusive<NaiveDate>,
    ) -> Result<Vec<DailyUsage>, Unreachable> {
        let kept = self.kept();
        let (first, last) = (*days.start().max(kept.start()), *days.end().min(kept.end()));
        let mut found = Days::default();
        let _still = self.0.on_its_way.lock().await;
        if let Some(redis) = &self.0.redis {
            for day in first.iter_days().take_while(|day| *day <= last) {
                found.add(day, redis.of(day, token).await?);
            }
        }
        let mut all = self.days().clone();
        all.merge(found);
        let rows = all.rows().filter(|row| (first..=last).contains(&row.day));
        Ok(rows.filter(|row| token.is_none_or(|token| row.token == token)).collect())
    }

    /// Writes what is not written, if there is where to. What cannot be written now stays for the next time.
    pub async fn write(&self) {
        let Some(redis) = &self.0.redis else { return };
        let _still = self.0.on_its_way.lock().await;
        let waiting = std::mem::take(&mut *self.days());
        let left = redis.write(waiting, self.0.kept).await;
        self.days().merge(left);
    }

    fn days(&self) -> MutexGuard<'_, Days> {
        self.0.days.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn today() -> NaiveDate {
    Utc::now().date_naive()
}
