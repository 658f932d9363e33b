//! Owns speaking the texts of a file in this process.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use super::file::ItemFields;
use super::outcome::KeepOutcome;
use crate::app::{SpeechStack, item_speaking};
use crate::batch::{ItemError, ItemSpeaker, SpokenItem};
use crate::config::Config;

/// A voice may have to be fetched first.
const ATTEMPTS: usize = 60;
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(2);

/// Returns how many entries the cache did not take.
pub async fn speak(
    config: &Config,
    items: &[ItemFields],
    todo: &[usize],
    timestamps: bool,
    keep: KeepOutcome<'_>,
) -> anyhow::Result<u64> {
    let speaker = SpeechStack::start(config).await?;
    let speaking = item_speaking(config, &speaker)?;
    let spoken = stream::iter(todo).map(|&index| {
        let speaking = speaking.clone();
        async move { (index, patiently(&*speaking, &items[index], timestamps).await) }
    });
    let mut spoken = spoken.buffer_unordered(speaker.pool.parallelism() + 1);
    while let Some((index, outcome)) = spoken.next().await {
        keep(index, outcome)?;
    }
    speaking.written().await;
    let lost = speaker.metrics.cache_writes_dropped.get();
    if lost > 0 {
        tracing::warn!(entries = lost, "Redis did not take everything");
    }
    Ok(lost)
}

async fn patiently(speaking: &dyn ItemSpeaker, item: &ItemFields, timestamps: bool) -> Result<SpokenItem, ItemError> {
    let item = speaking.item(item.clone(), timestamps);
    let mut attempt = 1;
    loop {
        match speaking.speak(item.clone()).await {
            Err(error) if error.is_passing && attempt < ATTEMPTS => attempt += 1,
            outcome => return outcome,
        }
        tokio::time::sleep(BETWEEN_ATTEMPTS).await;
    }
}
