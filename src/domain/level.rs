//! Owns the loudness that speech shall have.

use super::InvalidField;

/// The level of what is said.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Level {
    /// That which the voice was trained at.
    #[default]
    AsTrained,
    /// The same for every voice.
    Loudness(Lufs),
    /// Each sentence is made so loud that its loudest sample is full scale, as piper's own tools do.
    FullPeaks,
}

/// Integrated loudness by ITU-R BS.1770, of one channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lufs(f32);

// === impl Lufs ===

impl Lufs {
    /// -40 to -10. What is louder would be peaks that are limited and little else.
    pub fn new(lufs: f32) -> Result<Self, InvalidField> {
        let expected = "\"none\" or a number of LUFS from -40 to -10";
        (-40.0..=-10.0).contains(&lufs).then_some(Self(lufs)).ok_or(InvalidField { field: "loudness", expected })
    }

    pub fn get(self) -> f32 {
        self.0
    }

    /// The factor on samples of what has this loudness. What nobody could measure stays as it is.
    pub fn factor_from(self, measured: Option<f64>) -> f32 {
        measured.map_or(1.0, |measured| 10_f64.powf((f64::from(self.0) - measured) / 20.0) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loudness_is_within_bounds_and_has_a_factor() {
        assert!([-40.1, -9.9, 0.0, f32::NAN].iter().all(|lufs| Lufs::new(*lufs).is_err()));
        let target = Lufs::new(-20.0).unwrap();

        assert_eq!(target.factor_from(Some(-40.0)), 10.0);
        assert_eq!(target.factor_from(Some(-20.0)), 1.0);
        assert_eq!(target.factor_from(None), 1.0);
    }
}
