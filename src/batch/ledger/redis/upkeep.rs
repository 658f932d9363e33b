//! Owns the upkeep of batches in Redis: ending and removing them, telling of their end, and finding those of which
//! Redis lost a part.

use std::time::Duration;

use redis::cmd;

use super::super::super::model::{BatchId, Done, ItemOutcome};
use super::super::types::LedgerResult;
use super::keys::{
    ACTIVE, EXPIRING, TO_BE_TOLD, bytes_of, counts, custom_ids, left, named, of_owner, on_batch, open_of, results,
    stream,
};
use super::scripts::{CLOSE, DUE, MEND, REMOVE, TALLY, script};
use super::work::items_lost;
use super::{BatchRecord, RedisLedger, described, outcome_of, written};

/// Outcomes that are read at a time.
const CHUNK: usize = 500;
/// Batches that are looked after at a time: all of them within a minute, where there are not very many.
const LOOKED_AFTER: usize = 100;
/// Until a removal that was not finished is begun again.
const REMOVE_AGAIN: Duration = Duration::from_secs(30);

// === impl RedisLedger ===

impl RedisLedger {
    /// Nothing of the batch is given out, recorded or seen any more.
    pub async fn close(&self, id: BatchId) -> LedgerResult<()> {
        let Some(owner) = self.owner(id).await? else { return Ok(()) };
        let mut close = script(
            CLOSE,
            &[&counts(id), &stream(id), &results(id), &left(id), ACTIVE, TO_BE_TOLD, &open_of(&owner), EXPIRING],
        );
        self.ask::<i64>(close.arg(id.to_string())).await.map(drop)
    }

    /// Results that are recorded, a part at a time: from where the last part ended, 0 at first and at last.
    pub async fn recorded(&self, id: BatchId, from: u64) -> LedgerResult<(u64, Vec<(usize, Done)>)> {
        let mut scan = cmd("HSCAN");
        scan.arg(results(id)).arg(from).arg("COUNT").arg(CHUNK);
        let (next, found): (u64, Vec<(usize, String)>) = self.ask(&scan).await?;
        let done = found.into_iter().filter_map(|(index, outcome)| match outcome_of(&outcome) {
            ItemOutcome::Done(done) => Some((index, done)),
            ItemOutcome::Failed(_) => None,
        });
        Ok((next, done.collect()))
    }

    pub async fn remove(&self, id: BatchId) -> LedgerResult<()> {
        // Of a batch without an owner or a name keys that do not exist, on the same node.
        let owner = self.owner(id).await?.unwrap_or_default();
        let name: Option<String> = self.ask(cmd("HGET").arg(counts(id)).arg("name")).await?;
        let name = name.unwrap_or_else(|| named(""));
        let (counts, stream, results, left, custom_ids) =
            (counts(id), stream(id), results(id), left(id), custom_ids(id));
        let (open_of, of_owner, bytes_of) = (open_of(&owner), of_owner(&owner), bytes_of(&owner));
        let of_batch = [&*counts, &stream, &results, &left, ACTIVE, TO_BE_TOLD];
        let of_others = [&*open_of, &of_owner, EXPIRING, &bytes_of, &name, &custom_ids];
        let mut remove = script(REMOVE, &[of_batch, of_others].concat());
        self.ask::<i64>(remove.arg(id.to_string())).await.map(drop)
    }

    /// Also of a batch that is closed.
    async fn owner(&self, id: BatchId) -> LedgerResult<Option<String>> {
        let about: Option<String> = self.ask(cmd("HGET").arg(counts(id)).arg("about")).await?;
        Ok(described(about.as_deref()).map(|description| description.owner))
    }

    /// Batches of another version are not among them, until nothing is left of them.
    pub async fn expired(&self) -> LedgerResult<Option<BatchId>> {
        while let Some(id) = self.due(EXPIRING, 1, REMOVE_AGAIN.as_secs()).await? {
            if self.owner(id).await?.is_some() || !self.knows(id).await? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    pub async fn to_tell(&self, retry: Duration) -> LedgerResult<Option<BatchId>> {
        self.due(TO_BE_TOLD, 1_000, retry.as_millis() as u64).await
    }

    async fn due(&self, times: &str, units: u64, put_off: u64) -> LedgerResult<Option<BatchId>> {
        let id: Option<String> = self.ask(script(DUE, &[times]).arg(units).arg(put_off)).await?;
        Ok(id.and_then(|id| BatchId::parse(&id)))
    }

    pub async fn told(&self, id: BatchId) -> LedgerResult<()> {
        self.ask::<i64>(cmd("ZREM").arg(TO_BE_TOLD).arg(id.to_string())).await.map(drop)
    }

    /// Looks after some of the batches: puts back what goes on, ends what cannot. Returns those whose record is lost.
    pub async fn look_after_some(&self) -> LedgerResult<Vec<BatchId>> {
        let mut next = self.0.looked_after.lock().await;
        let mut page = cmd("ZRANGE");
        page.arg(EXPIRING).arg(*next).arg(*next + LOOKED_AFTER - 1);
        let page: Vec<String> = self.ask(&page).await?;
        let mut lost = Vec::new();
        for id in page.iter().filter_map(|id| BatchId::parse(id)) {
            match self.record_of(id).await? {
                BatchRecord::Known(status) if !status.has_ended() => {
                    let description = &status.description;
                    let mut mend = on_batch(MEND, id, description, Some(&of_owner(&description.owner)));
                    let _: i64 = self.ask(mend.arg(written(&items_lost())?).arg(description.created)).await?;
                }
                BatchRecord::Missing if !self.knows(id).await? => lost.push(id),
                _ => {}
            }
        }
        *next = if page.len() < LOOKED_AFTER { 0 } else { *next + LOOKED_AFTER };
        Ok(lost)
    }

    /// Counts anew what an owner's results take: without batches whose record Redis lost.
    pub(super) async fn tally(&self, owner: &str) -> LedgerResult<()> {
        let ids: Vec<String> = self.ask(cmd("HKEYS").arg(bytes_of(owner))).await?;
        let mut tally = script(TALLY, &[&bytes_of(owner)]);
        for id in ids.iter().filter_map(|id| BatchId::parse(id)) {
            if !self.knows(id).await? {
                tally.arg(id.to_string());
            }
        }
        self.ask::<i64>(&tally).await.map(drop)
    }
}
