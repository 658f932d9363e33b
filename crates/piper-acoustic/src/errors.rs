//! Why a voice could not be loaded, or a sentence not be computed.

use std::io::ErrorKind;

use super::decoder::DecodeError;
use super::durations::DurationError;
use super::encoder::TextEncoderError;
use super::flow::FlowError;
use super::onnx::GraphError;
use super::runtime::RuntimeError;
use super::vits::StructureError;
use super::voice_config::VoiceConfigError;

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
    Encoder(#[from] TextEncoderError),
    #[error("durations: {0}")]
    Durations(#[from] DurationError),
    #[error("the voice has {known} speakers, and none of number {found}")]
    Speaker { found: i64, known: usize },
    #[error("flow: {0}")]
    Flow(#[from] FlowError),
    #[error("decoder: {0}")]
    Decoder(#[from] DecodeError),
    #[error("the voice is not computed in parts")]
    NotInParts,
    #[error("the speakers of a voice that is computed as it came cannot be mixed")]
    NoBlend,
    #[error("the latents end at frame {known}, before those that frame {end} needs")]
    TooEarly { known: usize, end: usize },
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
