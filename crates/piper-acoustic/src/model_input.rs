//! One sentence as the network takes it.

/// One sentence as the network takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInput {
    pub ids: Vec<i64>,
    /// Ignored by voices with one speaker.
    pub speaker: i64,
    /// Speakers who speak as one in its place, and how much there is of each; on voices that are computed by kernels.
    pub blend: Vec<(i64, f32)>,
    pub noise_scale: f32,
    pub length_scale: f32,
    pub noise_w: f32,
    /// Determines the noise, on voices whose graph lets it be given.
    pub seed: u64,
}
