//! Owns computing a voice in parts: the text encoder, the durations, the noise, the flow, the decoder. Equal inputs give equal samples, because
//! the noise is drawn here, from the input's seed.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

use bytes::Bytes;
use ort::value::TensorRef;

use super::compiled::VoiceParts;
use super::decoder::{self, Decoder};
use super::encoder::{self, Encoder, Encoding};
use super::flow::{self, Flow};
use super::kernels::{ConvWeights, ShapeError};
use super::memory::release_freed_memory;
use super::noise::Noise;
use super::onnx::OnnxModel;
use super::runtime::OnnxRuntime;
use super::sessions::Sessions;
use super::stock::{INPUT, INPUT_LENGTHS, PlainInputs, SCALES, SPEAKER};
use super::vits::{StructureError, decoder_weights, encoder_weights, flow_weights, names};
use super::voice_config::VoiceConfig;
use super::{
    Cancel, Computing, InferError, LatentSection, LoadError, LoadedVoice, ModelInput, SpeechLatent, SpeechPrior,
    Utterance,
};

pub struct PartedVoice {
    config: VoiceConfig,
    encoder: Encoder,
    durations: Sessions,
    flow: Flow,
    /// What makes each coupling's condition of the speaker's embedding; empty where there is one speaker.
    flow_conditions: Vec<ConvWeights>,
    decoder: Decoder,
    decoder_condition: Option<ConvWeights>,
    /// Frames on each side that a frame's samples depend on.
    context: usize,
    takes: Takes,
    /// Memory that is kept for the next computations.
    idle: Mutex<Vec<Memory>>,
}

/// What one thread computes in.
#[derive(Default)]
struct Memory {
    encoder: encoder::Scratch,
    flow: flow::Scratch,
    decoder: decoder::Scratch,
    latents: Vec<f32>,
}

/// Which inputs the durations have beside those that each has.
struct Takes {
    speaker: bool,
    duration_noise: bool,
}

/// How long each phoneme id lasts, and who speaks.
struct Durations {
    frames: Vec<u32>,
    /// The speaker's embedding.
    speaker: Option<Vec<f32>>,
}

/// What a thread that computes keeps beside the shared weights, as measured with a medium voice: a session for the durations, and the memory of
/// the kernels.
const SESSION_BYTES: u64 = 16 << 20;

/// Memories that are kept when nothing runs.
const KEPT_MEMORIES: usize = 2;

/// Streams of noise of one seed.
const DURATION_STREAM: u64 = 0;
const LATENT_STREAM: u64 = 1;

/// The most frames of one sentence, about three minutes: what is longer is no speech.
const MAX_FRAMES: u64 = 16_384;

// === impl PartedVoice ===

impl PartedVoice {
    pub fn new(config: VoiceConfig, parts: VoiceParts, runtime: &OnnxRuntime) -> Result<Self, LoadError> {
        // Each takes a while, and needs its graph no longer.
        let ((flow, flow_conditions), encoder, (decoder, decoder_condition)) = std::thread::scope(|scope| {
            let flow = scope.spawn(|| flow_of(parts.flow));
            let encoder = encoder_of(parts.encoder)?;
            let decoder = decoder_of(parts.decoder)?;
            Ok::<_, LoadError>((joined(flow)?, encoder, decoder))
        })?;
        let durations = Sessions::new(parts.durations, runtime)?;
        for name in [INPUT, INPUT_LENGTHS, SCALES, names::HIDDEN] {
            if !durations.has_input(name)? {
                return Err(StructureError("known inputs of its durations").into());
            }
        }
        let takes = Takes {
            speaker: durations.has_input(SPEAKER)?,
            duration_noise: durations.has_input(names::DURATION_NOISE)?,
        };
        Ok(Self {
            config,
            encoder,
            durations,
            flow,
            flow_conditions,
            context: decoder.context(),
            decoder,
            decoder_condition,
            takes,
            idle: Mutex::default(),
        })
    }

