//! Owns the order of things for one request.

use std::sync::Arc;

use piper_acoustic::VoiceConfig;
use piper_phonemize::{Phonemizer, Sentence, phoneme_ids};

use super::SpeechError;
use super::assembly::{AnswerAssembler, CacheSlot};
use super::entries::off_thread;
use super::flights::Flights;
use super::keys::{Identity, answer_key};
use super::level::Subject;
use super::reading::{language, read};
use super::samples::sample_word;
use super::sources::SentenceSources;
use super::stream::SpeechStream;
use super::timing::timed;
use super::types::{
    AudioSpec, CacheUse, Caching, FirstAudioTimer, Phonemized, ResolvedRequest, SpeechSettings, TimedSpeech,
    WholeSpeech,
};
use super::work::{RequestContext, SpeechParts};
use crate::cache::{CacheHandle, CacheKey};
use crate::domain::{Deadline, Script, SynthesisRequest, VoiceId};
use crate::pool::{CallerShare, PoolHandle};
use crate::resilience::{ByteShare, HeldBytes, NoBytes};
use crate::telemetry::{Metrics, stage_span};
use crate::voices::{Catalogue, VoiceDigest};

/// Makes speech of text. A clone shares everything.
#[derive(Clone)]
pub struct SpeechService {
    pub(super) parts: SpeechParts,
    answering: Flights<WholeSpeech>,
}

// === impl SpeechService ===

impl SpeechService {
    pub fn new(
        phonemizer: Phonemizer,
        catalogue: Catalogue,
        pool: PoolHandle,
        cache: CacheHandle,
        metrics: Metrics,
        settings: SpeechSettings,
    ) -> Self {
        let (preparing, speaking, measuring) = Default::default();
        let parts =
            SpeechParts { phonemizer, catalogue, pool, cache, metrics, settings, preparing, speaking, measuring };
        Self { parts, answering: Flights::default() }
    }

    /// The same service for texts that nobody waits for, at most this many at once. It joins nothing that others wait
    /// for, and nobody waits for what it makes.
    pub fn in_background(&self, limit: usize) -> Self {
        let pool = self.parts.pool.in_background(limit);
        let (preparing, speaking, measuring) = Default::default();
        let parts = SpeechParts { pool, preparing, speaking, measuring, ..self.parts.clone() };
        Self { parts, answering: Flights::default() }
    }

    /// The same service for this caller, whose requests together have no more of the workers than another's.
    pub fn of_caller(&self, caller: CallerShare, bytes: ByteShare) -> Self {
        let mut parts = SpeechParts { pool: self.parts.pool.of_caller(caller), ..self.parts.clone() };
        parts.settings.answers = self.parts.settings.answers.of_caller(bytes);
        Self { parts, ..self.clone() }
    }

    /// The same for what is begun and cannot be refused any more: as soon as there is enough.
    pub async fn hold_begun(&self, bytes: usize, deadline: Deadline) -> Result<HeldBytes, SpeechError> {
        let answers = &self.parts.settings.answers;
        deadline.limit(answers.hold_when_free(bytes)).await.map_err(|_| self.parts.refused(NoBytes::Now))
    }

    /// Memory for an answer, or a part of one, that is not taken yet.
    pub fn hold(&self, bytes: usize) -> Result<HeldBytes, SpeechError> {
        self.parts.hold(bytes)
    }

    /// Waits until what was made is in the cache of all, if there is one.
    pub async fn written(&self) {
        // A sentence is heard before it is kept.
        self.parts.speaking.settled().await;
        self.parts.cache.written().await;
    }

    /// The id by which a voice is served, of a name or an alias.
    pub fn resolve(&self, id: &VoiceId) -> Option<VoiceId> {
        let catalogue = &self.parts.catalogue;
        catalogue.resolve(id).filter(|id| catalogue.contains(id))
    }

    /// Names the request's answer without making it.
    pub async fn identify(
        &self,
        mut request: SynthesisRequest,
        spec: AudioSpec,
    ) -> Result<ResolvedRequest, SpeechError> {
        request.voice = self.resolve(&request.voice).ok_or(SpeechError::UnknownVoice(request.voice))?;
        request.script =
            request.script.cast(|voice| self.resolve(voice).ok_or_else(|| SpeechError::UnknownVoice(voice.clone())))?;
        let mut digests = Vec::new();
        for voice in request.voices() {
            let digest = self.parts.catalogue.digest(voice);
            digests.push(self.parts.pool.wait_for(voice, request.deadline, digest).await?);
        }
        let digests: Option<Arc<[VoiceDigest]>> = digests.into_iter().collect();
        let max_phonemes = self.parts.settings.max_sentence_phonemes;
        let key = digests.as_ref().map(|digests| {
            let identity = Identity { request: &request, digests, max_phonemes };
            answer_key(&identity, spec)
        });
        Ok(ResolvedRequest { request, spec, key, digests })
    }

