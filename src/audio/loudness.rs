//! Owns measuring how loud a sound is, by ITU-R BS.1770: its integrated loudness, as one channel, and the largest value
//! between its samples.

use ebur128::{EbuR128, Mode};

use super::Pcm;

/// In LUFS. `None`: it is silent, or too short to be measured (0.4 seconds).
pub fn loudness(parts: &[Pcm]) -> Option<f64> {
    let mut meter = EbuR128::new(1, parts.first()?.sample_rate, Mode::I).ok()?;
    parts.iter().try_for_each(|part| meter.add_frames_i16(&part.samples)).ok()?;
    meter.loudness_global().ok().filter(|loudness| loudness.is_finite())
}

/// In dB of full scale. `None`: it is silent.
#[cfg(test)]
pub fn true_peak(sound: &Pcm) -> Option<f64> {
    let mut meter = EbuR128::new(1, sound.sample_rate, Mode::TRUE_PEAK).ok()?;
    meter.add_frames_i16(&sound.samples).ok()?;
    meter.true_peak(0).ok().map(|peak| 20.0 * peak.log10()).filter(|peak| peak.is_finite())
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn tone(level: f64, seconds: f64) -> Pcm {
        let samples =
            (0..(48_000.0 * seconds) as usize).map(|n| (level * (TAU * 1_000.0 * n as f64 / 48_000.0).sin()) as f32);
        Pcm::from_float(&samples.collect::<Vec<_>>(), 48_000)
    }

    /// EBU Tech 3341: a tone of 1 kHz at -23 dB of full scale in both of two channels has -23 LUFS; in one channel it
    /// has 3 less.
    #[test]
    fn a_tone_has_the_loudness_of_the_standard() {
        let measured = loudness(&[tone(0.070_8, 2.0), tone(0.070_8, 1.0)]).unwrap();

        assert!((measured + 26.0).abs() < 0.1, "{measured}");
        assert!((true_peak(&tone(0.5, 1.0)).unwrap() + 6.02).abs() < 0.1);
    }

    #[test]
    fn what_cannot_be_measured_has_none() {
        for sound in [vec![], vec![tone(0.5, 0.2)], vec![tone(0.0, 2.0)]] {
            assert_eq!(loudness(&sound), None);
        }
    }
}
