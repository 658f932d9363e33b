//! Owns a voice's neural network: phoneme ids in, samples out, on ONNX Runtime. Refuses graphs that do not have a Piper voice's inputs.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ort::session::RunOptions;
use ort::value::TensorRef;

use super::compiled::CompiledModels;
use super::mapped::{MappedModel, MappedSession, release_freed_memory};
use super::runtime::OnnxRuntime;
use super::voice_config::VoiceConfig;
use super::{Cancel, InferError, LoadError, LoadedVoice, ModelInput};
use crate::voices::VoiceFiles;

/// A voice in memory. Any number of threads may use it: each run takes a session. A few sessions are kept for the next runs; more than that
/// only live while they run, so that a voice's memory does not grow with the number of workers. All share the weights.
pub struct OnnxVoice {
    config: VoiceConfig,
    model: MappedModel,
    runtime: OnnxRuntime,
    idle: Mutex<Vec<MappedSession>>,
    takes_speaker: bool,
}

/// The graph's inputs: ids i64 [1, n], length i64 [1], scales f32 [3], and for multi-speaker voices the speaker i64 [1].
const INPUT: &str = "input";
const INPUT_LENGTHS: &str = "input_lengths";
const SCALES: &str = "scales";
const SPEAKER: &str = "sid";

/// What a session costs beside the shared weights, as measured with a medium voice: 12 MB when it is made, 10 MB more once it ran.
const SESSION_BYTES: u64 = 22 << 20;

/// Sessions that are kept when nothing runs. Making another takes about 70 ms.
const KEPT_SESSIONS: usize = 2;

// === impl OnnxVoice ===

impl OnnxVoice {
    pub fn load(files: &VoiceFiles, runtime: &OnnxRuntime, models: &CompiledModels) -> Result<Self, LoadError> {
        let config = VoiceConfig::parse(&read(&files.config)?)?;
        let model = models.open(&files.model)?;
        let session = model.session(runtime)?;
        if let Some(missing) = [INPUT, INPUT_LENGTHS, SCALES].into_iter().find(|name| !session.has_input(name)) {
            return Err(LoadError::MissingInput(missing));
        }
        Ok(Self {
            takes_speaker: session.has_input(SPEAKER),
            config,
            model,
            runtime: runtime.clone(),
            idle: Mutex::new(vec![session]),
        })
    }

    fn take_session(&self) -> Result<MappedSession, ort::Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.model.session(&self.runtime), Ok)
    }

    fn give_back(&self, session: MappedSession) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT_SESSIONS {
            idle.push(session);
        }
    }
}

impl LoadedVoice for OnnxVoice {
    fn config(&self) -> &VoiceConfig {
        &self.config
    }

    fn memory_bytes(&self, workers: usize) -> u64 {
        memory_bytes(self.model.bytes().len() as u64, workers)
    }

    fn infer(&self, input: &ModelInput, cancel: &Cancel) -> Result<Vec<f32>, InferError> {
        let mut session = self.take_session()?;
        let samples = run(&mut session, input, self.takes_speaker, cancel);
        self.give_back(session);
        samples
    }
}

impl Drop for OnnxVoice {
    fn drop(&mut self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        release_freed_memory();
    }
}

/// Memory that a voice keeps whose weights have this size, when `workers` threads compute with it.
pub fn memory_bytes(weights: u64, workers: usize) -> u64 {
    weights + workers.min(KEPT_SESSIONS) as u64 * SESSION_BYTES
}

fn run(
    session: &mut MappedSession,
    input: &ModelInput,
    takes_speaker: bool,
    cancel: &Cancel,
) -> Result<Vec<f32>, InferError> {
    let length = [input.ids.len() as i64];
    let scales = [input.noise_scale, input.length_scale, input.noise_w];
    let speaker = [input.speaker];
    let mut inputs = ort::inputs! {
        INPUT => TensorRef::from_array_view(([1, input.ids.len()], &input.ids[..]))?,
        INPUT_LENGTHS => TensorRef::from_array_view(([1usize], &length[..]))?,
        SCALES => TensorRef::from_array_view(([3usize], &scales[..]))?,
    };
    if takes_speaker {
        inputs.push((SPEAKER.into(), TensorRef::from_array_view(([1usize], &speaker[..]))?.into()));
    }
    // Gives the arena's memory back after each run: it would keep the peak of the longest sentence for good.
    let mut options = RunOptions::new()?;
    options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
    let options = Arc::new(options);
    let stop = options.clone();
    let _cancelled = cancel.on_cancel(move || {
        // A run that cannot be stopped ends by itself.
        let _ = stop.terminate();
    });
    let outputs = session.run(inputs.into(), &options)?;
    let (_, samples) = outputs[0].try_extract_tensor::<f32>()?;
    Ok(samples.to_vec())
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path).map_err(LoadError::Read)
}