    /// The whole answer, from the cache or made now.
    pub async fn speak(&self, asked: ResolvedRequest, caching: Caching) -> Result<WholeSpeech, SpeechError> {
        let waiting = self.waiting(&asked);
        let speech = self.find_or_make(asked, caching).await?;
        waiting.end(speech.cache);
        Ok(speech)
    }

    async fn find_or_make(&self, asked: ResolvedRequest, caching: Caching) -> Result<WholeSpeech, SpeechError> {
        let asked = self.with_voice(asked, caching).await?;
        let Some(key) = asked.key.filter(|_| caching != Caching::Forbidden && self.parts.cache.is_enabled()) else {
            return asked.request.deadline.limit(self.make(asked, Caching::Forbidden)).await?;
        };
        if let Some(hit) = self.hit(key, caching) {
            return Ok(hit);
        }
        let deadline = asked.request.deadline;
        let lead = || {
            let (service, asked) = (self.clone(), asked.clone());
            async move {
                let made = deadline.limit(service.make(asked, caching)).await??;
                service.parts.cache.keep_answer(key, made.answer.clone());
                Ok(made)
            }
        };
        if caching == Caching::Only {
            return lead().await;
        }
        self.answering.join(key, deadline, lead).await
    }

    /// Speech as it comes. An error comes before the first part where it can.
    pub async fn begin(&self, asked: ResolvedRequest, caching: Caching) -> Result<SpeechStream, SpeechError> {
        let waiting = self.waiting(&asked);
        let asked = self.with_voice(asked, caching).await?;
        let key = asked.key.filter(|_| caching != Caching::Forbidden && self.parts.cache.is_enabled());
        if let Some((hit, key)) = key.and_then(|key| Some((self.hit(key, caching)?, key))) {
            return Ok(SpeechStream::kept(hit.answer, key, waiting));
        }
        let keeper = key.map(|key| CacheSlot { cache: self.parts.cache.clone(), key });
        let (key, spec, deadline) = (asked.key, asked.spec, asked.request.deadline);
        let work = Arc::new(RequestContext::new(self.parts.clone(), asked, caching, true));
        let sources = deadline.limit(SentenceSources::find(&work)).await??;
        let cache = sources.cache;
        Ok(SpeechStream::made(AnswerAssembler::begin(work, sources, spec, keeper, false)?, cache, key, waiting))
    }

    /// The whole answer, of sentences from the cache or made now, with the times of what is said.
    pub async fn speak_timed(&self, asked: ResolvedRequest, caching: Caching) -> Result<TimedSpeech, SpeechError> {
        let waiting = self.waiting(&asked);
        let asked = self.with_voice(asked, caching).await?;
        let deadline = asked.request.deadline;
        let speech = deadline.limit(self.make_timed(asked, caching)).await??;
        waiting.end(speech.cache);
        Ok(speech)
    }

    async fn make_timed(&self, asked: ResolvedRequest, caching: Caching) -> Result<TimedSpeech, SpeechError> {
        let spec = asked.spec;
        let work = Arc::new(RequestContext::new(self.parts.clone(), asked, caching, false));
        let sources = SentenceSources::find(&work).await?;
        let cache = sources.cache;
        let prepared = work.prepared().await?.clone();
        let made = AnswerAssembler::begin(work.clone(), sources, spec, None, true)?.finish();
        let ((answer, placed), words) = tokio::try_join!(made, work.words(&prepared))?;
        if placed.len() != prepared.sentences.len() {
            return Err(SpeechError::NoTimestamps(work.request.voice.clone()));
        }
        let request = work.said(&prepared).await?;
        let find = move || timed(&request, &words, &prepared, &placed);
        let (sentences, marks) = off_thread(find).await?;
        Ok(TimedSpeech { answer, cache, sentences, marks })
    }

    /// Has the voice in memory, and makes sure that its language can be phonemized.
    pub async fn load(&self, voice: &VoiceId, deadline: Deadline) -> Result<(), SpeechError> {
        let loaded = self.parts.pool.voice(voice, deadline).await?;
        let config = loaded.config();
        deadline.limit(self.parts.phonemizer.sentences(sample_word(config), config)).await??;
        let digest = self.parts.catalogue.digest(voice).await.filter(|_| self.parts.settings.measures_voices);
        if let Some(digest) = digest {
            let subject = Subject { voice: voice.clone(), speaker: None, digest };
            let admit = || Ok(Arc::new(self.parts.pool.admit()?));
            self.parts.loudness(subject, true, admit, deadline).await?;
        }
        Ok(())
    }

