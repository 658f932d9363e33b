//! Owns finding out what is known of a request already: its plan and its sentences, in this process and in what
//! replicas share.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::SpeechError;
use super::entries::{Plan, PlanItem};
use super::level::Levelling;
use super::types::{CacheUse, Caching};
use super::work::{RequestContext, SentenceSource};
use crate::cache::{CacheHit, CacheKey};
use crate::pool::Stretch;
use crate::telemetry::CacheTier;

/// Where a request's sentences are to come from, in the order of the text.
pub struct SentenceSources {
    pub plan: Plan,
    pub sentences: Vec<SentenceSource>,
    pub cache: CacheUse,
    /// What becomes of what each voice of the request says.
    pub levelling: Vec<Levelling>,
    /// When the oldest of what was found was made.
    oldest: Option<SystemTime>,
}

/// A sentence that need not be made.
enum AvailableSound {
    Kept(CacheHit),
    /// Made a moment ago, and still on its way into the cache.
    Landed(Vec<Stretch>),
}

/// Counts what is found.
#[derive(Default)]
struct CacheTally {
    found: usize,
    missing: usize,
    /// Something came from L2, be it the plan.
    used_l2: bool,
    l2_failed: bool,
    oldest: Option<SystemTime>,
}

// === impl SentenceSources ===

impl SentenceSources {
    /// Of what came from the cache altogether.
    pub fn age(&self) -> Option<Duration> {
        self.oldest.filter(|_| self.cache.is_hit()).map(|oldest| oldest.elapsed().unwrap_or_default())
    }

    /// Looks. What is missing is prepared for, so that what cannot be made fails here and not after the first
    /// sentences.
    pub async fn find(work: &Arc<RequestContext>) -> Result<Self, SpeechError> {
        let found = match work.caching() {
            Caching::Forbidden => Self::anew(work, CacheUse::Disabled).await?,
            Caching::Fresh => Self::anew(work, CacheUse::Miss).await?,
            Caching::Allowed | Caching::Only => Self::known(work).await?,
        };
        Ok(Self { levelling: work.levelling().await?, ..found })
    }

    async fn anew(work: &Arc<RequestContext>, cache: CacheUse) -> Result<Self, SpeechError> {
        let prepared = work.prepared().await?;
        work.estimate(prepared, |_| true);
        let plan = prepared.plan.clone();
        let sentences = plan.sentences.iter().map(|item| SentenceSource::Made(item.key)).collect();
        Ok(Self { plan, sentences, cache, levelling: Vec::new(), oldest: None })
    }

    async fn known(work: &Arc<RequestContext>) -> Result<Self, SpeechError> {
        let mut tally = CacheTally::default();
        let key = work.plan_key().ok_or(SpeechError::NotCached)?;
        let plan = work.lookup(&[key]).await.found.into_iter().flatten().next().and_then(|found| {
            tally.add(&found);
            Plan::from_entry(&found.entry)
        });
        // Others may have made it while L2 was asked.
        let plan = plan.or_else(|| Plan::from_entry(&work.parts().cache.peek(&key)?));
        let plan = match plan {
            Some(plan) => plan,
            None if work.caching() == Caching::Only => return Err(SpeechError::NotCached),
            None => work.prepared().await?.plan.clone(),
        };
        let there = Self::there(work, &plan).await;
        tally.l2_failed = work.l2_has_failed();
        if there.iter().all(Option::is_some) {
            return Ok(Self::tallied(plan, there, tally));
        }
        if work.caching() == Caching::Only {
            return Err(SpeechError::NotCached);
        }
        Self::with_missing(work, plan, there, tally).await
    }

    /// What need not be made, in the order of the plan. What has landed is asked for first: by the time that it has
    /// not, it is kept.
    async fn there(work: &Arc<RequestContext>, plan: &Plan) -> Vec<Option<AvailableSound>> {
        let landed = |item: &PlanItem| work.parts().speaking.landed(&item.key).map(AvailableSound::Landed);
        let mut there: Vec<Option<AvailableSound>> = plan.sentences.iter().map(landed).collect();
        let missing: Vec<usize> = (0..there.len()).filter(|index| there[*index].is_none()).collect();
        let keys: Vec<CacheKey> = missing.iter().map(|index| plan.sentences[*index].key).collect();
        for (index, found) in missing.into_iter().zip(work.lookup(&keys).await.found) {
            there[index] = found.map(AvailableSound::Kept);
        }
        there
    }

    fn tallied(plan: Plan, there: Vec<Option<AvailableSound>>, mut tally: CacheTally) -> Self {
        let sentences = plan.sentences.iter().zip(there).map(|(item, there)| tally.source(item.key, there)).collect();
        Self { plan, sentences, cache: tally.cache_use(), levelling: Vec::new(), oldest: tally.oldest }
    }

    async fn with_missing(
        work: &Arc<RequestContext>,
        plan: Plan,
        there: Vec<Option<AvailableSound>>,
        tally: CacheTally,
    ) -> Result<Self, SpeechError> {
        let is_under_way = |item: &PlanItem| work.parts().speaking.is_under_way(&item.key);
        let is_to_be_made =
            |(item, there): (&PlanItem, &Option<AvailableSound>)| there.is_none() && !is_under_way(item);
        let to_be_made: Vec<bool> = plan.sentences.iter().zip(&there).map(is_to_be_made).collect();
        // Whoever only waits for others' work needs no voice and no permit.
        if to_be_made.contains(&true) {
            let prepared = work.prepared().await?;
            if prepared.plan != plan {
                // Kept by a replica that phonemizes otherwise.
                return Self::anew(work, CacheUse::Miss).await;
            }
            work.estimate(prepared, |index| to_be_made[index]);
        }
        if there.first().is_some_and(Option::is_some) {
            // Once the first sentence is sent it is too late for a refusal. Where the first is missing, whoever makes
            // it asks for a permit.
            work.admission()?;
        }
        Ok(Self::tallied(plan, there, tally))
    }
}

// === impl CacheTally ===

impl CacheTally {
    fn source(&mut self, key: CacheKey, there: Option<AvailableSound>) -> SentenceSource {
        let Some(there) = there else {
            self.missing += 1;
            return SentenceSource::Made(key);
        };
        self.found += 1;
        match there {
            AvailableSound::Kept(found) => {
                self.add(&found);
                SentenceSource::Found(key, found.entry)
            }
            AvailableSound::Landed(parts) => {
                self.add_made_at(SystemTime::now());
                SentenceSource::Landed(parts)
            }
        }
    }

    fn add(&mut self, found: &CacheHit) {
        self.used_l2 |= found.tier == CacheTier::L2;
        self.add_made_at(found.entry.made_at);
    }

    fn add_made_at(&mut self, made_at: SystemTime) {
        self.oldest = Some(self.oldest.map_or(made_at, |oldest| oldest.min(made_at)));
    }

    /// A plan alone spares no synthesis; a text without sentences has nothing else.
    fn cache_use(&self) -> CacheUse {
        match self {
            Self { missing: 0, used_l2: true, .. } => CacheUse::HitL2,
            Self { missing: 0, oldest: Some(_), .. } => CacheUse::HitL1,
            Self { found: 1.., .. } => CacheUse::Partial,
            Self { l2_failed: true, .. } => CacheUse::Error,
            Self { .. } => CacheUse::Miss,
        }
    }
}
