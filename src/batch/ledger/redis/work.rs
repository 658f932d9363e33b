//! Owns handing items out to workers and recording what became of them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use redis::cmd;
use tokio::time::Instant;

use super::super::super::model::{BatchDescription, BatchId, ItemError, ItemOutcome};
use super::super::types::{ItemTask, LedgerError, LedgerResult, Recorded, Renewed, Room};
use super::active::Posted;
use super::keys::{ACTIVE, bytes_of, counts, on_batch, stream};
use super::scripts::{DROP, FAIL, LEAVE, RECORD, RENEW, ROOM, TAKE, script};
use super::{DAMAGED, FOREIGN, RedisLedger, described, gone_at, written};

const READ_EVERY: Duration = Duration::from_millis(250);
/// Batches that are worked off, of all owners; those after them wait. Each owner has his own bound below that.
const MOST_ACTIVE: isize = 10_000;
/// The beginning of the items that were begun.
const BEGINNING: &str = "-";

// === impl RedisLedger ===

impl RedisLedger {
    pub async fn take(&self, consumer: &str) -> LedgerResult<Option<ItemTask>> {
        self.refresh_active().await?;
        let order = self.0.active_batches.lock().await.turns.order();
        for id in order {
            let posted = self.0.active_batches.lock().await.batches.get(&id).filter(|posted| !posted.rests).cloned();
            let Some(posted) = posted else { continue };
            match self.take_of(id, posted.clone(), consumer).await {
                Ok(Some(task)) => return Ok(Some(task)),
                Ok(None) => {}
                Err(LedgerError::Damaged(_)) => self.give_up(id, Some(&posted.description)).await?,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn take_of(&self, id: BatchId, posted: Posted, consumer: &str) -> LedgerResult<Option<ItemTask>> {
        let (settings, description) = (&self.0.settings, posted.description);
        let mut take = on_batch(TAKE, id, &description, None);
        take.arg(consumer).arg(milliseconds(settings.claim_after)).arg(&self.0.replica);
        take.arg(milliseconds(settings.leave_for)).arg(&posted.cursor).arg(written(&items_lost())?);
        let taken: Option<Vec<String>> = self.ask(&take).await?;
        let mut known = self.0.active_batches.lock().await;
        let Some(taken) = taken else {
            known.batches.remove(&id);
            known.turns.remove(id);
            return Ok(None);
        };
        let mut taken = taken.into_iter();
        let cursor = taken.next().unwrap_or_else(|| BEGINNING.to_owned());
        if let Some(posted) = known.batches.get_mut(&id) {
            posted.rests = taken.len() == 0 && cursor == BEGINNING;
            posted.cursor = cursor;
        }
        let [entry, index, item, attempt] = taken.as_slice() else { return Ok(None) };
        known.turns.had(id);
        let (index, attempt) = (index.parse().unwrap_or_default(), attempt.parse().unwrap_or(usize::MAX));
        Ok(Some(ItemTask { batch: id, index, item: item.clone(), attempt, entry: entry.clone(), description }))
    }

    async fn refresh_active(&self) -> LedgerResult<()> {
        {
            let mut known = self.0.active_batches.lock().await;
            if known.read.is_some_and(|read| read.elapsed() < READ_EVERY) {
                return known.unread.clone().map_or(Ok(()), Err);
            }
            // Other workers of this replica go on by what is there.
            known.read = Some(Instant::now());
        }
        let read = self.read_active().await;
        self.0.active_batches.lock().await.unread = read.clone().err();
        read
    }

    async fn read_active(&self) -> LedgerResult<()> {
        let active: Vec<String> = self.ask(cmd("ZRANGE").arg(ACTIVE).arg(0).arg(MOST_ACTIVE - 1)).await?;
        let active: Vec<BatchId> = active.iter().filter_map(|id| BatchId::parse(id)).collect();
        for &id in &active {
            if !self.0.active_batches.lock().await.batches.contains_key(&id) {
                match self.post(id).await {
                    Err(LedgerError::Damaged(_)) => self.give_up(id, None).await?,
                    posted => posted?,
                }
            }
        }
        let active: HashSet<BatchId> = active.into_iter().collect();
        let mut known = self.0.active_batches.lock().await;
        known.batches.retain(|id, _| active.contains(id));
        known.turns.keep_only(&active);
        known.batches.values_mut().for_each(|posted| posted.rests = false);
        Ok(())
    }

    /// Ends a batch whose record is damaged, so that it holds up no other.
    async fn give_up(&self, id: BatchId, description: Option<&BatchDescription>) -> LedgerResult<()> {
        self.name_once(id, DAMAGED).await;
        if let Some(description) = description {
            let damaged =
                ItemError::new("record_damaged", "what Redis holds of this batch is damaged: hand it in again");
            // What is damaged may not take even this.
            let _ = self.fail(id, description, &damaged).await;
        }
        let _: i64 = self.ask(cmd("ZREM").arg(ACTIVE).arg(id.to_string())).await?;
        let mut known = self.0.active_batches.lock().await;
        known.batches.remove(&id);
        known.turns.remove(id);
        Ok(())
    }

    /// Puts a batch among them, unless another version wrote it, or there is none.
    async fn post(&self, id: BatchId) -> LedgerResult<()> {
        let about: Option<String> = self.ask(cmd("HGET").arg(counts(id)).arg("about")).await?;
        if let Some(description) = described(about.as_deref()) {
            let mut known = self.0.active_batches.lock().await;
            known.turns.add(&description.owner, id);
            let description = Arc::new(description);
            known.batches.insert(id, Posted { description, cursor: BEGINNING.to_owned(), rests: false });
        } else if self.knows(id).await? {
            self.name_once(id, FOREIGN).await;
        } else {
            let _: i64 = self.ask(script(DROP, &[&counts(id), ACTIVE]).arg(id.to_string())).await?;
        }
        Ok(())
    }

    pub async fn renew(&self, task: &ItemTask, consumer: &str) -> LedgerResult<Renewed> {
        let mut renew = script(RENEW, &[&stream(task.batch)]);
        renew.arg(consumer).arg(&task.entry);
        Ok(match self.ask::<i64>(&renew).await? {
            -1 => Renewed::NothingWaits,
            _ => Renewed::GoesOn,
        })
    }

    pub async fn leave(&self, task: &ItemTask, consumer: &str) -> LedgerResult<bool> {
        let mut leave = on_batch(LEAVE, task.batch, &task.description, None);
        leave.arg(consumer).arg(&task.entry).arg(task.attempt.max(1)).arg(&self.0.replica);
        leave.arg(milliseconds(self.0.settings.leave_for)).arg(gone_at(&task.description));
        self.ask::<i64>(&leave).await.map(|left| left == 1)
    }

    pub async fn room(&self, task: &ItemTask, bytes: usize) -> LedgerResult<Room> {
        let (limits, owner) = (self.0.settings.limits, &task.description.owner);
        let mut room = script(ROOM, &[&counts(task.batch), &bytes_of(owner)]);
        room.arg(bytes).arg(limits.bytes_of_batch).arg(limits.bytes_of_owner);
        room.arg(u8::from(self.0.settings.holds_results));
        let mut reached: Option<(u64, u8)> = self.ask(&room).await?;
        if matches!(reached, Some((_, 1))) {
            self.tally(owner).await?;
            reached = self.ask(&room).await?;
        }
        Ok(match reached {
            None => Room::Enough,
            Some((limit, 0)) => Room::BatchFull(limit),
            Some((limit, _)) => Room::OwnerFull(limit),
        })
    }

    pub async fn record(&self, task: &ItemTask, outcome: &ItemOutcome) -> LedgerResult<Recorded> {
        let description = &task.description;
        let (count, seconds, bytes) = match outcome {
            ItemOutcome::Done(done) => ("done", done.seconds, done.stored_bytes()),
            ItemOutcome::Failed(_) => ("failed", 0.0, 0),
        };
        let mut record = on_batch(RECORD, task.batch, description, Some(&bytes_of(&description.owner)));
        record.arg(&task.entry).arg(task.index).arg(written(outcome)?).arg(count).arg(seconds).arg(bytes);
        record.arg(gone_at(description)).arg(written(&outcomes_lost())?);
        Ok(match self.ask::<i64>(&record).await? {
            0 => Recorded::Repeated,
            1 => Recorded::Open,
            2 => Recorded::Last,
            _ => Recorded::Unwanted,
        })
    }

    /// Whether it went on until now.
    pub async fn fail(&self, id: BatchId, description: &BatchDescription, error: &ItemError) -> LedgerResult<bool> {
        let mut fail = on_batch(FAIL, id, description, None);
        self.ask::<i64>(fail.arg(written(error)?)).await.map(|failed| failed == 1)
    }
}

/// Of a batch whose items are neither there nor recorded.
pub(super) fn items_lost() -> ItemError {
    ItemError::new("items_lost", "Redis lost the items that were not done: hand them in again")
}

fn outcomes_lost() -> ItemError {
    ItemError::new("results_lost", "Redis lost what became of some items: hand them in again")
}

fn milliseconds(time: Duration) -> u64 {
    time.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::super::super::LedgerLimits;
    use super::super::RedisLedgerSettings;
    use super::*;
    use crate::cache::RedisTarget;

    /// Otherwise its workers would find every second time that there is nothing to do, and tell again and again that
    /// they wait.
    #[tokio::test]
    async fn a_redis_that_is_not_there_is_that_for_every_look() {
        let limits = LedgerLimits { open: 1, open_of_owner: 1, bytes_of_batch: 1, bytes_of_owner: 1 };
        let [claim_after, leave_for] = [Duration::from_secs(1); 2];
        let settings = RedisLedgerSettings { limits, claim_after, leave_for, holds_results: false };
        let ledger = RedisLedger::new(RedisTarget::parse("redis://127.0.0.1:1").unwrap(), settings);

        for _ in 0..3 {
            assert!(matches!(ledger.take("worker").await, Err(LedgerError::Unreachable(_))));
        }
    }
}
