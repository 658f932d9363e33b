//! A voice as a caller has it: the files that it is loaded from, loading it, and computing a sentence, whole or part by
//! part. Refuses to know how it is computed.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::cancel::Cancel;
use super::errors::{InferError, LoadError};
use super::latent::{LatentSection, SpeechLatent, SpeechPrior};
use super::model_input::ModelInput;
use super::sentence::{SentenceCrew, SentenceHelper};
use super::voice_config::VoiceConfig;

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
