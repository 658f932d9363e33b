//! Owns G.711 (ITU-T, 1988): samples of telephony in eight bits, on a logarithmic scale.

use super::codec::{Codec, EncodeError};

#[derive(Debug, Clone, Copy)]
pub enum G711 {
    MuLaw,
    ALaw,
}

/// Added before µ-law's logarithm, so that its segments begin at powers of two.
const MU_LAW_BIAS: i32 = 0x84;
/// The largest sample that µ-law holds.
const MU_LAW_CLIP: i32 = 32_635;

// === impl G711 ===

impl G711 {
    fn encode(self, sample: i16) -> u8 {
        match self {
            Self::MuLaw => mu_law(sample),
            Self::ALaw => a_law(sample),
        }
    }
}

impl Codec for G711 {
    fn stream_head(&self) -> Vec<u8> {
        Vec::new()
    }

    fn push(&mut self, samples: &[i16]) -> Result<Vec<u8>, EncodeError> {
        Ok(samples.iter().map(|sample| self.encode(*sample)).collect())
    }

    fn finish(&mut self) -> Result<Vec<u8>, EncodeError> {
        Ok(Vec::new())
    }

    fn whole_head(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// Sign, three bits of segment, four bits within it; all bits inverted.
fn mu_law(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(MU_LAW_CLIP) + MU_LAW_BIAS;
    let segment = 24 - magnitude.leading_zeros();
    let within = (magnitude >> (segment + 3)) & 0x0f;
    !(sign | (segment as u8) << 4 | within as u8)
}

/// Sign, three bits of segment, four bits within it; every second bit inverted.
fn a_law(sample: i16) -> u8 {
    let (sign, magnitude) = if sample < 0 { (0, !i32::from(sample)) } else { (0x80, i32::from(sample)) };
    let magnitude = magnitude >> 3;
    let segment = (28 - (magnitude | 0x1f).leading_zeros()) as u8 - 1;
    let within = if segment < 2 { magnitude >> 1 } else { magnitude >> segment };
    (sign | segment << 4 | (within & 0x0f) as u8) ^ 0x55
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample in the middle of what `code` stands for, by the definition.
    fn decode(law: G711, code: u8) -> i32 {
        match law {
            G711::MuLaw => {
                let code = !code;
                let (segment, within) = (code >> 4 & 7, i32::from(code & 0x0f));
                let magnitude = ((2 * within + 33) << (segment + 2)) - MU_LAW_BIAS;
                if code & 0x80 == 0 { magnitude } else { -magnitude }
            }
            G711::ALaw => {
                let code = code ^ 0x55;
                let (segment, within) = (code >> 4 & 7, i32::from(code & 0x0f));
                let magnitude = if segment == 0 { 2 * within + 1 } else { (2 * within + 33) << (segment - 1) } << 3;
                if code & 0x80 == 0 { -magnitude } else { magnitude }
            }
        }
    }

    #[test]
    fn every_sample_becomes_a_code_within_half_a_step() {
        for law in [G711::MuLaw, G711::ALaw] {
            for sample in (i16::MIN..=i16::MAX).step_by(37) {
                let off = (decode(law, law.encode(sample)) - i32::from(sample)).abs();

                // Steps are a sixteenth of where their segment begins.
                let half_step = (i32::from(sample).abs() + MU_LAW_BIAS) / 32 + 8;
                assert!(off <= half_step, "{law:?} {sample}: {off}");
            }
        }
    }

    #[test]
    fn known_codes() {
        assert_eq!([0, -1, 32_767, -32_768].map(|sample| G711::MuLaw.encode(sample)), [0xff, 0x7f, 0x80, 0x00]);
        assert_eq!([0, -1, 32_767, -32_768].map(|sample| G711::ALaw.encode(sample)), [0xd5, 0x55, 0xaa, 0x2a]);
    }
}
