//! Owns the check that a voice in parts speaks as it did whole: one made-up sentence, without noise, computed both
//! ways; and that durations are those of its graph, with noise and without.

use ort::session::Session;
use ort::value::TensorRef;

use super::cancel::Cancel;
use super::errors::{InferError, LoadError};
use super::model_input::ModelInput;
use super::native::NativeVoice;
use super::onnx_voice::{self, PlainInputs};
use super::runtime::OnnxRuntime;
use super::sentence::SentenceCrew;
use super::vits::names::{DURATION_NOISE, HIDDEN, SPEAKER};
use super::voice::LoadedVoice;
use super::voice_config::VoiceConfig;

/// Of full scale. The network enlarges the last bits of its text encoder: ONNX Runtime, with its optimisations and
/// without, is up to 0.7e-4 from itself. A weight in the wrong place is heard.
const TOLERANCE: f32 = 3e-4;

/// Of a duration, and of a frame where it is shorter.
const DURATION_TOLERANCE: f32 = 1e-3;
/// Scales of the noise and of the durations that are compared: as in the sentence, as voices speak, and beyond the ends
/// of the splines.
const SCALES: [[f32; 2]; 3] = [[0.0, 1.0], [0.8, 1.0], [4.0, 1.3]];

/// Phoneme ids in the sentence.
const LENGTH: usize = 40;

/// What the graph says to the sentence.
pub struct ReferenceValues {
    input: ModelInput,
    samples: Vec<f32>,
}

/// What a part of the graph says of durations.
pub struct DurationReference {
    session: Session,
    /// Names of its inputs.
    taken: Vec<String>,
}

// === impl ReferenceValues ===

impl ReferenceValues {
    /// Computes the graph in `source` once.
    pub fn of(source: &[u8], config: &VoiceConfig, runtime: &OnnxRuntime) -> Result<Self, LoadError> {
        let input = sentence(config);
        let samples = onnx_voice::infer_once(source, &input, runtime)?;
        Ok(Self { input, samples })
    }

    /// Whether the voice in parts says the same; if not, what differs.
    pub fn compare(&self, voice: &dyn LoadedVoice) -> Result<Result<(), String>, LoadError> {
        let samples = voice.infer(&self.input, &Cancel::default())?;
        Ok(compare(&self.samples, &samples))
    }
}

// === impl DurationReference ===

impl DurationReference {
    /// Of the part of a voice's graph that predicts durations.
    pub fn of(part: &[u8], runtime: &OnnxRuntime) -> Result<Self, LoadError> {
        let session = runtime.unoptimised(part)?;
        let taken = session.inputs().iter().map(|input| input.name().to_owned()).collect();
        Ok(Self { session, taken })
    }

    /// Whether the voice's own durations are those of its graph; if not, what differs.
    pub fn compare(&mut self, voice: &NativeVoice) -> Result<Result<(), String>, LoadError> {
        let config = voice.config();
        for (number, [noise_w, length_scale]) in (0..).zip(SCALES) {
            // The last speaker as well.
            let speaker = if number == 0 { config.default_speaker } else { i64::from(config.speakers) - 1 };
            let input = ModelInput { speaker, noise_w, length_scale, seed: number, ..sentence(config) };
            let [expected, own] = self.both(voice, &input)?;
            if let Some(difference) = different(&expected, &own) {
                return Ok(Err(difference));
            }
        }
        Ok(Ok(()))
    }

    /// Durations as the graph predicts them, and as the voice does.
    fn both(&mut self, voice: &NativeVoice, input: &ModelInput) -> Result<[Vec<f32>; 2], InferError> {
        let cancel = Cancel::default();
        let count = input.ids.len();
        let alone = SentenceCrew::new(1);
        let hidden = voice.encode(input, &alone, &cancel)?.hidden;
        let (noise, embedding) = (voice.duration_noise(input), voice.embedding(input)?);
        let plain = PlainInputs::new(input);
        let mut inputs = plain.values(input, false)?;
        let shape = [1, hidden.len() / count, count];
        inputs.push((HIDDEN.into(), TensorRef::from_array_view((shape, &hidden[..]))?.into()));
        let (noise_shape, embedding_shape) = ([1, noise.len() / count, count], [1, embedding.len(), 1]);
        if !noise.is_empty() {
            inputs.push((DURATION_NOISE.into(), TensorRef::from_array_view((noise_shape, &noise[..]))?.into()));
        }
        if !embedding.is_empty() {
            inputs.push((SPEAKER.into(), TensorRef::from_array_view((embedding_shape, &*embedding))?.into()));
        }
        inputs.retain(|(name, _)| self.taken.iter().any(|taken| taken == name));
        let expected = onnx_voice::run_bounded(&mut self.session, inputs)?;
        Ok([expected, voice.frames(input, &hidden, &alone, &cancel)?])
    }
}

/// How durations differ, if they do.
fn different(stock: &[f32], own: &[f32]) -> Option<String> {
    if stock.len() != own.len() {
        return Some(format!("{} durations are predicted where the graph predicts {}", own.len(), stock.len()));
    }
    // What is no number is not within it.
    let is_near = |stock: f32, own: f32| (stock - own).abs() <= DURATION_TOLERANCE * stock.abs().max(1.0);
    let far = stock.iter().zip(own).find(|(stock, own)| !is_near(**stock, **own));
    far.map(|(stock, own)| format!("a duration is predicted as {own} where the graph predicts {stock}"))
}

