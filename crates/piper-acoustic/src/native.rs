//! Owns computing a voice in parts: the text encoder, the durations, the noise, the flow, the decoder. Equal inputs
//! give equal samples, because the noise is drawn here, from the input's seed.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

use super::cancel::Cancel;
use super::decoder::{self, Decoder};
use super::durations::{self, DurationPredictor};
use super::encoder::{self, Encoding, TextEncoder};
use super::errors::{InferError, LoadError};
use super::flow::{self, Flow};
use super::kernels::simd::SimdLevel;
use super::kernels::{ConvWeights, ShapeError, Signal};
use super::latent::{LatentSection, SpeechLatent, SpeechPrior};
use super::memory::release_freed_memory;
use super::model_input::ModelInput;
use super::noise::Noise;
use super::onnx::OnnxModel;
use super::prior::{DURATION_STREAM, Prior};
use super::sentence::{SentenceCrew, SentenceHelper, SentenceTask};
use super::vits::{
    GraphBoundaries, StructureError, decoder_weights, duration_weights, encoder_weights, flow_weights,
    speaker_embeddings,
};
use super::voice::{Computing, LoadedVoice, Utterance};
use super::voice_config::VoiceConfig;

pub struct NativeVoice {
    config: VoiceConfig,
    encoder: TextEncoder,
    durations: DurationPredictor,
    /// What makes the durations' condition of the speaker's embedding.
    duration_condition: Option<ConvWeights>,
    /// Absent where there is one speaker.
    speakers: Option<SpeakerEmbeddings>,
    flow: Flow,
    /// What makes each coupling's condition of the speaker's embedding; empty where there is one speaker.
    flow_conditions: Vec<ConvWeights>,
    decoder: Decoder,
    decoder_condition: Option<ConvWeights>,
    /// Frames on each side that a frame's samples depend on.
    context: usize,
    level: SimdLevel,
    /// Memory that is kept for the next computations.
    idle: Mutex<Vec<Memory>>,
}

/// What one thread computes in.
struct Memory {
    encoder: encoder::EncoderScratch,
    durations: durations::DurationsScratch,
    flow: flow::FlowScratch,
    decoder: decoder::DecoderScratch,
    latents: Vec<f32>,
}

/// The embeddings of those who speak.
struct SpeakerEmbeddings {
    /// `[speaker][value]`
    embeddings: Vec<f32>,
    width: usize,
}

/// What a thread that computes keeps beside the shared weights, as measured with a medium voice.
const MEMORY_BYTES: u64 = 16 << 20;

/// Memories that are kept when nothing runs.
const KEPT_MEMORIES: usize = 2;

/// The most frames of one sentence, about three minutes: what is longer is no speech.
const MAX_FRAMES: u64 = 16_384;

// === impl NativeVoice ===

impl NativeVoice {
    /// Takes the weights out of a model that can be taken apart at these boundaries, and computes with these
    /// instructions.
    pub fn new(
        config: VoiceConfig,
        model: OnnxModel,
        boundaries: &GraphBoundaries,
        level: SimdLevel,
    ) -> Result<Self, LoadError> {
        let [encoder, durations, flow, decoder] =
            [boundaries.encoder(), boundaries.durations(), boundaries.flow(), boundaries.decoder()]
                .map(|cut| model.cut(&cut));
        let speakers = boundaries.speakers().map(|cut| SpeakerEmbeddings::of(&model.cut(&cut))).transpose()?;
        // Each part takes a while, and is let go as soon as its weights are taken.
        drop(model);
        let ((flow, flow_conditions), encoder, (decoder, decoder_condition)) = std::thread::scope(|scope| {
            let flow = scope.spawn(|| flow_of(flow));
            let encoder = encoder_of(encoder)?;
            let decoder = decoder_of(decoder)?;
            Ok::<_, LoadError>((joined(flow)?, encoder, decoder))
        })?;
        let (durations, duration_condition) = durations_of(durations)?;
        Ok(Self {
            config,
            encoder,
            durations,
            duration_condition,
            speakers,
            flow,
            flow_conditions,
            context: decoder.context(),
            decoder,
            decoder_condition,
            level,
            idle: Mutex::default(),
        })
    }

    fn with_memory<T>(&self, compute: impl FnOnce(&mut Memory) -> T) -> T {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut memory = kept.unwrap_or_else(|| Memory::new(self.level));
        let result = compute(&mut memory);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT_MEMORIES {
            idle.push(memory);
        }
        result
    }

    /// What the text encoder says of the input.
    pub fn encode(&self, input: &ModelInput, crew: &SentenceCrew, cancel: &Cancel) -> Result<Encoding, InferError> {
        let share =
            |tasks: Vec<encoder::EncoderTask>| self.share(crew, tasks.into_iter().map(SentenceTask::Encoder), cancel);
        Ok(self.encoder.run_shared(&input.ids, crew.size(), share)?)
    }

