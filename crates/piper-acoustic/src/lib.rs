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
mod engine;
mod errors;
pub mod files;
pub mod flow;
#[cfg(fuzzing)]
mod fuzzing;
mod graph_inputs;
pub mod kernels;
mod latent;
mod leftovers;
mod memory;
mod model_input;
mod native;
mod noise;
mod onnx;
mod onnx_voice;
mod prior;
mod runtime;
mod sentence;
mod sessions;
mod vits;
mod voice;
mod voice_config;

pub use cancel::Cancel;
pub use compiled::CompiledModels;
pub use engine::OnnxEngine;
pub use errors::{InferError, LoadError};
#[cfg(fuzzing)]
pub use fuzzing::read_graph;
pub use latent::{LatentSection, SpeechLatent, SpeechPrior};
pub use leftovers::remove_leftovers;
pub use model_input::ModelInput;
pub use onnx::GraphError;
pub use runtime::{LanguageFiles, OnnxRuntime, RuntimeError, RuntimeFiles, RuntimeMissing, RuntimeSettings};
pub use sentence::{SentenceCrew, SentenceHelper};
pub use vits::StructureError;
pub use voice::{Computing, Engine, LoadedVoice, MAX_CONFIG_BYTES, MAX_MODEL_BYTES, Utterance, VoiceFiles};
pub use voice_config::{BEGIN, END, InferenceDefaults, PAD, PhonemeType, VoiceConfig, VoiceConfigError};
