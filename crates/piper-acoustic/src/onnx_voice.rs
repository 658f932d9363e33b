//! Owns computing a voice's graph as it is, on ONNX Runtime: for graphs that cannot be taken apart. Refuses graphs that
//! do not have a Piper voice's inputs. The noise is the runtime's own: equal sentences sound alike, but are not equal.

use std::borrow::Cow;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use bytes::Bytes;
use ort::session::{RunOptions, Session, SessionInputValue, SessionOutputs};
use ort::value::TensorRef;

use super::cancel::Cancel;
use super::errors::{InferError, LoadError};
use super::graph_inputs::{INPUT, INPUT_LENGTHS, SCALES, SPEAKER};
use super::memory::release_freed_memory;
use super::model_input::ModelInput;
use super::runtime::OnnxRuntime;
use super::sessions::OnnxSessions;
use super::voice::LoadedVoice;
use super::voice_config::VoiceConfig;

pub struct OnnxVoice {
    config: VoiceConfig,
    sessions: OnnxSessions,
    takes_speaker: bool,
}

/// What a graph reads beside the ids.
pub struct PlainInputs {
    length: [i64; 1],
    scales: [f32; 3],
    speaker: [i64; 1],
}

pub type NamedInputs<'a> = Vec<(Cow<'a, str>, SessionInputValue<'a>)>;

/// Of a sentence that is computed to see whether a graph is what it seems; a medium voice takes 0.2 seconds.
const LONGEST_RUN: Duration = Duration::from_secs(30);

/// What a session costs beside the shared weights, as measured with a medium voice: 12 MB when it is made, 10 MB more
/// once it ran.
const SESSION_BYTES: u64 = 22 << 20;

// === impl OnnxVoice ===

impl OnnxVoice {
    pub fn new(config: VoiceConfig, model: Bytes, runtime: &OnnxRuntime) -> Result<Self, LoadError> {
        let sessions = OnnxSessions::new(model, runtime)?;
        for name in [INPUT, INPUT_LENGTHS, SCALES] {
            if !sessions.has_input(name)? {
                return Err(LoadError::MissingInput(name));
            }
        }
        Ok(Self { takes_speaker: sessions.has_input(SPEAKER)?, config, sessions })
    }
}

impl LoadedVoice for OnnxVoice {
    fn config(&self) -> &VoiceConfig {
        &self.config
    }

    fn memory_bytes(&self, workers: usize) -> u64 {
        self.sessions.weights() + OnnxSessions::kept(workers) * SESSION_BYTES
    }

    fn infer(&self, input: &ModelInput, cancel: &Cancel) -> Result<Vec<f32>, InferError> {
        if !input.blend.is_empty() {
            return Err(InferError::NoBlend);
        }
        let plain = PlainInputs::new(input);
        self.sessions.run(plain.values(input, self.takes_speaker)?.into(), cancel, samples)
    }
}

impl Drop for OnnxVoice {
    fn drop(&mut self) {
        self.sessions.clear();
        release_freed_memory();
    }
}

impl PlainInputs {
    pub fn new(input: &ModelInput) -> Self {
        Self {
            length: [input.ids.len() as i64],
            scales: [input.noise_scale, input.length_scale, input.noise_w],
            speaker: [input.speaker],
        }
    }

    pub fn values<'a>(&'a self, input: &'a ModelInput, takes_speaker: bool) -> Result<NamedInputs<'a>, ort::Error> {
        let mut inputs = ort::inputs! {
            INPUT => TensorRef::from_array_view(([1, input.ids.len()], &input.ids[..]))?,
            INPUT_LENGTHS => TensorRef::from_array_view(([1usize], &self.length[..]))?,
            SCALES => TensorRef::from_array_view(([3usize], &self.scales[..]))?,
        };
        if takes_speaker {
            inputs.push((SPEAKER.into(), TensorRef::from_array_view(([1usize], &self.speaker[..]))?.into()));
        }
        Ok(inputs)
    }
}

/// Samples of one sentence, from a graph that is not kept.
pub fn infer_once(source: &[u8], input: &ModelInput, runtime: &OnnxRuntime) -> Result<Vec<f32>, InferError> {
    let mut session = runtime.unoptimised(source)?;
    let takes_speaker = session.inputs().iter().any(|input| input.name() == SPEAKER);
    let plain = PlainInputs::new(input);
    run_bounded(&mut session, plain.values(input, takes_speaker)?)
}

/// The first output of a graph. One that takes longer than any voice is stopped: others wait to be loaded.
pub fn run_bounded(session: &mut Session, values: NamedInputs<'_>) -> Result<Vec<f32>, InferError> {
    let options = &RunOptions::new()?;
    let (done, is_done) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if is_done.recv_timeout(LONGEST_RUN) == Err(RecvTimeoutError::Timeout) {
                // A run that cannot be stopped ends by itself.
                let _ = options.terminate();
            }
        });
        let samples = session.run_with_options(values, options).and_then(|outputs| samples(&outputs));
        drop(done);
        Ok(samples?)
    })
}

fn samples(outputs: &SessionOutputs<'_>) -> Result<Vec<f32>, ort::Error> {
    Ok(outputs[0].try_extract_tensor::<f32>()?.1.to_vec())
}