    fn with_memory<T>(&self, compute: impl FnOnce(&mut Memory) -> T) -> T {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut memory = kept.unwrap_or_default();
        let result = compute(&mut memory);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT_MEMORIES {
            idle.push(memory);
        }
        result
    }

    fn durations(&self, input: &ModelInput, hidden: &[f32], cancel: &Cancel) -> Result<Durations, InferError> {
        let count = input.ids.len();
        let noise: Vec<f32> = if self.takes.duration_noise {
            Noise::new(input.seed, DURATION_STREAM).take(2 * count).collect()
        } else {
            Vec::new()
        };
        let plain = PlainInputs::new(input);
        let mut inputs = plain.values(input, self.takes.speaker)?;
        let hidden = TensorRef::from_array_view(([1, self.encoder.hidden(), count], hidden))?;
        inputs.push((names::HIDDEN.into(), hidden.into()));
        if self.takes.duration_noise {
            let noise = TensorRef::from_array_view(([1, 2, count], &noise[..]))?;
            inputs.push((names::DURATION_NOISE.into(), noise.into()));
        }
        self.durations.run(inputs.into(), cancel, |outputs| {
            let values = |name: &str| Ok::<_, ort::Error>(outputs[name].try_extract_tensor::<f32>()?.1.to_vec());
            Ok(Durations {
                frames: values(names::DURATIONS)?.into_iter().map(|frames| frames as u32).collect(),
                speaker: outputs.get(names::SPEAKER).map(|_| values(names::SPEAKER)).transpose()?,
            })
        })
    }

    fn prior(&self, input: &ModelInput, cancel: &Cancel) -> Result<SpeechPrior, InferError> {
        let encode = |memory: &mut Memory| self.encoder.run(&input.ids, &mut memory.encoder, || !cancel.is_cancelled());
        let encoding = self.with_memory(encode)?;
        let durations = self.durations(input, &encoding.hidden, cancel)?;
        let frames = durations.frames.iter().copied().map(u64::from).sum();
        if frames > MAX_FRAMES {
            return Err(InferError::TooLong { frames });
        }
        // A sentence of no frames is one, as the whole graph has it.
        let frames = frames.max(1) as usize;
        let embedding = durations.speaker.unwrap_or_default();
        let condition = |weights: &[ConvWeights]| weights.iter().flat_map(|one| pointwise(one, &embedding)).collect();
        Ok(SpeechPrior {
            frames,
            durations: durations.frames.iter().map(|frames| frames * self.decoder.hop() as u32).collect(),
            context: self.context,
            values: draw(&encoding, &durations.frames, frames, input),
            flow_condition: condition(&self.flow_conditions),
            decoder_condition: condition(self.decoder_condition.as_slice()),
        })
    }
}

impl LoadedVoice for PartedVoice {
    fn config(&self) -> &VoiceConfig {
        &self.config
    }

    fn computing(&self) -> Computing {
        Computing::Kernels
    }

    fn memory_bytes(&self, workers: usize) -> u64 {
        let own = self.encoder.memory_bytes() + self.flow.memory_bytes() + self.decoder.memory_bytes();
        own + self.durations.weights() + Sessions::kept(workers) * SESSION_BYTES
    }

    fn infer(&self, input: &ModelInput, cancel: &Cancel) -> Result<Vec<f32>, InferError> {
        let prior = self.prior(input, cancel)?;
        let frames = prior.frames;
        let section = self.flow(&prior, 0..frames, cancel)?;
        let mut latent = SpeechLatent::new(Arc::new(prior));
        latent.push(section);
        self.decode(&latent, 0..frames, cancel)
    }

    fn begin(&self, input: &ModelInput, cancel: &Cancel) -> Result<Utterance, InferError> {
        self.prior(input, cancel).map(Utterance::Prior)
    }

