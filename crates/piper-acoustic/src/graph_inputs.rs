//! Owns the names of the inputs of a Piper voice's graph: ids i64 [1, n], length i64 [1], scales f32 [3], and for
//! multi-speaker voices the speaker i64 [1].

pub const INPUT: &str = "input";
pub const INPUT_LENGTHS: &str = "input_lengths";
pub const SCALES: &str = "scales";
pub const SPEAKER: &str = "sid";