fn compare(stock: &[f32], own: &[f32]) -> Result<(), String> {
    if stock.len() != own.len() {
        return Err(format!("the parts give {} samples where the graph gives {}", own.len(), stock.len()));
    }
    let differences = || stock.iter().zip(own).map(|(stock, own)| (stock - own).abs());
    // What is no number is not within it.
    if differences().all(|difference| difference <= TOLERANCE) {
        return Ok(());
    }
    Err(format!("the parts differ from the graph by {}", differences().fold(0.0, f32::max)))
}

/// Ids that every graph has: the voice's own.
fn sentence(config: &VoiceConfig) -> ModelInput {
    let mut known: Vec<i64> = config.phoneme_ids.values().flatten().copied().collect();
    known.sort_unstable();
    known.dedup();
    let ids = known.iter().copied().cycle().take(if known.is_empty() { 0 } else { LENGTH }).collect();
    ModelInput {
        ids,
        speaker: config.default_speaker,
        blend: Vec::new(),
        noise_scale: 0.0,
        length_scale: 1.0,
        noise_w: 0.0,
        seed: 0,
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use bytes::Bytes;

    use super::*;
    use crate::kernels::naive::noise;
    use crate::kernels::simd::SimdLevel;
    use crate::onnx::OnnxModel;
    use crate::vits::GraphBoundaries;

    /// In thousandths.
    const MUST_BE_EQUAL: usize = 999;

    fn path(relative: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(relative)
    }

    /// A voice, what computes its durations otherwise, and ids that look like those of a text: a pad between two.
    fn load(name: &str) -> (NativeVoice, DurationReference) {
        let runtime = OnnxRuntime::load(&path("runtime/libonnxruntime.so")).unwrap();
        let read = |ending: &str| std::fs::read(path(&format!("{name}{ending}"))).unwrap();
        let model = OnnxModel::parse(Bytes::from(read(".onnx"))).unwrap();
        let config = VoiceConfig::parse(&read(".onnx.json")).unwrap();
        let boundaries = GraphBoundaries::find(&model.graph()).unwrap();
        let reference = DurationReference::of(&model.cut(&boundaries.durations()).to_bytes(), &runtime).unwrap();
        (NativeVoice::new(config, model, &boundaries, SimdLevel::detect()).unwrap(), reference)
    }

    fn made_up(config: &VoiceConfig, number: u64) -> ModelInput {
        let mut next = noise(number);
        let mut below = |limit: usize| (f32::midpoint(next(), 1.0) * limit as f32) as usize;
        let known: Vec<i64> = config.phoneme_ids.values().flatten().copied().collect();
        let phonemes = 1 + below(150);
        let ids = std::iter::once(1).chain((0..phonemes).flat_map(|_| [0, known[below(known.len())]])).chain([0, 2]);
        ModelInput {
            ids: ids.collect(),
            speaker: below(config.speakers as usize) as i64,
            blend: Vec::new(),
            noise_scale: 0.667,
            length_scale: [0.5, 1.0, 1.7][below(3)],
            noise_w: [0.0, 0.8, 1.5][below(3)],
            seed: number,
        }
    }

    /// `TTS_TEST_SENTENCES=1000 cargo test -p piper-acoustic --release durations` looks at more.
    #[test]
    fn durations_are_those_of_onnx_runtime() {
        let sentences = std::env::var("TTS_TEST_SENTENCES").map_or(12, |count| count.parse().unwrap());
        let fixtures = ["even", "low", "medium", "high", "low-speakers", "medium-speakers", "high-speakers"];
        let fixtures = fixtures.map(|structure| format!("tests/fixtures/models/vits-{structure}"));
        for name in fixtures.into_iter().chain(["models/en_US-joe-medium".to_owned()]) {
            let (voice, mut reference) = load(&name);
            let (mut equal, mut all) = (0, 0);
            for number in 0..sentences {
                let [expected, own] = reference.both(&voice, &made_up(voice.config(), number)).unwrap();
                assert_eq!(expected.len(), own.len());
                all += own.len();
                equal += expected.iter().zip(&own).filter(|(expected, own)| expected.ceil() == own.ceil()).count();
            }
            assert!(equal * 1000 >= all * MUST_BE_EQUAL, "{name}: {equal} of {all}");
        }
    }

    #[test]
    fn voices_that_differ_are_told_apart() {
        assert!(compare(&[0.1, 0.2], &[0.1, 0.2002]).is_ok());
        assert!(compare(&[0.1, 0.2], &[0.1, 0.2004]).is_err());
        assert!(compare(&[0.1, 0.2], &[0.1]).is_err());
        assert!(compare(&[0.1], &[f32::NAN]).is_err());
    }

    #[test]
    fn durations_that_differ_are_told_apart() {
        assert_eq!(different(&[0.2, 30.0], &[0.2005, 30.02]), None);
        assert!(different(&[0.2, 30.0], &[0.202, 30.0]).is_some());
        assert!(different(&[0.2, 30.0], &[0.2, 30.04]).is_some());
        assert!(different(&[0.2], &[0.2, 0.2]).is_some());
        assert!(different(&[0.2], &[f32::NAN]).is_some());
    }
}