    fn share(
        &self,
        crew: &SentenceCrew,
        tasks: impl Iterator<Item = SentenceTask>,
        cancel: &Cancel,
    ) -> Option<Vec<Signal>> {
        self.with_memory(|memory| {
            crew.share(tasks.collect(), |task| self.compute(task, memory), || !cancel.is_cancelled())
        })
    }

    fn compute(&self, task: &SentenceTask, memory: &mut Memory) -> Signal {
        match task {
            SentenceTask::Encoder(task) => self.encoder.compute(task, &mut memory.encoder),
            SentenceTask::Durations(task) => self.durations.compute(task, &mut memory.durations),
        }
    }

    /// The noise of the durations, `[2][id]`; none where they are not random.
    pub fn duration_noise(&self, input: &ModelInput) -> Vec<f32> {
        let count = if self.durations.takes_noise() { 2 * input.ids.len() } else { 0 };
        Noise::new(input.seed, DURATION_STREAM).take(count).collect()
    }

    /// The embedding of the input's speaker; empty where there is one.
    pub fn embedding(&self, input: &ModelInput) -> Result<Cow<'_, [f32]>, InferError> {
        match &self.speakers {
            None => Ok(Cow::Borrowed(&[])),
            Some(speakers) if input.blend.is_empty() => speakers.embedding(input.speaker).map(Cow::Borrowed),
            Some(speakers) => speakers.mixed(&input.blend).map(Cow::Owned),
        }
    }

    /// For how many frames each id of an encoding is heard, before they are made whole.
    pub fn frames(
        &self,
        input: &ModelInput,
        hidden: &[f32],
        crew: &SentenceCrew,
        cancel: &Cancel,
    ) -> Result<Vec<f32>, InferError> {
        let embedding = self.embedding(input)?;
        let condition = self.duration_condition.as_ref().map(|weights| pointwise(weights, &embedding));
        let mut noise = self.duration_noise(input);
        for value in &mut noise {
            *value *= input.noise_w;
        }
        let part = durations::DurationsInput {
            hidden,
            condition: &condition.unwrap_or_default(),
            noise: &noise,
            length_scale: input.length_scale,
        };
        let share = |tasks: Vec<durations::DurationsTask>| {
            self.share(crew, tasks.into_iter().map(SentenceTask::Durations), cancel)
        };
        Ok(self.durations.run_shared(&part, crew.size(), share)?)
    }

    fn prior(&self, input: &ModelInput, crew: &SentenceCrew, cancel: &Cancel) -> Result<SpeechPrior, InferError> {
        let embedding = self.embedding(input)?;
        let Encoding { hidden, mean, log_deviation } = self.encode(input, crew, cancel)?;
        let durations = self.frames(input, &hidden, crew, cancel)?;
        crew.close();
        let durations: Vec<u32> = durations.into_iter().map(|frames| frames.ceil() as u32).collect();
        let frames = durations.iter().copied().map(u64::from).sum();
        if frames > MAX_FRAMES {
            return Err(InferError::TooLong { frames });
        }
        // A sentence of no frames is one, as the whole graph has it.
        let frames = frames.max(1) as usize;
        let condition = |weights: &[ConvWeights]| weights.iter().flat_map(|one| pointwise(one, &embedding)).collect();
        Ok(SpeechPrior {
            frames,
            durations: durations.iter().map(|frames| frames * self.decoder.hop() as u32).collect(),
            context: self.context,
            values: Prior::new([mean, log_deviation], durations, frames, input),
            flow_condition: condition(&self.flow_conditions),
            decoder_condition: condition(self.decoder_condition.as_slice()),
        })
    }
}

impl LoadedVoice for NativeVoice {
    fn config(&self) -> &VoiceConfig {
        &self.config
    }

    fn computing(&self) -> Computing {
        Computing::Kernels
    }

    fn memory_bytes(&self, workers: usize) -> u64 {
        let before = self.encoder.memory_bytes() + self.durations.memory_bytes();
        let behind = self.flow.memory_bytes() + self.decoder.memory_bytes();
        before + behind + kept_memories(workers) * MEMORY_BYTES
    }

    fn infer(&self, input: &ModelInput, cancel: &Cancel) -> Result<Vec<f32>, InferError> {
        let prior = self.prior(input, &SentenceCrew::new(1), cancel)?;
        let frames = prior.frames;
        let section = self.flow(&prior, 0..frames, cancel)?;
        let mut latent = SpeechLatent::new(Arc::new(prior));
        latent.push(section);
        self.decode(&latent, 0..frames, cancel)
    }

    fn begin(&self, input: &ModelInput, crew: &SentenceCrew, cancel: &Cancel) -> Result<Utterance, InferError> {
        self.prior(input, crew, cancel).map(Utterance::Prior)
    }

