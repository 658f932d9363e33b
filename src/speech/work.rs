//! Owns one request on its way to its samples: what is known of it already, and what it takes to make the rest. The
//! permit, the voice and the phonemes are asked for when something has to be made, and not before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::{FutureExt, StreamExt};
use piper_acoustic::LoadedVoice;
use piper_phonemize::{Phonemizer, Word};
use tokio::sync::OnceCell;
use tracing::{Instrument, Span};

use super::SpeechError;
use super::entries::{Plan, off_thread, sentence_from_entry, sentence_to_entry};
use super::flights::{FlightResult, Flights, Follower, Keep, Publisher, alone};
use super::keys::{Identity, plan_key};
use super::permit::AdmissionPermit;
use super::plan::{PlannedSentence, SynthesisParams, missing, planned};
use super::reading::{language, read};
use super::speakers::Speakers;
use super::types::{Caching, ResolvedRequest, SpeechSettings};
use crate::cache::{CacheEntry, CacheHandle, CacheHit, CacheKey, LeaseOutcome, LookupOutcome};
use crate::domain::{Deadline, Script, SynthesisRequest, VoiceId};
use crate::pool::{Admission, CpuTime, PoolHandle, SentenceJob, Stretch};
use crate::resilience::{HeldBytes, NoBytes};
use crate::telemetry::{Metrics, ShedReason, Stage, stage_span};
use crate::voices::{Catalogue, VoiceDigest};

/// What requests share. A clone is another handle to it.
#[derive(Clone)]
pub struct SpeechParts {
    pub phonemizer: Phonemizer,
    pub catalogue: Catalogue,
    pub pool: PoolHandle,
    pub cache: CacheHandle,
    pub metrics: Metrics,
    pub settings: SpeechSettings,
    pub preparing: Flights<Arc<Prepared>>,
    pub speaking: Flights<Stretch>,
    pub measuring: Flights<Option<f64>>,
}

/// A text as the network takes it, and the voice that says it.
pub struct Prepared {
    pub plan: Plan,
    pub sentences: Vec<PlannedSentence>,
    /// Phonemes that voices lack.
    missing: Option<Arc<str>>,
    /// The request's, and those that its text names.
    voices: Vec<(VoiceId, Arc<dyn LoadedVoice>)>,
}

/// One request.
pub struct RequestContext {
    parts: SpeechParts,
    pub request: SynthesisRequest,
    caching: Caching,
    /// The answer is sent as it comes.
    is_stream: bool,
    /// Its voices when the request came. `None`: one was not here, or cannot be read; then nothing is kept.
    pub digests: Option<Arc<[VoiceDigest]>>,
    /// L2 did not answer this request once, which is wait enough.
    l2_failed: AtomicBool,
    permit: AdmissionPermit,
    prepared: OnceCell<Arc<Prepared>>,
    /// The request's script in the languages of its voices.
    script: OnceCell<Script>,
    /// What is done for it belongs here.
    pub span: Span,
}

/// Where a sentence is to come from.
pub enum SentenceSource {
    Found(CacheKey, CacheEntry),
    /// Made a moment ago for another request.
    Landed(Vec<Stretch>),
    Made(CacheKey),
}

/// Of an entry: what is longer takes more than half a millisecond to read.
pub(super) const READ_AT_ONCE_BYTES: usize = 256 << 10;

/// Phoneme ids of a text, before it is phonemized.
const IDS_PER_CHARACTER: f64 = 2.0;

// === impl SpeechParts ===

impl SpeechParts {
    pub fn hold(&self, bytes: usize) -> Result<HeldBytes, SpeechError> {
        self.settings.answers.hold(bytes).map_err(|error| self.refused(error))
    }

    /// Counts a refusal.
    pub fn refused(&self, error: NoBytes) -> SpeechError {
        if error == NoBytes::Now {
            self.metrics.count_shed(ShedReason::Memory);
        }
        error.into()
    }
}

// === impl Prepared ===

