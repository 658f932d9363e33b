//! Loads a voice into whatever computes it: the kernels, or ONNX Runtime.

use std::sync::Arc;

use super::compiled::{CompiledModels, CompiledVoice};
use super::errors::LoadError;
use super::onnx_voice::OnnxVoice;
use super::runtime::OnnxRuntime;
use super::voice::{Engine, LoadedVoice, MAX_CONFIG_BYTES, VoiceFiles};
use super::voice_config::VoiceConfig;
use super::{files, native};

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
