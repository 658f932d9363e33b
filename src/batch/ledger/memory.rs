//! Owns the ledger of one process, bounded in items and bytes. It is gone with the process.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::model::{BatchId, Description, Outcome, Status, now};
use super::{Answer, Idempotency, LedgerError, Recorded, Submitted, Task};

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
    /// Batches that may go on at a time.
    pub open: usize,
}

#[derive(Default)]
struct Books {
    batches: BTreeMap<BatchId, Batch>,
    /// Batches with waiting items, the next first.
    turns: VecDeque<BatchId>,
    names: HashMap<String, (BatchId, String)>,
    /// When which end is told.
    to_tell: HashMap<BatchId, Duration>,
    waiting_bytes: usize,
}

struct Batch {
    status: Status,
    waiting: VecDeque<(usize, String)>,
    outcomes: Vec<Option<Outcome>>,
}

// === impl MemoryLedger ===

impl MemoryLedger {
    pub fn new(limits: MemoryLimits) -> Self {
        Self { books: Arc::default(), limits }
    }

    pub fn submit(
        &self,
        id: BatchId,
        description: Description,
        items: Vec<String>,
        idempotency: Option<Idempotency>,
    ) -> Answer<Submitted> {
        let mut books = self.lock();
        if let Some(Idempotency { key, digest }) = &idempotency
            && let Some((known, submitted)) = books.names.get(key)
        {
            return Ok(if submitted == digest { Submitted::Known(*known) } else { Submitted::Conflict });
        }
        let bytes: usize = items.iter().map(String::len).sum();
        let kept: usize = books.batches.values().map(|batch| batch.outcomes.len()).sum();
        let open = books.batches.values().filter(|batch| !batch.status.has_ended()).count();
        let is_full = open >= self.limits.open || kept + items.len() > self.limits.items;
        if is_full || books.waiting_bytes + bytes > self.limits.bytes {
            return Err(LedgerError::Full);
        }
        if let Some(Idempotency { key, digest }) = idempotency {
            books.names.insert(key, (id, digest));
        }
        books.waiting_bytes += bytes;
        let outcomes = vec![None; items.len()];
        let status = Status { id, description, done: 0, failed: 0, begun: 0, repeated: 0, seconds: 0.0 };
        books.batches.insert(id, Batch { status, waiting: items.into_iter().enumerate().collect(), outcomes });
        books.turns.push_back(id);
        Ok(Submitted::New)
    }

    pub fn take(&self, _: &str) -> Option<Task> {
        let mut guard = self.lock();
        let books = &mut *guard;
        while let Some(id) = books.turns.pop_front() {
            let Some(batch) = books.batches.get_mut(&id) else { continue };
            let Some((index, item)) = batch.waiting.pop_front() else { continue };
            batch.status.begun += 1;
            books.waiting_bytes -= item.len();
            books.turns.push_back(id);
            let traceparent = batch.status.description.traceparent.clone();
            return Some(Task { batch: id, index, item, attempt: 1, entry: String::new(), traceparent });
        }
        None
    }

    /// Nobody else could have it.
    #[expect(clippy::unused_self)]
    pub fn renew(&self, _: &Task, _: &str) {}

    pub fn record(&self, task: &Task, outcome: &Outcome) -> Recorded {
        let mut guard = self.lock();
        let books = &mut *guard;
        let Some(batch) = books.batches.get_mut(&task.batch) else { return Recorded::Repeated };
        match outcome {
            Outcome::Done(done) => {
                batch.status.done += 1;
                batch.status.seconds += done.seconds;
            }
            Outcome::Failed(_) => batch.status.failed += 1,
        }
        batch.outcomes[task.index] = Some(outcome.clone());
        if !batch.status.has_ended() {
            return Recorded::Open;
        }
        if batch.status.description.webhook.is_some() {
            books.to_tell.insert(task.batch, now());
        }
        Recorded::Last
    }

    pub fn status(&self, id: BatchId) -> Option<Status> {
        self.lock().batches.get(&id).map(|batch| batch.status.clone())
    }

    pub fn outcomes(&self, id: BatchId, items: Range<usize>) -> Vec<Option<Outcome>> {
        let books = self.lock();
        let outcomes = books.batches.get(&id).map(|batch| batch.outcomes.as_slice()).unwrap_or_default();
        outcomes.iter().skip(items.start).take(items.len()).cloned().collect()
    }

    pub fn list(&self, owner: &str, page: Range<usize>) -> (Vec<Status>, bool) {
        let books = self.lock();
        let of_owner =
            books.batches.values().map(|batch| &batch.status).filter(|status| status.description.owner == owner);
        let mut all: Vec<Status> = of_owner.cloned().collect();
        all.sort_by_key(|status| std::cmp::Reverse((status.description.created, status.id)));
        let has_more = all.len() > page.end;
        (all.into_iter().skip(page.start).take(page.len()).collect(), has_more)
    }

    pub fn remove(&self, id: BatchId) -> Option<Status> {
        let mut books = self.lock();
        let batch = books.batches.remove(&id)?;
        books.waiting_bytes -= batch.waiting.iter().map(|(_, item)| item.len()).sum::<usize>();
        books.names.retain(|_, (named, _)| *named != id);
        books.to_tell.remove(&id);
        Some(batch.status)
    }

    pub fn expired(&self) -> Option<BatchId> {
        let now = now().as_secs();
        let books = self.lock();
        books.batches.values().map(|batch| &batch.status).find(|status| status.description.expires <= now).map(|s| s.id)
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