impl Prepared {
    /// Who says a sentence.
    pub fn voice_of(&self, request: &SynthesisRequest, sentence: &PlannedSentence) -> &(VoiceId, Arc<dyn LoadedVoice>) {
        &self.voices[request.script.passages()[sentence.passage].voice]
    }
}

// === impl RequestContext ===

impl RequestContext {
    pub fn new(parts: SpeechParts, asked: ResolvedRequest, caching: Caching, is_stream: bool) -> Self {
        let ResolvedRequest { request, digests, .. } = asked;
        let caching = if digests.is_some() && parts.cache.is_enabled() { caching } else { Caching::Forbidden };
        let permit = AdmissionPermit::new(parts.pool.clone(), request.deadline, is_stream);
        permit.estimate([(&request.voice, request.script.said_chars() as f64 * IDS_PER_CHARACTER)]);
        let (l2_failed, prepared, script) = (AtomicBool::new(false), OnceCell::new(), OnceCell::new());
        let span = Span::current();
        Self { parts, request, caching, is_stream, digests, l2_failed, permit, prepared, script, span }
    }

    /// Says that part of the answer was handed out.
    pub fn begin_answer(&self) {
        self.permit.begin_answer();
    }

    /// Of what is begun now.
    pub fn deadline(&self) -> Deadline {
        self.permit.deadline()
    }

    /// How many sentences are worth having under way at once.
    pub fn ahead(&self) -> usize {
        self.parts.pool.parallelism() + 1
    }

    pub fn parts(&self) -> &SpeechParts {
        &self.parts
    }

    pub fn caching(&self) -> Caching {
        self.caching
    }

    /// Looks entries up, in L2 too unless that has failed this request.
    pub async fn lookup(&self, keys: &[CacheKey]) -> LookupOutcome {
        let looked = self.parts.cache.lookup(keys, !self.l2_has_failed()).await;
        self.l2_failed.fetch_or(looked.l2_failed, Ordering::Relaxed);
        looked
    }

    pub fn l2_has_failed(&self) -> bool {
        self.l2_failed.load(Ordering::Relaxed)
    }

    pub fn plan_key(&self) -> Option<CacheKey> {
        let max_phonemes = self.parts.settings.max_sentence_phonemes;
        let digests = self.digests.as_ref()?;
        Some(plan_key(&Identity { request: &self.request, digests, max_phonemes }))
    }

