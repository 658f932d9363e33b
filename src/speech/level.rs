//! Owns bringing voices to the level that a request asks for: how loud a voice is as it was trained is measured once,
//! on a text in its language, and what it says is multiplied by the factor from there.

use std::sync::Arc;

use futures_util::StreamExt;
use piper_acoustic::VoiceConfig;

use super::SpeechError;
use super::entries::off_thread;
use super::plan::{SynthesisParams, planned};
use super::samples::sample_text;
use super::speakers::Speakers;
use super::types::Caching;
use super::work::{RequestContext, SpeechParts};
use crate::audio::loudness;
use crate::cache::{CacheKey, KeyBuilder};
use crate::domain::{Deadline, Level, Prosody, Speaker, VoiceId};
use crate::pool::{Admission, CpuTime, SentenceJob};
use crate::voices::VoiceDigest;

/// What becomes of what a voice says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Levelling {
    AsTrained,
    /// It is multiplied, and its peaks are limited.
    Factor(f32),
    /// Each sentence is scaled to full level.
    FullPeaks,
}

/// A voice that is to be measured.
#[derive(Debug, Clone)]
pub struct Subject {
    pub voice: VoiceId,
    pub speaker: Option<Speaker>,
    pub digest: VoiceDigest,
}

/// Of one run of the network. The same everywhere, as what is measured depends on it.
const MAX_PHONEMES: usize = 400;

/// For voices whose phonemes are letters.
const LETTERS: usize = 40;

// === impl RequestContext ===

impl RequestContext {
    /// What becomes of what each of its voices says, in their order. Voices that were not measured yet are.
    pub async fn levelling(self: &Arc<Self>) -> Result<Vec<Levelling>, SpeechError> {
        let mut levelling = Vec::new();
        for (index, (voice, speaker)) in self.request.cast().enumerate() {
            levelling.push(match self.request.prosody.level() {
                Level::AsTrained => Levelling::AsTrained,
                Level::FullPeaks => Levelling::FullPeaks,
                Level::Loudness(wanted) => {
                    let digest = match self.digests.as_ref().and_then(|digests| digests.get(index)) {
                        Some(digest) => Some(*digest),
                        // It has come in the meantime.
                        None => self.parts().catalogue.digest(voice).await,
                    };
                    let digest = digest.ok_or_else(|| SpeechError::VoiceLoading(voice.clone()))?;
                    let subject = Subject { voice: voice.clone(), speaker: speaker.cloned(), digest };
                    let may_measure = self.caching() != Caching::Only;
                    let admit = || self.admission();
                    let measured = self.parts().loudness(subject, may_measure, admit, self.deadline()).await?;
                    Levelling::Factor(wanted.factor_from(measured))
                }
            });
        }
        Ok(levelling)
    }
}

// === impl SpeechParts ===

impl SpeechParts {
    /// How loud a voice is, in LUFS, measured now if it was not before and if that may be. `None`: it is silent.
    pub async fn loudness(
        &self,
        subject: Subject,
        may_measure: bool,
        admit: impl Fn() -> Result<Arc<Admission>, SpeechError>,
        deadline: Deadline,
    ) -> Result<Option<f64>, SpeechError> {
        let Subject { voice, speaker, digest } = &subject;
        if let Some(known) = self.catalogue.loudness(voice, digest, speaker.as_ref()) {
            return Ok(known);
        }
        if !may_measure {
            return Err(SpeechError::NotCached);
        }
        let admission = admit()?;
        let lead = || {
            let (parts, subject, admission) = (self.clone(), subject.clone(), admission.clone());
            async move {
                let measured = parts.measure(&subject, &admission, deadline).await?;
                let Subject { voice, speaker, digest } = &subject;
                parts.catalogue.keep_loudness(voice, digest, speaker.as_ref(), measured).await;
                tracing::info!(%voice, lufs = measured, "the loudness of a voice was measured");
                Ok(measured)
            }
        };
        self.measuring.join(subject.key(), deadline, lead).await
    }

    async fn measure(
        &self,
        subject: &Subject,
        admission: &Admission,
        deadline: Deadline,
    ) -> Result<Option<f64>, SpeechError> {
        let voice = self.pool.voice(&subject.voice, deadline).await?;
        let config = voice.config();
        let speakers = Speakers::of_voice(subject.speaker.as_ref(), &subject.voice, &*voice)?;
        let manner = SynthesisParams {
            speakers: &speakers,
            prosody: &Prosody::default(),
            rate: 1.0,
            config,
            digest: subject.digest,
            max_phonemes: MAX_PHONEMES,
        };
        let sentences = match deadline.limit(self.phonemizer.sentences(&text_for(config), config)).await? {
            Ok(sentences) => sentences,
            Err(error) => match error.into() {
                // Another text than this might be spoken, by which it cannot be measured.
                SpeechError::Unspeakable => return Ok(None),
                error => return Err(error),
            },
        };
        let mut parts = Vec::new();
        for (index, sentence) in planned(sentences, 0, &manner).into_iter().enumerate() {
            let job = SentenceJob {
                voice_id: subject.voice.clone(),
                voice: voice.clone(),
                input: sentence.input,
                index,
                first_sound: false,
                deadline,
                cost: CpuTime::default(),
            };
            let mut stretches = self.pool.synthesize(admission, job).await?;
            while let Some(stretch) = stretches.next().await {
                parts.push(stretch?.pcm);
            }
        }
        let measured = off_thread(move || loudness(&parts)).await?;
        // As it is kept.
        Ok(measured.map(|lufs| (lufs * 100.0).round() / 100.0))
    }
}

// === impl Subject ===

impl Subject {
    fn key(&self) -> CacheKey {
        let speaker = self.speaker.as_ref().map(|speaker| format!("{speaker:?}"));
        KeyBuilder::new("loudness").part("voice", self.digest.as_bytes()).optional("speaker", speaker).finish()
    }
}

fn text_for(config: &VoiceConfig) -> String {
    if let Some(language) = config.language() {
        return sample_text(language).to_owned();
    }
    let mut letters: Vec<&str> = config.phoneme_ids.keys().map(String::as_str).collect();
    letters.retain(|letter| letter.chars().all(char::is_alphabetic));
    letters.sort_unstable();
    letters.truncate(LETTERS);
    letters.concat()
}
