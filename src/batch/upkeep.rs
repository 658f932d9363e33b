//! Owns the upkeep of batches: removing those whose time is over and results that belong to none, telling of ends, and
//! looking after those of which Redis lost a part. A ledger or a store that cannot be reached is one to look into
//! later.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::sleep;
use tracing::Instrument;

use super::batches::{BatchError, Batches};
use super::model::BatchId;
use crate::telemetry::further_span;

/// How often expired batches and ends that are to be told are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Webhooks that are told at a time.
const TOLD_AT_ONCE: usize = 16;
/// How often results that belong to no batch are looked for, unless batches are kept for a very short time.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

// === impl Batches ===

impl Batches {
    /// Does all of it, on the current system.
    pub(super) fn keep_up(&self) {
        actix::spawn(self.clone().expire_always());
        actix::spawn(self.clone().look_after_always());
        actix::spawn(self.clone().sweep_always());
        actix::spawn(self.clone().tell_always());
    }

    async fn expire_always(self) {
        loop {
            sleep(LOOK_EVERY).await;
            let _ = self.expire().await;
        }
    }

    async fn expire(&self) -> Result<(), BatchError> {
        while let Some(id) = self.0.ledger.expired().await? {
            self.forget(id).await?;
        }
        Ok(())
    }

    async fn look_after_always(self) {
        loop {
            sleep(LOOK_EVERY).await;
            let _ = self.look_after().await;
        }
    }

    async fn look_after(&self) -> Result<(), BatchError> {
        for id in self.0.ledger.look_after_some().await? {
            tracing::warn!(batch = %id, "Redis lost the record of a batch; what is left of it is removed");
            self.forget(id).await?;
        }
        Ok(())
    }

    async fn sweep_always(self) {
        loop {
            sleep((self.0.settings.keep / 4).clamp(LOOK_EVERY, SWEEP_EVERY)).await;
            let _ = self.sweep().await;
        }
    }

    /// Removes results that no ledger knows, once they are as old as a batch can be: others may share the place.
    async fn sweep(&self) -> Result<(), BatchError> {
        for id in self.0.store.batches().await? {
            if self.0.ledger.knows(id).await? {
                continue;
            }
            let over = self.0.ledger.now().await?.saturating_sub(self.0.settings.keep);
            if self.0.store.last_written(id).await?.is_some_and(|written| written < over) {
                self.0.store.clear(id).await?;
            }
        }
        Ok(())
    }

    /// Tells several at a time, so that one that does not answer keeps no other waiting.
    async fn tell_always(self) {
        let (mut telling, mut under_way) = (FuturesUnordered::new(), HashSet::new());
        loop {
            while telling.len() < TOLD_AT_ONCE
                && let Ok(Some(id)) = self.0.ledger.to_tell(self.0.settings.tell_again).await
            {
                if under_way.insert(id) {
                    telling.push(self.tell(id).map(move |_| id));
                }
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                Some(told) = telling.next() => drop(under_way.remove(&told)),
            }
        }
    }

    async fn tell(&self, id: BatchId) -> Result<(), BatchError> {
        let Some(status) = self.0.ledger.status(id).await? else {
            return Ok(self.0.ledger.told(id).await?);
        };
        let traceparent = status.description.traceparent.as_deref();
        let span = further_span!(traceparent, "webhook", otel.kind = "client", batch = %id);
        match self.0.webhook.tell(&status).instrument(span).await {
            Ok(()) => self.0.ledger.told(id).await?,
            Err(error) => tracing::warn!(batch = %id, %error, "a webhook was not told"),
        }
        Ok(())
    }
}