    /// The request's permit of the pool, asked for once.
    pub fn admission(&self) -> Result<Arc<Admission>, SpeechError> {
        self.permit.admission()
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
                    self.parts.preparing.join(key, self.deadline(), lead).await
                }
            }
        };
        self.prepared.get_or_try_init(prepare).await
    }

    /// The words of each passage, and how each is said alone.
    pub async fn words(&self, prepared: &Prepared) -> Result<Vec<Vec<Word>>, SpeechError> {
        let script = self.script(&prepared.voices).await?;
        let mut words = Vec::new();
        for passage in script.passages() {
            let (_, voice) = &prepared.voices[passage.voice];
            let of_passage = self.parts.phonemizer.words(passage.said.as_str(), voice.config()).await;
            words.push(of_passage.map_err(|error| SpeechError::of_phonemes(error, &passage.said, script.source()))?);
        }
        Ok(words)
    }

    /// The request as it is said: what is prepared is shared with others, who may have written it otherwise.
    pub async fn said(&self, prepared: &Prepared) -> Result<SynthesisRequest, SpeechError> {
        Ok(SynthesisRequest { script: self.script(&prepared.voices).await?.clone(), ..self.request.clone() })
    }

    /// Phonemes that voices lack; `None`: none, or nothing was phonemized.
    pub fn missing(&self) -> Option<Arc<str>> {
        self.prepared.get()?.missing.clone()
    }

    /// What is said, worked out once.
    async fn script(&self, voices: &[(VoiceId, Arc<dyn LoadedVoice>)]) -> Result<&Script, SpeechError> {
        let languages = || voices.iter().map(|(_, voice)| language(voice.config())).collect();
        self.script.get_or_try_init(|| read(&self.request.script, languages())).await
    }

    async fn prepare(self: Arc<Self>) -> Result<Prepared, SpeechError> {
        let (request, deadline) = (&self.request, self.deadline());
        // Who prepares for all need not be who speaks for all: then the permit is given back after this.
        let is_for_itself = self.caching == Caching::Forbidden || self.permit.is_held();
        let admission = if self.permit.has_begun() {
            self.permit.admission_begun(deadline).await?
        } else if is_for_itself {
            self.admission()?
        } else {
            self.permit.another()?
        };
        let mut voices = Vec::new();
        for id in request.voices() {
            let span = stage_span!("voice", %id);
            let voice = match voices[..] {
                [] => self.parts.pool.voice(id, deadline).instrument(span).await?,
                _ => self.parts.pool.voice_beside(id, deadline).instrument(span).await?,
            };
            voices.push((id.clone(), voice));
        }
        let script = self.script(&voices).await?;
        let mut sentences = Vec::new();
        for (index, passage) in script.passages().iter().enumerate() {
            let (id, voice) = &voices[passage.voice];
            let config = voice.config();
            let speakers = Speakers::of_voice(request.speaker_of(passage), id, &**voice)?;
            let manner = SynthesisParams {
                speakers: &speakers,
                prosody: &request.prosody,
                rate: passage.rate,
                config,
                digest: self.digests.as_ref().map_or([0; 32].into(), |digests| digests[passage.voice]),
                max_phonemes: self.parts.settings.max_sentence_phonemes,
            };
            let began = Instant::now();
            let phonemized = self.parts.phonemizer.sentences(passage.said.as_str(), config);
            let phonemized = phonemized.instrument(stage_span!("phonemize"));
            let phonemized = deadline.limit(phonemized).await?;
            let of_phonemes = |error| SpeechError::of_phonemes(error, &passage.said, script.source());
            let phonemized = phonemized.map_err(of_phonemes)?;
            sentences.extend(planned(phonemized, index, &manner));
            self.parts.metrics.observe_stage(Stage::Phonemize, began.elapsed());
        }
        admission.still_holds()?;
        let known = || request.voices().map(|id| self.parts.catalogue.known_digest(id)).collect::<Option<Arc<[_]>>>();
        if self.caching != Caching::Forbidden && known() != self.digests {
            // Between the request's coming and now. What was made would be kept under the name of what was.
            return Err(SpeechError::VoiceLoading(request.voice.clone()));
        }
        let sample_rate = voices[0].1.config().sample_rate;
        let missing = missing(sentences.iter().map(|sentence| {
            let (_, voice) = &voices[script.passages()[sentence.passage].voice];
            (&sentence.phonemes, voice.config())
        }));
        if let Some(missing) = &missing {
            tracing::info!(voice = %request.voice, missing = &**missing, "phonemes that the voice lacks are left out");
        }
        Ok(Prepared { plan: Plan::of(&sentences, sample_rate), sentences, missing, voices })
    }

    /// Says which of its sentences have to be made, once it is known.
    pub fn estimate(&self, prepared: &Prepared, is_to_be_made: impl Fn(usize) -> bool) {
        let mut left: HashMap<&VoiceId, f64> = HashMap::new();
        let mut seen = HashSet::new();
        for (index, sentence) in prepared.sentences.iter().enumerate() {
            // What a text says twice is made once, unless nothing may be kept.
            let is_new = seen.insert(sentence.key) || self.caching == Caching::Forbidden;
            if !is_new || !is_to_be_made(index) {
                continue;
            }
            let (voice, _) = prepared.voice_of(&self.request, sentence);
            *left.entry(voice).or_default() += sentence.ids();
        }
        self.permit.estimate(left);
    }

    /// What makes a sentence, or brings it from elsewhere. Others may follow, unless the request keeps to itself.
    pub fn fly(self: &Arc<Self>, key: CacheKey, index: usize, deadline: Deadline) -> Follower<Stretch> {
        let work = self.clone();
        if self.caching == Caching::Forbidden {
            return alone(|to| async move { work.compute(key, index, deadline, &to).await.map(|_| None) });
        }
        self.parts.speaking.follow(key, |publisher| work.lead(key, index, deadline, publisher))
    }

    /// Whether what ended the flight ended it for whoever led, and not for this request.
    pub fn would_fare_better(&self, error: &SpeechError, deadline: Deadline) -> bool {
        match error {
            SpeechError::DeadlinePassed => !deadline.has_passed(),
            // The leader got no permit. This request has one.
            SpeechError::Overloaded { .. } => self.permit.is_held(),
            _ => false,
        }
    }

    /// Makes a sentence for all who want it, here and in other replicas.
    async fn lead(
        self: Arc<Self>,
        key: CacheKey,
        index: usize,
        deadline: Deadline,
        publisher: Publisher<Stretch>,
    ) -> FlightResult<Keep> {
        let mut lease = None;
        if self.caching != Caching::Fresh {
            if let Some(whole) = self.known(self.parts.cache.peek(&key)).await? {
                publisher.put(whole);
                return Ok(None);
            }
            let turn = if self.l2_has_failed() {
                LeaseOutcome::Ours(None)
            } else {
                deadline.limit(self.parts.cache.turn(&key)).await?
            };
            match turn {
                LeaseOutcome::Ours(ours) => lease = ours,
                LeaseOutcome::Made(CacheHit { entry, .. }) => {
                    if let Some(whole) = self.known(Some(entry)).await? {
                        publisher.put(whole);
                        return Ok(None);
                    }
                }
            }
        }
        let said = self.clone().compute(key, index, deadline, &publisher).await?;
        let cache = self.parts.cache.clone();
        let keep = async move {
            if let Ok(entry) = off_thread(move || sentence_to_entry(&said)).await {
                cache.store(key, &entry);
            }
            drop(lease);
        };
        Ok(Some(keep.boxed()))
    }

    async fn known(&self, entry: Option<CacheEntry>) -> Result<Option<Stretch>, SpeechError> {
        let Some(entry) = entry else { return Ok(None) };
        if entry.payload.len() <= READ_AT_ONCE_BYTES {
            return Ok(sentence_from_entry(&entry));
        }
        off_thread(move || sentence_from_entry(&entry)).await
    }

    /// Makes a sentence, and puts out each stretch of it when it is there.
    async fn compute(
        self: Arc<Self>,
        key: CacheKey,
        index: usize,
        deadline: Deadline,
        publisher: &Publisher<Stretch>,
    ) -> Result<Vec<Stretch>, SpeechError> {
        let prepared = self.prepared().await?;
        let Some(sentence) = prepared.sentences.get(index).filter(|sentence| sentence.key == key) else {
            return Err(SpeechError::Failed("the plan is not that of the text".to_owned()));
        };
        let admission = if index == 0 { self.admission()? } else { self.permit.admission_begun(deadline).await? };
        let (voice_id, voice) = prepared.voice_of(&self.request, sentence);
        let job = SentenceJob {
            voice_id: voice_id.clone(),
            voice: voice.clone(),
            input: sentence.input.clone(),
            index,
            first_sound: self.is_stream && index == 0,
            deadline,
            cost: CpuTime::default(),
        };
        let (cost, mut seconds) = (job.cost.clone(), 0.0);
        let mut stretches = self.parts.pool.synthesize(&admission, job).await?;
        let mut said = Vec::new();
        while let Some(stretch) = stretches.next().await {
            let stretch = stretch?;
            seconds += stretch.pcm.seconds();
            publisher.put(stretch.clone());
            said.push(stretch);
        }
        admission.computed(voice_id, sentence.ids(), cost.computing());
        self.parts.metrics.observe_real_time_factor(cost.computing(), seconds);
        Ok(said)
    }
}
