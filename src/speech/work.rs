//! Owns one request on its way to its samples: what is known of it already, and what it takes to make the rest. The permit, the voice and the
//! phonemes are asked for when something has to be made, and not before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{FutureExt, StreamExt};
use tokio::sync::OnceCell;

use super::SpeechError;
use super::entries::{Plan, off_thread, sentence_from_entry, sentence_to_entry};
use super::flights::{Flights, Keep, Outcome, Outlet, Seat, alone};
use super::keys::{Identity, plan_key};
use super::plan::{Manner, PlannedSentence, planned, resolve_speaker};
use super::service::{Asked, Caching, SpeechSettings};
use crate::cache::{CacheHandle, CacheKey, Entry, Found, Looked, Turn};
use crate::domain::SynthesisRequest;
use crate::engine::{LoadedVoice, Phonemizer};
use crate::pool::{Admission, PoolHandle, SentenceJob, Stretch};
use crate::voices::{Catalogue, VoiceDigest};

/// What requests share. A clone is another handle to it.
#[derive(Clone)]
pub struct Parts {
    pub phonemizer: Phonemizer,
    pub catalogue: Catalogue,
    pub pool: PoolHandle,
    pub cache: CacheHandle,
    pub settings: SpeechSettings,
    pub preparing: Flights<Arc<Prepared>>,
    pub speaking: Flights<Stretch>,
}

/// A text as the network takes it, and the voice that says it.
pub struct Prepared {
    pub plan: Plan,
    pub sentences: Vec<PlannedSentence>,
    pub voice: Arc<dyn LoadedVoice>,
}

/// One request.
pub struct Work {
    parts: Parts,
    pub request: SynthesisRequest,
    caching: Caching,
    /// The answer is sent as it comes.
    is_stream: bool,
    /// The voice when the request came. `None`: it was not here, or cannot be read; then nothing is kept.
    digest: Option<VoiceDigest>,
    /// L2 did not answer this request once, which is wait enough.
    l2_failed: AtomicBool,
    admission: Mutex<Option<Arc<Admission>>>,
    prepared: OnceCell<Arc<Prepared>>,
}

/// Where a sentence is to come from.
pub enum Source {
    Found(CacheKey, Entry),
    /// Made a moment ago for another request.
    Landed(Vec<Stretch>),
    Made(CacheKey),
}

// === impl Work ===

impl Work {
    pub fn new(parts: Parts, asked: Asked, caching: Caching, is_stream: bool) -> Self {
        let Asked { request, digest, .. } = asked;
        let caching = if digest.is_some() && parts.cache.is_enabled() { caching } else { Caching::Forbidden };
        let (admission, prepared) = (Mutex::default(), OnceCell::new());
        Self { parts, request, caching, is_stream, digest, l2_failed: AtomicBool::new(false), admission, prepared }
    }

    /// How many sentences are worth having under way at once.
    pub fn ahead(&self) -> usize {
        self.parts.pool.parallelism() + 1
    }

    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    pub fn caching(&self) -> Caching {
        self.caching
    }

    /// Looks entries up, in L2 too unless that has failed this request.
    pub async fn lookup(&self, keys: &[CacheKey]) -> Looked {
        let looked = self.parts.cache.lookup(keys, !self.l2_has_failed()).await;
        self.l2_failed.fetch_or(looked.l2_failed, Ordering::Relaxed);
        looked
    }

    pub fn l2_has_failed(&self) -> bool {
        self.l2_failed.load(Ordering::Relaxed)
    }

    pub fn plan_key(&self) -> Option<CacheKey> {
        let max_phonemes = self.parts.settings.max_sentence_phonemes;
        self.digest.map(|digest| plan_key(&Identity { request: &self.request, digest: &digest, max_phonemes }))
    }

