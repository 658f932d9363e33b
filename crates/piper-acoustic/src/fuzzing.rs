//! Owns the entry that only fuzzing uses: reading a graph as far as it is read before ONNX Runtime sees a part of it.

use bytes::Bytes;

use super::decoder::Decoder;
use super::durations::DurationPredictor;
use super::encoder::Encoder;
use super::flow::Flow;
use super::onnx::OnnxModel;
use super::vits::{
    GraphBoundaries, decoder_weights, duration_weights, encoder_weights, flow_weights, speaker_embeddings,
};

/// Takes a graph apart and its weights out of the parts.
pub fn read_graph(model: &[u8]) {
    let Ok(model) = OnnxModel::parse(Bytes::copy_from_slice(model)) else { return };
    let Ok(boundaries) = GraphBoundaries::find(&model.graph()) else { return };
    let _ = encoder_weights(&model.cut(&boundaries.encoder()).graph()).map(|weights| Encoder::new(&weights));
    let _ = flow_weights(&model.cut(&boundaries.flow()).graph()).map(|(weights, _)| Flow::new(&weights));
    let _ = decoder_weights(&model.cut(&boundaries.decoder()).graph()).map(|(weights, _)| Decoder::new(&weights));
    let durations = model.cut(&boundaries.durations());
    let _ = duration_weights(&durations.graph()).map(|(weights, _)| DurationPredictor::new(&weights));
    let _ = boundaries.speakers().map(|cut| speaker_embeddings(&model.cut(&cut).graph()));
    let _ = durations.to_bytes();
}
