//! Owns a voice's neural network: phoneme ids in, samples out, on ONNX Runtime. Refuses graphs that do not have a Piper voice's inputs.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ort::session::{RunOptions, Session};
use ort::value::TensorRef;

use super::runtime::OnnxRuntime;
use super::voice_config::VoiceConfig;
use super::{InferError, LoadError, LoadedVoice, ModelInput};
use crate::voices::VoiceFiles;

/// A voice in memory. Any number of threads may use it: each run takes a session, and there are as many sessions as ever ran at once.
pub struct OnnxVoice {
    config: VoiceConfig,
    files: VoiceFiles,
    runtime: OnnxRuntime,
    idle: Mutex<Vec<Session>>,
    takes_speaker: bool,
}

/// The graph's inputs: ids i64 [1, n], length i64 [1], scales f32 [3], and for multi-speaker voices the speaker i64 [1].
const INPUT: &str = "input";
const INPUT_LENGTHS: &str = "input_lengths";
const SCALES: &str = "scales";
const SPEAKER: &str = "sid";

// === impl OnnxVoice ===

impl OnnxVoice {
    pub fn load(files: &VoiceFiles, runtime: &OnnxRuntime) -> Result<Self, LoadError> {
        let config = VoiceConfig::parse(&read(&files.config)?)?;
        let session = runtime.session(&files.model)?;
        let has = |name: &str| session.inputs().iter().any(|input| input.name() == name);
        if let Some(missing) = [INPUT, INPUT_LENGTHS, SCALES].into_iter().find(|name| !has(name)) {
            return Err(LoadError::MissingInput(missing));
        }
        Ok(Self {
            takes_speaker: has(SPEAKER),
            config,
            files: files.clone(),
            runtime: runtime.clone(),
            idle: Mutex::new(vec![session]),
        })
    }

    fn take_session(&self) -> Result<Session, ort::Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.runtime.session(&self.files.model), Ok)
    }

    fn give_back(&self, session: Session) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }
}

impl LoadedVoice for OnnxVoice {
    fn config(&self) -> &VoiceConfig {
        &self.config
    }

    fn infer(&self, input: &ModelInput) -> Result<Vec<f32>, InferError> {
        let mut session = self.take_session()?;
        let samples = run(&mut session, input, self.takes_speaker);
        self.give_back(session);
        samples
    }
}

fn run(session: &mut Session, input: &ModelInput, takes_speaker: bool) -> Result<Vec<f32>, InferError> {
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
    let outputs = session.run_with_options(inputs, &options)?;
    let (_, samples) = outputs[0].try_extract_tensor::<f32>()?;
    Ok(samples.to_vec())
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path).map_err(LoadError::Read)
}