    fn is_admitted(&self) -> bool {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The request's place in the pool, asked for once.
    pub fn admission(&self) -> Result<Arc<Admission>, SpeechError> {
        let mut admission = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(admitted) = &*admission {
            return Ok(admitted.clone());
        }
        let admitted = Arc::new(self.parts.pool.admit()?);
        *admission = Some(admitted.clone());
        Ok(admitted)
    }

    /// The same, once part of the answer may be sent: when there is a place. A request comes here that waited for others' work so far.
    async fn admission_begun(&self) -> Result<Arc<Admission>, SpeechError> {
        if let Ok(admitted) = self.admission() {
            return Ok(admitted);
        }
        let waited = Arc::new(self.parts.pool.admit_begun(self.request.deadline).await?);
        let mut admission = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(admission.get_or_insert(waited).clone())
    }

    /// Phonemes and voice; made once for all who say this text now.
    pub async fn prepared(self: &Arc<Self>) -> Result<&Arc<Prepared>, SpeechError> {
        let prepare = || async {
            match self.plan_key().filter(|_| self.caching != Caching::Forbidden) {
                None => self.clone().prepare().await.map(Arc::new),
                Some(key) => {
                    let lead = || {
                        let work = self.clone();
                        async move {
                            let made = Arc::new(work.clone().prepare().await?);
                            work.parts.cache.store(key, &made.plan.to_entry());
                            Ok(made)
                        }
                    };
                    self.parts.preparing.join(key, self.request.deadline, lead).await
                }
            }
        };
        self.prepared.get_or_try_init(prepare).await
    }

    async fn prepare(self: Arc<Self>) -> Result<Prepared, SpeechError> {
        let request = &self.request;
        // Who prepares for all need not be who speaks for all: then the place is given back after this.
        let is_for_itself = self.caching == Caching::Forbidden || self.is_admitted();
        let _admission = if is_for_itself { self.admission()? } else { Arc::new(self.parts.pool.admit()?) };
        let voice = self.parts.pool.voice(&request.voice, request.deadline).await?;
        let config = voice.config();
        let manner = Manner {
            speaker: resolve_speaker(request.speaker.as_ref(), config)?,
            prosody: &request.prosody,
            config,
            digest: self.digest.unwrap_or([0; 32].into()),
            max_phonemes: self.parts.settings.max_sentence_phonemes,
        };
        let phonemized = self.parts.phonemizer.sentences(request.text.as_str(), config);
        let sentences = planned(request.deadline.limit(phonemized).await??, &manner);
        if self.caching != Caching::Forbidden && self.parts.catalogue.known_digest(&request.voice) != self.digest {
            // Between the request's coming and now. What was made would be kept under the name of what was.
            return Err(SpeechError::VoiceLoading(request.voice.clone()));
        }
        Ok(Prepared { plan: Plan::of(&sentences, config.sample_rate), sentences, voice })
    }

    /// What makes a sentence, or brings it from elsewhere. Others may follow, unless the request keeps to itself.
    pub fn fly(self: &Arc<Self>, key: CacheKey, index: usize) -> Seat<Stretch> {
        let work = self.clone();
        if self.caching == Caching::Forbidden {
            return alone(|outlet| async move { work.compute(key, index, &outlet).await.map(|_| None) });
        }
        self.parts.speaking.follow(key, |outlet| work.lead(key, index, outlet))
    }

    /// Whether what ended the flight ended it for whoever led, and not for this request.
    pub fn would_fare_better(&self, error: &SpeechError) -> bool {
        match error {
            SpeechError::DeadlinePassed => !self.request.deadline.has_passed(),
            // The leader found no place. This request has one.
            SpeechError::Overloaded { .. } => self.is_admitted(),
            _ => false,
        }
    }

    /// Makes a sentence for all who want it, here and in other replicas.
    async fn lead(self: Arc<Self>, key: CacheKey, index: usize, outlet: Outlet<Stretch>) -> Outcome<Keep> {
        let mut lease = None;
        if self.caching != Caching::Fresh {
            if let Some(whole) = self.known(self.parts.cache.peek(&key)).await? {
                outlet.put(whole);
                return Ok(None);
            }
            let turn = if self.l2_has_failed() {
                Turn::Ours(None)
            } else {
                self.request.deadline.limit(self.parts.cache.turn(&key)).await?
            };
            match turn {
                Turn::Ours(ours) => lease = ours,
                Turn::Made(Found { entry, .. }) => {
                    if let Some(whole) = self.known(Some(entry)).await? {
                        outlet.put(whole);
                        return Ok(None);
                    }
                }
            }
        }
        let said = self.clone().compute(key, index, &outlet).await?;
        let cache = self.parts.cache.clone();
        let keep = async move {
            // What is too short to be kept is made again as fast.
            if let Ok(Ok(entry)) = off_thread(move || sentence_to_entry(&said)).await {
                cache.store(key, &entry);
            }
            drop(lease);
        };
        Ok(Some(keep.boxed()))
    }

    async fn known(&self, entry: Option<Entry>) -> Result<Option<Stretch>, SpeechError> {
        let Some(entry) = entry else { return Ok(None) };
        off_thread(move || sentence_from_entry(&entry)).await
    }

    /// Makes a sentence, and puts out each stretch of it when it is there.
    async fn compute(
        self: Arc<Self>,
        key: CacheKey,
        index: usize,
        outlet: &Outlet<Stretch>,
    ) -> Result<Vec<Stretch>, SpeechError> {
        let prepared = self.prepared().await?;
        let Some(sentence) = prepared.sentences.get(index).filter(|sentence| sentence.key == key) else {
            return Err(SpeechError::Failed("the plan is not that of the text".to_owned()));
        };
        let admission = if index == 0 { self.admission()? } else { self.admission_begun().await? };
        let job = SentenceJob {
            voice_id: self.request.voice.clone(),
            voice: prepared.voice.clone(),
            input: sentence.input.clone(),
            index,
            first_sound: self.is_stream && index == 0,
            deadline: self.request.deadline,
        };
        let mut stretches = self.parts.pool.synthesize(&admission, job).await?;
        let mut said = Vec::new();
        while let Some(stretch) = stretches.next().await {
            let stretch = stretch?;
            outlet.put(stretch.clone());
            said.push(stretch);
        }
        Ok(said)
    }
}
