//! The acoustic model of Piper voices: phoneme ids to samples, by kernels of its own, or by ONNX Runtime where a voice
//! has another structure. Refuses text, HTTP, caching and actors; a caller decides on which thread
//! [`LoadedVoice::infer`] runs.

mod cancel;
mod check;
mod compiled;
mod crew;
pub mod decoder;
pub mod durations;
pub mod encoder;
pub mod files;
pub mod flow;
#[cfg(fuzzing)]
mod fuzzing;
pub mod kernels;
mod latent;
mod leftovers;
mod memory;
mod native;
mod noise;
mod onnx;
mod onnx_voice;
mod prior;
mod runtime;
mod sessions;
mod vits;
mod voice_config;

use std::io::ErrorKind;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

pub use cancel::Cancel;
pub use compiled::CompiledModels;
#[cfg(fuzzing)]
pub use fuzzing::read_graph;
pub use latent::{LatentSection, SpeechLatent, SpeechPrior};
pub use leftovers::remove_leftovers;
pub use onnx::GraphError;
pub use runtime::{LanguageFiles, OnnxRuntime, RuntimeError, RuntimeFiles, RuntimeMissing, RuntimeSettings};
pub use vits::StructureError;
pub use voice_config::{BEGIN, END, InferenceDefaults, PAD, PhonemeType, VoiceConfig, VoiceConfigError};

use compiled::CompiledVoice;
use onnx_voice::OnnxVoice;

/// Larger files are no models: protocol buffers end there.
pub const MAX_MODEL_BYTES: u64 = 2 << 30;
pub const MAX_CONFIG_BYTES: u64 = 8 << 20;

/// The files of one voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceFiles {
    /// `NAME.onnx`
    pub model: PathBuf,
    /// `NAME.onnx.json`
    pub config: PathBuf,
}

/// Loads voices. Takes a good part of a second: not for an async thread.
pub trait Engine: Send + Sync {
    fn load(&self, files: &VoiceFiles) -> Result<Arc<dyn LoadedVoice>, LoadError>;

    /// Memory that the voice will take when `workers` threads compute with it, as far as its files tell.
    fn memory_needed(&self, files: &VoiceFiles, workers: usize) -> u64;
}

/// Threads that begin a sentence together; whoever has it calls [`LoadedVoice::begin`]. One of a single thread is as
/// good as any.
pub type SentenceCrew = crew::Crew<native::SentenceTask, kernels::Signal>;

/// What a further thread calls [`LoadedVoice::help`] with.
pub type SentenceHelper = crew::Helper<native::SentenceTask, kernels::Signal>;

/// What computes a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Computing {
    /// Kernels of our own, in parts.
    Kernels,
    /// ONNX Runtime, as the voice came: its structure is another, or the check of its parts failed.
    OnnxRuntime,
}

/// A voice that is ready to speak.
pub trait LoadedVoice: Send + Sync {
    fn config(&self) -> &VoiceConfig;

    /// Memory that the voice takes when `workers` threads compute with it.
    fn memory_bytes(&self, workers: usize) -> u64;

    fn computing(&self) -> Computing {
        Computing::OnnxRuntime
    }

    /// Samples of one sentence at the voice's own rate, mono, full scale at 1.0; the network may exceed it a little.
    fn infer(&self, input: &ModelInput, cancel: &Cancel) -> Result<Vec<f32>, InferError>;

    /// What has to be computed of a whole sentence before any part of it. A voice that cannot be computed in parts
    /// computes it all, and without help.
    fn begin(&self, input: &ModelInput, crew: &SentenceCrew, cancel: &Cancel) -> Result<Utterance, InferError> {
        crew.close();
        self.infer(input, cancel).map(Utterance::Whole)
    }

    /// Takes part in [`LoadedVoice::begin`] on another thread until that is over. The result is the same, however many
    /// help.
    fn help(&self, helper: &SentenceHelper) {
        let _ = helper;
    }

    /// The latents of some frames of what [`LoadedVoice::begin`] gave, as they are in the whole.
    fn flow(&self, prior: &SpeechPrior, frames: Range<usize>, cancel: &Cancel) -> Result<LatentSection, InferError> {
        let _ = (prior, frames, cancel);
        Err(InferError::NotInParts)
    }

    /// Samples of some frames, as they are in the whole.
    fn decode(&self, latent: &SpeechLatent, frames: Range<usize>, cancel: &Cancel) -> Result<Vec<f32>, InferError> {
        let _ = (latent, frames, cancel);
        Err(InferError::NotInParts)
    }
}

