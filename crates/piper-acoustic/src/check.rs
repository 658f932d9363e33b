//! Owns the check that a voice in parts speaks as it did whole: one made-up sentence, without noise, computed both ways.

use super::runtime::OnnxRuntime;
use super::stock;
use super::voice_config::VoiceConfig;
use super::{Cancel, LoadError, LoadedVoice, ModelInput};

/// Of full scale. The network enlarges the last bits of its text encoder: ONNX Runtime, with its optimisations and without, is up to 0.7e-4
/// from itself. A weight in the wrong place is heard.
const TOLERANCE: f32 = 3e-4;

/// Phoneme ids in the sentence.
const LENGTH: usize = 40;

/// What the graph says to the sentence.
pub struct Expected {
    input: ModelInput,
    samples: Vec<f32>,
}

// === impl Expected ===

impl Expected {
    /// Computes the graph in `source` once.
    pub fn of(source: &[u8], config: &VoiceConfig, runtime: &OnnxRuntime) -> Result<Self, LoadError> {
        let input = sentence(config);
        let samples = stock::infer_once(source, &input, runtime)?;
        Ok(Self { input, samples })
    }

    /// Whether the voice in parts says the same; if not, what differs.
    pub fn compare(&self, voice: &dyn LoadedVoice) -> Result<Result<(), String>, LoadError> {
        let samples = voice.infer(&self.input, &Cancel::default())?;
        Ok(compare(&self.samples, &samples))
    }
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
    ModelInput { ids, speaker: config.default_speaker, noise_scale: 0.0, length_scale: 1.0, noise_w: 0.0, seed: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voices_that_differ_are_told_apart() {
        assert!(compare(&[0.1, 0.2], &[0.1, 0.2002]).is_ok());
        assert!(compare(&[0.1, 0.2], &[0.1, 0.2004]).is_err());
        assert!(compare(&[0.1, 0.2], &[0.1]).is_err());
        assert!(compare(&[0.1], &[f32::NAN]).is_err());
    }
}
