//! Owns the names that the values between a voice's parts get when its graph is taken apart. Shapes: N phoneme ids, C
//! channels, F frames. All are 32-bit floats.

/// What all of them begin with.
pub const OWN: &str = "tts.";

/// What the text encoder says of each phoneme id to whatever predicts its duration, [1, H, N].
pub const HIDDEN: &str = "tts.hidden";
/// Means of the latent, [1, C, N].
pub const MEAN: &str = "tts.mean";
/// Logarithms of its standard deviations, [1, C, N].
pub const LOG_DEVIATION: &str = "tts.log_deviation";
/// Frames of each phoneme id before they are made whole, [1, 1, N].
pub const FRAMES: &str = "tts.frames";
/// The noise of the durations, [1, 2, N].
pub const DURATION_NOISE: &str = "tts.duration_noise";
/// The latent as the flow takes it, [1, C, F].
pub const PRIOR: &str = "tts.prior";
/// Ones for each frame, [1, 1, F].
pub const MASK: &str = "tts.mask";
/// The latent as the decoder takes it, [1, C, F].
pub const LATENT: &str = "tts.latent";
/// The embedding of the speaker, [1, E, 1], where there are several.
pub const SPEAKER: &str = "tts.speaker";
/// The samples, [1, 1, S].
pub const SAMPLES: &str = "tts.samples";
