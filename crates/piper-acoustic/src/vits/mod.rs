//! Owns the structure of a Piper voice's graph. VITS (Kim, Kong, Son, 2021) computes in steps that have different
//! needs: a text encoder and a duration predictor that see the whole sentence, a flow that sees 32 frames around, and a
//! decoder that sees a dozen. Here a graph is taken apart at the values between them, which are found by their
//! structure, since names differ between exporters.

mod boundaries;
mod decoder;
mod durations;
mod encoder;
mod flow;
pub mod names;
mod reader;

pub use boundaries::{GraphBoundaries, StructureError};
pub use decoder::decoder_weights;
pub use durations::{duration_weights, speaker_embeddings};
pub use encoder::encoder_weights;
pub use flow::flow_weights;
