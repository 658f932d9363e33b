//! Owns the ledger of one process, bounded in items and bytes. It is gone with the process.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::model::{BatchDescription, BatchId, BatchStatus, Done, ItemError, ItemOutcome, NewItem, now};
use super::turns::Turns;
use super::types::{
    Idempotency, ItemTask, LedgerError, LedgerLimits, LedgerResult, Recorded, Renewed, Room, Submitted,
};

#[derive(Clone)]
pub struct MemoryLedger {
    books: Arc<Mutex<Books>>,
    limits: MemoryLimits,
}

/// Of all batches together.
#[derive(Debug, Clone, Copy)]
pub struct MemoryLimits {
    pub items: usize,
    /// Of the items that wait.
    pub bytes: usize,
    pub batches: LedgerLimits,
}

#[derive(Default)]
struct Books {
    batches: BTreeMap<BatchId, StoredBatch>,
    /// Batches with waiting items.
    turns: Turns,
    names: HashMap<String, (BatchId, String)>,
    /// When which end is told.
    to_tell: HashMap<BatchId, Duration>,
    waiting_bytes: usize,
}

struct StoredBatch {
    status: BatchStatus,
    description: Arc<BatchDescription>,
    waiting: VecDeque<(usize, String)>,
    outcomes: Vec<Option<ItemOutcome>>,
    /// Empty if there are none.
    custom_ids: Vec<Option<String>>,
    /// When it is removed if it is only closed now.
    closed: Option<Duration>,
}

/// Until a removal that was not finished is begun again.
const REMOVE_AGAIN: Duration = Duration::from_secs(30);

// === impl MemoryLedger ===

impl MemoryLedger {
    pub fn new(limits: MemoryLimits) -> Self {
        Self { books: Arc::default(), limits }
    }

    pub fn find(&self, idempotency: &Idempotency) -> Option<Submitted> {
        self.lock().find(idempotency)
    }

    pub fn submit(
        &self,
        id: BatchId,
        description: BatchDescription,
        items: Vec<NewItem>,
        idempotency: Option<Idempotency>,
    ) -> LedgerResult<Submitted> {
        let mut books = self.lock();
        if let Some(known) = idempotency.as_ref().and_then(|idempotency| books.find(idempotency)) {
            return Ok(known);
        }
        let bytes: usize = items.iter().map(|new| new.item.len()).sum();
        self.expect_room(&books, &description.owner, items.len(), bytes)?;
        if let Some(Idempotency { key, digest }) = idempotency {
            books.names.insert(key, (id, digest));
        }
        books.waiting_bytes += bytes;
        books.turns.add(&description.owner, id);
        let outcomes = vec![None; items.len()];
        let (waiting, mut custom_ids) =
            items.into_iter().map(|new| (new.item, new.custom_id)).unzip::<_, _, Vec<_>, Vec<_>>();
        if !description.has_custom_ids {
            custom_ids = Vec::new();
        }
        let waiting = waiting.into_iter().enumerate().collect();
        let status = BatchStatus::new(id, description.clone());
        let description = Arc::new(description);
        books.batches.insert(id, StoredBatch { status, description, waiting, outcomes, custom_ids, closed: None });
        Ok(Submitted::New)
    }

    fn expect_room(&self, books: &Books, owner: &str, items: usize, bytes: usize) -> LedgerResult<()> {
        let limits = self.limits.batches;
        let kept: usize = books.batches.values().map(|batch| batch.outcomes.len()).sum();
        let open = books.batches.values().filter(|batch| !batch.status.has_ended());
        let (mut all, mut of_owner) = (0, 0);
        for batch in open {
            all += 1;
            of_owner += usize::from(batch.description.owner == owner);
        }
        if all >= limits.open || kept + items > self.limits.items || books.waiting_bytes + bytes > self.limits.bytes {
            return Err(LedgerError::Full);
        }
        if of_owner >= limits.open_of_owner {
            return Err(LedgerError::ManyOpen(limits.open_of_owner));
        }
        Ok(())
    }

    pub fn take(&self, _: &str) -> Option<ItemTask> {
        let mut guard = self.lock();
        let books = &mut *guard;
        for id in books.turns.order() {
            let taken = books.batches.get_mut(&id).and_then(|batch| Some((batch.waiting.pop_front()?, batch)));
            let Some(((index, item), batch)) = taken else {
                books.turns.remove(id);
                continue;
            };
            batch.status.begun += 1;
            books.waiting_bytes -= item.len();
            books.turns.had(id);
            let description = batch.description.clone();
            return Some(ItemTask { batch: id, index, item, attempt: 1, entry: String::new(), description });
        }
        None
    }

    /// Nobody else could have it.
    pub fn renew(&self, task: &ItemTask, _: &str) -> Renewed {
        match self.lock().batches.get(&task.batch) {
            Some(batch) if !batch.status.has_ended() && batch.closed.is_none() => Renewed::GoesOn,
            _ => Renewed::NothingWaits,
        }
    }

    pub fn room(&self, task: &ItemTask, bytes: usize) -> Room {
        let (books, limits) = (self.lock(), self.limits.batches);
        let of_batch = books.batches.get(&task.batch).map_or(0, |batch| batch.status.bytes);
        if of_batch + bytes as u64 > limits.bytes_of_batch {
            Room::BatchFull(limits.bytes_of_batch)
        } else if books.bytes_of(&task.description.owner) + bytes as u64 > limits.bytes_of_owner {
            Room::OwnerFull(limits.bytes_of_owner)
        } else {
            Room::Enough
        }
    }

