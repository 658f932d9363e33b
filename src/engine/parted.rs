//! Owns computing a voice in parts: text to a distribution for each phoneme, the noise, the flow, the decoder. Equal inputs give equal samples,
//! because the noise is drawn here, from the input's seed.

use std::ops::Range;

use bytes::Bytes;
use ort::value::TensorRef;

use super::compiled::VoiceParts;
use super::decoder::{Decoder, Latent};
use super::mapped::{MappedModel, release_freed_memory};
use super::noise::Noise;
use super::onnx::OnnxModel;
use super::runtime::OnnxRuntime;
use super::sessions::Sessions;
use super::stock::{INPUT, INPUT_LENGTHS, PlainInputs, SCALES, SPEAKER};
use super::vits::{StructureError, decoder_weights, names};
use super::voice_config::VoiceConfig;
use super::{Cancel, InferError, LoadError, LoadedVoice, ModelInput, SpeechLatent, Utterance};

pub struct PartedVoice {
    config: VoiceConfig,
    encoder: Sessions,
    flow: Sessions,
    decoder: Decoder,
    takes: Takes,
}

/// Which inputs the encoder has beside those that each has.
struct Takes {
    speaker: bool,
    duration_noise: bool,
}

/// What the encoder says of a sentence, for each phoneme id.
struct Encoded {
    /// [channels][ids]
    mean: Vec<f32>,
    /// [channels][ids]
    log_deviation: Vec<f32>,
    frames: Vec<u32>,
    /// The speaker's embedding.
    speaker: Option<Vec<f32>>,
}

/// What a thread that computes keeps beside the shared weights, as measured with a medium voice: sessions of both parts and the decoder's
/// memory.
const SESSION_BYTES: u64 = 16 << 20;

/// Streams of noise of one seed.
const DURATION_STREAM: u64 = 0;
const LATENT_STREAM: u64 = 1;

/// The most frames of one sentence, about three minutes: what is longer is no speech.
const MAX_FRAMES: u64 = 16_384;

// === impl PartedVoice ===

impl PartedVoice {
    pub fn new(config: VoiceConfig, parts: &VoiceParts, runtime: &OnnxRuntime) -> Result<Self, LoadError> {
        let encoder = Sessions::new(parts.encoder.clone(), runtime)?;
        for name in [INPUT, INPUT_LENGTHS, SCALES] {
            if !encoder.has_input(name)? {
                return Err(LoadError::MissingInput(name));
            }
        }
        let takes =
            Takes { speaker: encoder.has_input(SPEAKER)?, duration_noise: encoder.has_input(names::DURATION_NOISE)? };
        Ok(Self {
            config,
            encoder,
            flow: Sessions::new(parts.flow.clone(), runtime)?,
            decoder: read_decoder(&parts.decoder)?,
            takes,
        })
    }

    fn encode(&self, input: &ModelInput, cancel: &Cancel) -> Result<Encoded, InferError> {
        let count = input.ids.len();
        let noise: Vec<f32> = if self.takes.duration_noise {
            Noise::new(input.seed, DURATION_STREAM).take(2 * count).collect()
        } else {
            Vec::new()
        };
        let plain = PlainInputs::new(input);
        let mut inputs = plain.values(input, self.takes.speaker)?;
        if self.takes.duration_noise {
            let noise = TensorRef::from_array_view(([1, 2, count], &noise[..]))?;
            inputs.push((names::DURATION_NOISE.into(), noise.into()));
        }
        self.encoder.run(inputs.into(), cancel, |outputs| {
            let values = |name: &str| Ok::<_, ort::Error>(outputs[name].try_extract_tensor::<f32>()?.1.to_vec());
            Ok(Encoded {
                mean: values(names::MEAN)?,
                log_deviation: values(names::LOG_DEVIATION)?,
                frames: values(names::DURATIONS)?.into_iter().map(|frames| frames as u32).collect(),
                speaker: outputs.get(names::SPEAKER).map(|_| values(names::SPEAKER)).transpose()?,
            })
        })
    }