/// A sentence that is begun.
#[derive(Debug, Clone)]
pub enum Utterance {
    /// All of its samples.
    Whole(Vec<f32>),
    /// What the rest can be computed from, part by part.
    Prior(SpeechPrior),
}

/// One sentence as the network takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInput {
    pub ids: Vec<i64>,
    /// Ignored by voices with one speaker.
    pub speaker: i64,
    /// Speakers who speak as one in its place, and how much there is of each; on voices that are computed by kernels.
    pub blend: Vec<(i64, f32)>,
    pub noise_scale: f32,
    pub length_scale: f32,
    pub noise_w: f32,
    /// Determines the noise, on voices whose graph lets it be given.
    pub seed: u64,
}

/// Why a voice could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("could not read the voice: {0}")]
    Read(#[source] std::io::Error),
    /// Its compiled form passes through a file in memory.
    #[error("could not compile the voice in memory: {0}")]
    Compile(#[source] std::io::Error),
    #[error(transparent)]
    Config(#[from] VoiceConfigError),
    #[error("the graph has no input {0}")]
    MissingInput(&'static str),
    #[error(transparent)]
    GraphRefused(#[from] GraphError),
    /// Such a voice is computed as it came.
    #[error(transparent)]
    Structure(#[from] StructureError),
    /// Found by whoever turns text into its phonemes.
    #[error("its language cannot be spoken: {0}")]
    Language(String),
    #[error("the check of the voice's parts failed: {0}")]
    Check(#[from] InferError),
    /// It is needed for what the kernels do not compute, and for the check of what they do.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error("ONNX Runtime refused the graph: {0}")]
    Graph(#[from] ort::Error),
}

/// Why a sentence could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    #[error("inference failed: {0}")]
    Runtime(#[from] ort::Error),
    #[error("the sentence would last {frames} frames, which no speech does")]
    TooLong { frames: u64 },
    #[error("text encoder: {0}")]
    Encoder(#[from] encoder::TextEncoderError),
    #[error("durations: {0}")]
    Durations(#[from] durations::DurationError),
    #[error("the voice has {known} speakers, and none of number {found}")]
    Speaker { found: i64, known: usize },
    #[error("flow: {0}")]
    Flow(#[from] flow::FlowError),
    #[error("decoder: {0}")]
    Decoder(#[from] decoder::DecodeError),
    #[error("the voice is not computed in parts")]
    NotInParts,
    #[error("the speakers of a voice that is computed as it came cannot be mixed")]
    NoBlend,
    #[error("the latents end at frame {known}, before those that frame {end} needs")]
    TooEarly { known: usize, end: usize },
}

/// The engine on ONNX Runtime.
pub struct OnnxEngine {
    runtime: OnnxRuntime,
    models: CompiledModels,
}

// === impl LoadError ===

impl LoadError {
    /// What is wrong with the voice itself, in words that name no path. `None`: it may be loaded later.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Read(error) if !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::FileTooLarge) => None,
            Self::Compile(_) | Self::Runtime(_) => None,
            Self::Check(_) => Some("the check of its parts failed".to_owned()),
            Self::Graph(_) => Some("ONNX Runtime refused its graph".to_owned()),
            other => Some(other.to_string()),
        }
    }
}

// === impl OnnxEngine ===

impl OnnxEngine {
    pub fn new(runtime: OnnxRuntime, models: CompiledModels) -> Self {
        Self { runtime, models }
    }
}

impl Engine for OnnxEngine {
    fn load(&self, files: &VoiceFiles) -> Result<Arc<dyn LoadedVoice>, LoadError> {
        let config = VoiceConfig::parse(&files::read(&files.config, MAX_CONFIG_BYTES).map_err(LoadError::Read)?)?;
        Ok(match self.models.open(&files.model, &config)? {
            CompiledVoice::Parts(voice) => Arc::new(*voice),
            CompiledVoice::Whole(whole) => Arc::new(OnnxVoice::new(config, whole, &self.runtime)?),
        })
    }

    fn memory_needed(&self, files: &VoiceFiles, workers: usize) -> u64 {
        // A file that cannot be read fails to load, which says why.
        let file = std::fs::metadata(&files.model).map_or(0, |model| model.len());
        native::memory_needed(file, workers)
    }
}
