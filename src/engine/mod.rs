//! Owns speech itself: text to phonemes, phonemes to ids, ids to samples. The only place that knows ONNX Runtime and espeak-ng. Refuses
//! HTTP, caching and actors; a caller decides on which thread [`LoadedVoice::infer`] runs.

mod cancel;
mod compiled;
pub mod decoder;
mod defuse;
mod espeak;
pub mod flow;
pub mod kernels;
mod mapped;
mod model;
mod onnx;
mod phonemes;
mod phonemizer;
mod runtime;
mod tashkeel;
mod voice_config;

use std::sync::Arc;

pub use cancel::Cancel;
pub use compiled::CompiledModels;
pub use espeak::{ChildArgs, EspeakError, EspeakPool, EspeakSettings, run_child};
pub use model::OnnxVoice;
pub use onnx::GraphError;
pub use phonemes::{Phoneme, PhonemeIds, Sentence, bounded, phoneme_ids};
pub use phonemizer::{PhonemizeError, Phonemizer};
pub use runtime::{OnnxRuntime, RuntimeError, RuntimeFiles, RuntimeMissing, RuntimeSettings};
pub use voice_config::{InferenceDefaults, PhonemeType, VoiceConfig, VoiceConfigError};

use crate::voices::VoiceFiles;

/// Loads voices. Takes a good part of a second: not for an async thread.
pub trait Engine: Send + Sync {
    fn load(&self, files: &VoiceFiles) -> Result<Arc<dyn LoadedVoice>, LoadError>;

    /// Memory that the voice will take when `workers` threads compute with it, as far as its files tell.
    fn memory_needed(&self, files: &VoiceFiles, workers: usize) -> u64;
}

/// A voice that is ready to speak.
pub trait LoadedVoice: Send + Sync {
    fn config(&self) -> &VoiceConfig;

    /// Memory that the voice takes when `workers` threads compute with it.
    fn memory_bytes(&self, workers: usize) -> u64;

    /// Samples of one sentence at the voice's own rate, mono, full scale at 1.0; the network may exceed it a little.
    fn infer(&self, input: &ModelInput, cancel: &Cancel) -> Result<Vec<f32>, InferError>;
}

/// One sentence as the network takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInput {
    pub ids: Vec<i64>,
    /// Ignored by voices with one speaker.
    pub speaker: i64,
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
    #[error(transparent)]
    Config(#[from] VoiceConfigError),
    #[error("the graph has no input {0}")]
    MissingInput(&'static str),
    #[error(transparent)]
    GraphRefused(#[from] GraphError),
    #[error("ONNX Runtime refused the graph: {0}")]
    Graph(#[from] ort::Error),
}

/// Why a sentence could not be computed.
#[derive(Debug, thiserror::Error)]
#[error("inference failed: {0}")]
pub struct InferError(#[from] ort::Error);

/// The engine on ONNX Runtime.
pub struct OnnxEngine {
    runtime: OnnxRuntime,
    models: CompiledModels,
}

// === impl OnnxEngine ===

impl OnnxEngine {
    pub fn new(runtime: OnnxRuntime, models: CompiledModels) -> Self {
        Self { runtime, models }
    }
}

impl Engine for OnnxEngine {
    fn load(&self, files: &VoiceFiles) -> Result<Arc<dyn LoadedVoice>, LoadError> {
        Ok(Arc::new(OnnxVoice::load(files, &self.runtime, &self.models)?))
    }

    fn memory_needed(&self, files: &VoiceFiles, workers: usize) -> u64 {
        // A file that cannot be read fails to load, which says why.
        let weights = std::fs::metadata(&files.model).map_or(0, |model| model.len());
        model::memory_bytes(weights, workers)
    }
}