    /// All but the decoder.
    fn latent(&self, input: &ModelInput, cancel: &Cancel) -> Result<SpeechLatent, InferError> {
        let encoded = self.encode(input, cancel)?;
        let frames = encoded.frames.iter().copied().map(u64::from).sum();
        if frames > MAX_FRAMES {
            return Err(InferError::TooLong { frames });
        }
        // A sentence of no frames is one, as the whole graph has it.
        let frames = frames.max(1) as usize;
        let prior = encoded.draw(frames, input);
        let values = self.flow(&prior, frames, &encoded, cancel)?;
        Ok(SpeechLatent { frames, values, speaker: encoded.speaker.unwrap_or_default() })
    }

    fn flow(&self, prior: &[f32], frames: usize, encoded: &Encoded, cancel: &Cancel) -> Result<Vec<f32>, InferError> {
        let mask = vec![1.0_f32; frames];
        let mut inputs = ort::inputs! {
            names::PRIOR => TensorRef::from_array_view(([1, prior.len() / frames, frames], prior))?,
            names::MASK => TensorRef::from_array_view(([1, 1, frames], &mask[..]))?,
        };
        if let Some(speaker) = &encoded.speaker {
            inputs.push((names::SPEAKER.into(), embedding(speaker)?.into()));
        }
        self.flow
            .run(inputs.into(), cancel, |outputs| Ok(outputs[names::LATENT].try_extract_tensor::<f32>()?.1.to_vec()))
    }
}

impl Encoded {
    /// The latent before the flow, [channels][frames].
    fn draw(&self, frames: usize, input: &ModelInput) -> Vec<f32> {
        let ids = self.frames.len();
        let channels = self.mean.len() / ids.max(1);
        let mut prior = vec![0.0; channels * frames];
        let mut noise = Noise::new(input.seed, LATENT_STREAM);
        let mut frame = 0;
        for (id, &count) in self.frames.iter().enumerate() {
            for _ in 0..count {
                for channel in 0..channels {
                    let deviation = self.log_deviation[channel * ids + id].exp() * input.noise_scale;
                    let noise = noise.next().unwrap_or(0.0);
                    prior[channel * frames + frame] = self.mean[channel * ids + id] + noise * deviation;
                }
                frame += 1;
            }
        }
        prior
    }
}

impl LoadedVoice for PartedVoice {
    fn config(&self) -> &VoiceConfig {
        &self.config
    }

    fn memory_bytes(&self, workers: usize) -> u64 {
        let weights = self.encoder.weights() + self.flow.weights() + self.decoder.bytes() as u64;
        weights + Sessions::kept(workers) * SESSION_BYTES
    }

    fn infer(&self, input: &ModelInput, cancel: &Cancel) -> Result<Vec<f32>, InferError> {
        let latent = self.latent(input, cancel)?;
        self.decode(&latent, 0..latent.frames, cancel)
    }

    fn begin(&self, input: &ModelInput, cancel: &Cancel) -> Result<Utterance, InferError> {
        self.latent(input, cancel).map(Utterance::Latent)
    }

    fn decode(&self, latent: &SpeechLatent, frames: Range<usize>, cancel: &Cancel) -> Result<Vec<f32>, InferError> {
        let expected = frames.len() * self.decoder.hop();
        let latent = Latent { values: &latent.values, frames: latent.frames, speaker: &latent.speaker };
        let samples = self.decoder.decode(latent, frames, cancel);
        if samples.len() == expected { Ok(samples) } else { Err(InferError::Cancelled) }
    }
}

impl Drop for PartedVoice {
    fn drop(&mut self) {
        for part in [&self.encoder, &self.flow] {
            part.clear();
        }
        release_freed_memory();
    }
}

fn read_decoder(part: &MappedModel) -> Result<Decoder, LoadError> {
    let model = OnnxModel::parse(Bytes::copy_from_slice(part.bytes()))?;
    let weights = decoder_weights(&model.graph())?;
    Decoder::new(&weights).map_err(|_| LoadError::Structure(StructureError("decoder whose weights fit together")))
}

fn embedding(speaker: &[f32]) -> Result<TensorRef<'_, f32>, ort::Error> {
    TensorRef::from_array_view(([1, speaker.len(), 1], speaker))
}