    pub fn record(&self, task: &ItemTask, outcome: &ItemOutcome) -> Recorded {
        let mut guard = self.lock();
        let books = &mut *guard;
        let Some(batch) = books.batches.get_mut(&task.batch) else { return Recorded::Unwanted };
        if batch.closed.is_some() || batch.status.has_ended() {
            return Recorded::Unwanted;
        }
        match outcome {
            ItemOutcome::Done(done) => {
                batch.status.done += 1;
                batch.status.seconds += done.seconds;
                batch.status.bytes += done.stored_bytes() as u64;
            }
            ItemOutcome::Failed(_) => batch.status.failed += 1,
        }
        batch.outcomes[task.index] = Some(outcome.clone());
        if !batch.status.has_ended() {
            return Recorded::Open;
        }
        books.end(task.batch);
        Recorded::Last
    }

    pub fn fail(&self, id: BatchId, error: &ItemError) -> bool {
        let mut books = self.lock();
        let Some(batch) = books.batches.get_mut(&id) else { return false };
        if batch.closed.is_some() || batch.status.has_ended() {
            return false;
        }
        batch.status.error = Some(error.clone());
        batch.status.failed = batch.outcomes.len() - batch.status.done;
        books.end(id);
        true
    }

    pub fn status(&self, id: BatchId) -> Option<BatchStatus> {
        let books = self.lock();
        books.batches.get(&id).filter(|batch| batch.closed.is_none()).map(|batch| batch.status.clone())
    }

    pub fn knows(&self, id: BatchId) -> bool {
        self.lock().batches.contains_key(&id)
    }

    pub fn outcomes(&self, id: BatchId, items: Range<usize>) -> Vec<Option<ItemOutcome>> {
        let books = self.lock();
        let outcomes = books.batches.get(&id).map(|batch| batch.outcomes.as_slice()).unwrap_or_default();
        outcomes.iter().skip(items.start).take(items.len()).cloned().collect()
    }

    pub fn custom_ids(&self, id: BatchId, items: Range<usize>) -> Vec<Option<String>> {
        let books = self.lock();
        let custom_ids = books.batches.get(&id).map(|batch| batch.custom_ids.as_slice()).unwrap_or_default();
        custom_ids.iter().skip(items.start).take(items.len()).cloned().collect()
    }

    pub fn list(&self, owner: &str, page: Range<usize>) -> (Vec<BatchStatus>, bool) {
        let books = self.lock();
        let seen = books.batches.values().filter(|batch| batch.closed.is_none() && batch.description.owner == owner);
        let mut all: Vec<BatchStatus> = seen.map(|batch| batch.status.clone()).collect();
        all.sort_by_key(|status| std::cmp::Reverse((status.description.created, status.id)));
        let has_more = all.len() > page.end;
        (all.into_iter().skip(page.start).take(page.len()).collect(), has_more)
    }

    pub fn close(&self, id: BatchId) {
        let mut books = self.lock();
        if let Some(batch) = books.batches.get_mut(&id) {
            batch.closed = Some(now() + REMOVE_AGAIN);
            books.end(id);
            books.to_tell.remove(&id);
            books.names.retain(|_, (named, _)| *named != id);
        }
    }

    pub fn recorded(&self, id: BatchId) -> Vec<(usize, Done)> {
        let done = |(index, outcome)| match outcome {
            Some(ItemOutcome::Done(done)) => Some((index, done)),
            _ => None,
        };
        self.outcomes(id, 0..usize::MAX).into_iter().enumerate().filter_map(done).collect()
    }

    pub fn remove(&self, id: BatchId) {
        self.lock().batches.remove(&id);
    }

    pub fn expired(&self) -> Option<BatchId> {
        let now = now();
        let due = |batch: &&StoredBatch| match batch.closed {
            Some(again) => again <= now,
            None => batch.description.expires <= now.as_secs(),
        };
        self.lock().batches.values().find(due).map(|batch| batch.status.id)
    }

    pub fn to_tell(&self, retry: Duration) -> Option<BatchId> {
        let now = now();
        let mut books = self.lock();
        let (id, due) = books.to_tell.iter_mut().find(|(_, due)| **due <= now)?;
        *due = now + retry;
        Some(*id)
    }

    pub fn told(&self, id: BatchId) {
        self.lock().to_tell.remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Books ===

impl Books {
    fn find(&self, idempotency: &Idempotency) -> Option<Submitted> {
        let (known, submitted) = self.names.get(&idempotency.key)?;
        Some(if *submitted == idempotency.digest { Submitted::Known(*known) } else { Submitted::Conflict })
    }

    /// What the results of an owner's batches take.
    fn bytes_of(&self, owner: &str) -> u64 {
        let of_owner = self.batches.values().filter(|batch| batch.description.owner == owner);
        of_owner.map(|batch| batch.status.bytes).sum()
    }

    /// Nothing of the batch waits any more.
    fn end(&mut self, id: BatchId) {
        let Some(batch) = self.batches.get_mut(&id) else { return };
        self.waiting_bytes -= batch.waiting.drain(..).map(|(_, item)| item.len()).sum::<usize>();
        self.turns.remove(id);
        if batch.description.webhook.is_some() {
            self.to_tell.insert(id, now());
        }
    }
}
