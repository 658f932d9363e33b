//! Owns the noise that makes a voice sound alive. It is drawn from a seed, so that the same request gives the same
//! bytes on every machine and after every restart: ChaCha with 8 rounds, and normal values by the polar method
//! (Marsaglia, Bray, 1964), all in arithmetic that each processor does alike.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Standard normal values, one after another.
pub struct Noise {
    bits: ChaCha8Rng,
    spare: Option<f32>,
}

// === impl Noise ===

impl Noise {
    /// Noise of a seed for one purpose: streams of different numbers have nothing to do with each other.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut bits = ChaCha8Rng::seed_from_u64(seed);
        bits.set_stream(stream);
        Self { bits, spare: None }
    }

    /// Within -1 and 1, in steps of 2^-23.
    fn uniform(&mut self) -> f64 {
        f64::from((self.bits.next_u32() >> 8).cast_signed() - (1 << 23)) / f64::from(1 << 23)
    }
}

impl Iterator for Noise {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        if let Some(spare) = self.spare.take() {
            return Some(spare);
        }
        loop {
            let (x, y) = (self.uniform(), self.uniform());
            let radius = x * x + y * y;
            if radius > 0.0 && radius < 1.0 {
                let factor = (-2.0 * libm::log(radius) / radius).sqrt();
                self.spare = Some((y * factor) as f32);
                return Some((x * factor) as f32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(seed: u64, stream: u64, count: usize) -> Vec<f32> {
        Noise::new(seed, stream).take(count).collect()
    }

    #[test]
    fn noise_depends_on_seed_and_stream_alone() {
        assert_eq!(values(7, 0, 100), values(7, 0, 100));
        assert_ne!(values(7, 0, 100), values(8, 0, 100));
        assert_ne!(values(7, 0, 100), values(7, 1, 100));
        assert_eq!(values(7, 0, 100)[..10], values(7, 0, 10));
    }

    #[test]
    fn noise_never_changes() {
        assert_eq!(values(1, 0, 4), [1.114_093, -2.200_162_4, -1.335_125_6, 0.446_158_8]);
    }

    #[test]
    fn noise_is_normal() {
        let values = values(42, 0, 100_000);
        let count = values.len() as f64;
        let moment = |power: i32| values.iter().map(|&value| f64::from(value).powi(power)).sum::<f64>() / count;

        let within_one = values.iter().filter(|value| value.abs() < 1.0).count() as f64 / count;

        assert!(moment(1).abs() < 0.01, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.02, "{}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.1, "{}", moment(4));
        assert!((within_one - 0.6827).abs() < 0.01, "{within_one}");
    }
}
