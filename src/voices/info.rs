//! Owns the description of a voice: put together from its files, the catalogue and its name.

use crate::domain::VoiceId;

use super::folder::InstalledVoice;
use super::published::{PublishedVoice, told_by_id};
use super::quality::MeasuredQuality;
use super::snapshot::PublicVoice;

/// A voice as people and programs see it. What is not known is `None` or empty.
#[derive(Debug, Clone, PartialEq)]
pub struct VoiceInfo {
    pub id: VoiceId,
    /// Such as `en_US`.
    pub language: Option<String>,
    /// Such as `medium`.
    pub quality: Option<String>,
    /// In hertz; known of installed voices.
    pub sample_rate: Option<u32>,
    pub speakers: Option<u32>,
    /// In the order of their numbers; empty if they have none.
    pub speaker_names: Vec<String>,
    pub installed: bool,
    /// Why it cannot speak, as far as that is known.
    pub problem: Option<String>,
    /// In LUFS, of its own speaker, if it was measured.
    pub loudness: Option<f64>,
    /// How well it is understood, if that was measured.
    pub measured_quality: Option<MeasuredQuality>,
    /// Model and config, on disk or to be fetched.
    pub size_bytes: Option<u64>,
    /// Of the model, if it was downloaded and verified.
    pub sha256: Option<String>,
    /// As the model card words it; `unknown` for an installed voice without one.
    pub license: Option<String>,
    /// Where the recordings come from.
    pub dataset: Option<String>,
    /// What the card says of the training.
    pub training: Option<String>,
    pub aliases: Vec<VoiceId>,
}

/// Why a voice whose phonemes have a type of their own cannot speak.
pub fn foreign_phonemes(phoneme_type: &str) -> String {
    format!("its phonemes are of the type {phoneme_type}, which this service does not make")
}

/// What is known of a voice.
pub struct VoiceFacts<'a> {
    pub installed: Option<&'a InstalledVoice>,
    /// What was found wrong when it was loaded.
    pub problem: Option<&'a String>,
    pub loudness: Option<f64>,
    pub quality: Option<MeasuredQuality>,
    pub published: Option<&'a PublishedVoice>,
    /// By the list that comes with the program.
    pub public: Option<&'a PublicVoice>,
}

// === impl VoiceInfo ===

impl VoiceInfo {
    pub fn new(id: &VoiceId, known: &VoiceFacts<'_>) -> Self {
        let (language, quality) = told_by_id(id);
        let mut info = Self {
            id: id.clone(),
            language,
            quality,
            sample_rate: None,
            speakers: known.public.and_then(|public| public.speakers),
            speaker_names: Vec::new(),
            installed: false,
            problem: known.problem.cloned().or_else(|| known.public?.foreign_phonemes.map(foreign_phonemes)),
            loudness: known.loudness,
            measured_quality: known.quality,
            size_bytes: None,
            sha256: None,
            license: None,
            dataset: None,
            training: None,
            aliases: Vec::new(),
        };
        if let Some(published) = known.published {
            info.add_published(published);
        }
        if let Some(installed) = known.installed {
            info.add_installed(installed);
        }
        info
    }

    fn add_published(&mut self, voice: &PublishedVoice) {
        self.language = voice.language.clone().or(self.language.take());
        self.quality = voice.quality.clone().or(self.quality.take());
        self.speakers = Some(voice.speakers);
        self.speaker_names.clone_from(&voice.speaker_names);
        self.size_bytes = Some(voice.model.size + voice.config.size);
        self.aliases.clone_from(&voice.aliases);
    }

    fn add_installed(&mut self, voice: &InstalledVoice) {
        self.installed = true;
        self.problem = self.problem.take().or_else(|| voice.problem.clone());
        self.size_bytes = Some(voice.size);
        self.sha256 = voice.expected.as_ref().and_then(|expected| expected.model.clone());
        self.license = Some(voice.license());
        if let Some((_, card)) = &voice.card {
            self.dataset.clone_from(&card.dataset);
            self.training.clone_from(&card.training);
        }
        if let Some(summary) = &voice.summary {
            self.language = self.language.take().or_else(|| summary.language.clone());
            self.sample_rate = Some(summary.sample_rate);
            self.speakers = Some(summary.speakers);
            self.speaker_names.clone_from(&summary.speaker_names);
        }
    }
}