    fn flow(&self, prior: &SpeechPrior, frames: Range<usize>, cancel: &Cancel) -> Result<LatentSection, InferError> {
        let part = flow::Part { values: &prior.values, condition: &prior.flow_condition, frames: frames.clone() };
        let values = self.with_memory(|memory| self.flow.run(&part, &mut memory.flow, || !cancel.is_cancelled()))?;
        Ok(LatentSection { frames, values })
    }

    fn decode(&self, latent: &SpeechLatent, frames: Range<usize>, cancel: &Cancel) -> Result<Vec<f32>, InferError> {
        if !latent.is_known_for(frames.end) {
            return Err(InferError::TooEarly { known: latent.known(), end: frames.end });
        }
        let decode = |Memory { decoder, latents, .. }: &mut Memory| {
            latent.copy_around(&frames, self.decoder.channels(), latents);
            let part = decoder::Part { latents, condition: &latent.prior.decoder_condition, frames };
            self.decoder.decode(&part, decoder, || !cancel.is_cancelled())
        };
        Ok(self.with_memory(decode)?)
    }
}

impl Drop for PartedVoice {
    fn drop(&mut self) {
        self.durations.clear();
        release_freed_memory();
    }
}

fn encoder_of(part: Bytes) -> Result<Encoder, LoadError> {
    Ok(Encoder::new(&encoder_weights(&OnnxModel::parse(part)?.graph())?).map_err(unfit)?)
}

fn flow_of(part: Bytes) -> Result<(Flow, Vec<ConvWeights>), LoadError> {
    let (weights, conditions) = flow_weights(&OnnxModel::parse(part)?.graph())?;
    Ok((Flow::new(&weights).map_err(unfit)?, conditions))
}

fn decoder_of(part: Bytes) -> Result<(Decoder, Option<ConvWeights>), LoadError> {
    let (weights, condition) = decoder_weights(&OnnxModel::parse(part)?.graph())?;
    Ok((Decoder::new(&weights).map_err(unfit)?, condition))
}

fn unfit(_: ShapeError) -> StructureError {
    StructureError("weights that fit together")
}

/// What a thread of a scope gives.
pub fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Memory that a voice will keep whose file is so long, when `workers` threads compute with it. Transformed for the kernels, the weights of a
/// medium voice take two thirds more.
pub fn memory_needed(file: u64, workers: usize) -> u64 {
    file / 3 * 5 + Sessions::kept(workers) * SESSION_BYTES
}

/// The latent before the flow, [channels][frames], of ids that last so many frames.
fn draw(encoding: &Encoding, durations: &[u32], frames: usize, input: &ModelInput) -> Vec<f32> {
    let Encoding { mean, log_deviation, .. } = encoding;
    let ids = durations.len();
    let channels = mean.len() / ids.max(1);
    let mut prior = vec![0.0; channels * frames];
    let mut noise = Noise::new(input.seed, LATENT_STREAM);
    let mut deviations = vec![0.0; channels];
    let mut frame = 0;
    for (id, &count) in durations.iter().enumerate() {
        for (channel, deviation) in deviations.iter_mut().enumerate() {
            // The system's own function has other last bits on other processors.
            *deviation = libm::expf(log_deviation[channel * ids + id]) * input.noise_scale;
        }
        for _ in 0..count {
            for (channel, deviation) in deviations.iter().enumerate() {
                let noise = noise.next().unwrap_or(0.0);
                prior[channel * frames + frame] = mean[channel * ids + id] + noise * deviation;
            }
            frame += 1;
        }
    }
    prior
}

/// A convolution with a kernel of one, of a single row.
fn pointwise(weights: &ConvWeights, values: &[f32]) -> Vec<f32> {
    let rows = weights.weight.chunks_exact(weights.in_channels.max(1)).enumerate();
    let sum = |row: &[f32]| row.iter().zip(values).map(|(weight, value)| weight * value).sum::<f32>();
    rows.map(|(out, row)| sum(row) + weights.bias.get(out).copied().unwrap_or(0.0)).collect()
}