    fn help(&self, helper: &SentenceHelper) {
        self.with_memory(|memory| helper.help(|task| self.compute(task, memory)));
    }

    fn flow(&self, prior: &SpeechPrior, frames: Range<usize>, cancel: &Cancel) -> Result<LatentSection, InferError> {
        let values = prior.values.values(self.flow.input_range(frames.clone(), prior.frames).end);
        let part = flow::FlowInput { values, condition: &prior.flow_condition, frames: frames.clone() };
        let values = self.with_memory(|memory| self.flow.run(&part, &mut memory.flow, || !cancel.is_cancelled()))?;
        Ok(LatentSection { frames, values })
    }

    fn decode(&self, latent: &SpeechLatent, frames: Range<usize>, cancel: &Cancel) -> Result<Vec<f32>, InferError> {
        if !latent.is_known_for(frames.end) {
            return Err(InferError::TooEarly { known: latent.known(), end: frames.end });
        }
        let decode = |Memory { decoder, latents, .. }: &mut Memory| {
            latent.copy_around(&frames, self.decoder.channels(), latents);
            let part = decoder::DecoderInput { latents, condition: &latent.prior.decoder_condition, frames };
            self.decoder.decode(&part, decoder, || !cancel.is_cancelled())
        };
        Ok(self.with_memory(decode)?)
    }
}

impl Drop for NativeVoice {
    fn drop(&mut self) {
        release_freed_memory();
    }
}

// === impl Memory ===

impl Memory {
    fn new(level: SimdLevel) -> Self {
        Self {
            encoder: encoder::EncoderScratch::new(level),
            durations: durations::DurationsScratch::new(level),
            flow: flow::FlowScratch::new(level),
            decoder: decoder::DecoderScratch::new(level),
            latents: Vec::new(),
        }
    }
}

// === impl SpeakerEmbeddings ===

impl SpeakerEmbeddings {
    fn of(part: &OnnxModel) -> Result<Self, LoadError> {
        let (embeddings, width) = speaker_embeddings(&part.graph())?;
        Ok(Self { embeddings, width })
    }

    fn embedding(&self, found: i64) -> Result<&[f32], InferError> {
        let mut all = self.embeddings.chunks_exact(self.width);
        let known = all.len();
        usize::try_from(found).ok().and_then(|number| all.nth(number)).ok_or(InferError::Speaker { found, known })
    }

    fn mixed(&self, blend: &[(i64, f32)]) -> Result<Vec<f32>, InferError> {
        let mut mixed = vec![0.0; self.width];
        for (speaker, share) in blend {
            for (value, own) in mixed.iter_mut().zip(self.embedding(*speaker)?) {
                *value += share * own;
            }
        }
        Ok(mixed)
    }
}

// === helpers ===

fn encoder_of(part: OnnxModel) -> Result<TextEncoder, LoadError> {
    let weights = encoder_weights(&part.graph())?;
    drop(part);
    Ok(TextEncoder::new(&weights).map_err(unfit)?)
}

fn durations_of(part: OnnxModel) -> Result<(DurationPredictor, Option<ConvWeights>), LoadError> {
    let (weights, condition) = duration_weights(&part.graph())?;
    drop(part);
    Ok((DurationPredictor::new(&weights).map_err(unfit)?, condition))
}

fn flow_of(part: OnnxModel) -> Result<(Flow, Vec<ConvWeights>), LoadError> {
    let (weights, conditions) = flow_weights(&part.graph())?;
    drop(part);
    Ok((Flow::new(&weights).map_err(unfit)?, conditions))
}

fn decoder_of(part: OnnxModel) -> Result<(Decoder, Option<ConvWeights>), LoadError> {
    let (weights, condition) = decoder_weights(&part.graph())?;
    drop(part);
    Ok((Decoder::new(&weights).map_err(unfit)?, condition))
}

fn unfit(_: ShapeError) -> StructureError {
    StructureError("weights that fit together")
}

/// What a thread of a scope gives.
pub fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Memory that a voice will keep whose file is so long, when `workers` threads compute with it. Transformed for the
/// kernels, the weights of a medium voice take two thirds more.
pub fn memory_needed(file: u64, workers: usize) -> u64 {
    file / 3 * 5 + kept_memories(workers) * MEMORY_BYTES
}

fn kept_memories(workers: usize) -> u64 {
    workers.min(KEPT_MEMORIES) as u64
}

/// A convolution with a kernel of one, of a single row.
fn pointwise(weights: &ConvWeights, values: &[f32]) -> Vec<f32> {
    let rows = weights.weight.chunks_exact(weights.in_channels.max(1)).enumerate();
    let sum = |row: &[f32]| row.iter().zip(values).map(|(weight, value)| weight * value).sum::<f32>();
    rows.map(|(out, row)| sum(row) + weights.bias.get(out).copied().unwrap_or(0.0)).collect()
}
