//! Owns what fuzzing needs of the engine that nobody else does: reading a graph as far as it is read before ONNX Runtime sees a part of it.

use bytes::Bytes;

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::flow::Flow;
use super::onnx::OnnxModel;
use super::vits::{Seams, decoder_weights, encoder_weights, flow_weights};

/// Takes a graph apart and its weights out of the parts.
pub fn read_graph(model: &[u8]) {
    let Ok(model) = OnnxModel::parse(Bytes::copy_from_slice(model)) else { return };
    let Ok(seams) = Seams::find(&model.graph()) else { return };
    let _ = encoder_weights(&model.cut(&seams.encoder()).graph()).map(|weights| Encoder::new(&weights));
    let _ = flow_weights(&model.cut(&seams.flow()).graph()).map(|(weights, _)| Flow::new(&weights));
    let _ = decoder_weights(&model.cut(&seams.decoder()).graph()).map(|(weights, _)| Decoder::new(&weights));
    let _ = model.cut(&seams.durations()).to_bytes();
}