    /// What the network would be given for a text: of each sentence its phonemes, their ids, and how many of them the
    /// voice lacks.
    pub async fn phonemize(
        &self,
        voice: &VoiceId,
        script: &Script,
        deadline: Deadline,
    ) -> Result<Phonemized, SpeechError> {
        let voice = self.resolve(voice).ok_or_else(|| SpeechError::UnknownVoice(voice.clone()))?;
        let _admission = self.parts.pool.admit()?;
        let loaded = self.parts.pool.voice(&voice, deadline).await?;
        let config = loaded.config();
        let script = read(script, vec![language(config)]).await?;
        let sentences = self.sentences(&script, config, deadline).await?;
        let sentences = sentences.into_iter().map(|phonemes| (phoneme_ids(&phonemes, config), phonemes)).collect();
        Ok(Phonemized { voice, script, sentences })
    }

    /// Sentences of phonemes, all by one voice.
    pub(super) async fn sentences(
        &self,
        script: &Script,
        config: &VoiceConfig,
        deadline: Deadline,
    ) -> Result<Vec<Sentence>, SpeechError> {
        let mut sentences = Vec::new();
        for passage in script.passages() {
            let phonemized = deadline.limit(self.parts.phonemizer.sentences(passage.said.as_str(), config)).await?;
            let of_phonemes = |error| SpeechError::of_phonemes(error, &passage.said, script.source());
            sentences.extend(phonemized.map_err(of_phonemes)?);
        }
        Ok(sentences)
    }

    /// A text in the words of its voice's language, which is told, too. `None`: the voice's phonemes are letters.
    pub async fn read(&self, request: SynthesisRequest) -> Result<(SynthesisRequest, Option<String>), SpeechError> {
        let mut languages = Vec::new();
        for id in request.voices() {
            let voice = self.resolve(id).ok_or_else(|| SpeechError::UnknownVoice(id.clone()))?;
            let _admission = self.parts.pool.admit()?;
            let loaded = self.parts.pool.voice(&voice, request.deadline).await?;
            languages.push(language(loaded.config()));
        }
        let first = languages.first().cloned().flatten();
        Ok((SynthesisRequest { script: read(&request.script, languages).await?, ..request }, first))
    }

    pub(super) fn waiting(&self, asked: &ResolvedRequest) -> FirstAudioTimer {
        FirstAudioTimer::start((!self.parts.pool.is_background()).then(|| self.parts.metrics.clone()), asked)
    }

    /// An L1 hit crosses no mailbox and takes no permit.
    fn hit(&self, key: CacheKey, caching: Caching) -> Option<WholeSpeech> {
        if caching == Caching::Fresh {
            return None;
        }
        let answer = stage_span!("cache L1").in_scope(|| self.parts.cache.answer(&key))?;
        Some(WholeSpeech { answer, cache: CacheUse::HitL1, key: Some(key) })
    }

    /// Waits for a voice that is not here yet: before that nothing has a name.
    pub(super) async fn with_voice(
        &self,
        asked: ResolvedRequest,
        caching: Caching,
    ) -> Result<ResolvedRequest, SpeechError> {
        if caching == Caching::Only && !self.parts.cache.is_enabled() {
            return Err(SpeechError::NotCached);
        }
        let nameless = asked.digests.is_none() && caching != Caching::Forbidden && self.parts.cache.is_enabled();
        if !nameless {
            return Ok(asked);
        }
        if caching == Caching::Only {
            return Err(SpeechError::NotCached);
        }
        let _admission = self.parts.pool.admit()?;
        for voice in asked.request.voices() {
            self.parts.pool.voice(voice, asked.request.deadline).await?;
        }
        self.identify(asked.request, asked.spec).await
    }

    async fn make(&self, asked: ResolvedRequest, caching: Caching) -> Result<WholeSpeech, SpeechError> {
        let (spec, key) = (asked.spec, asked.key);
        let work = Arc::new(RequestContext::new(self.parts.clone(), asked, caching, false));
        let sources = SentenceSources::find(&work).await?;
        let cache = sources.cache;
        let (answer, _) = AnswerAssembler::begin(work, sources, spec, None, true)?.finish().await?;
        Ok(WholeSpeech { answer, cache, key })
    }
}
