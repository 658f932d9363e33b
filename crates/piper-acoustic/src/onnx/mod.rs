//! Owns ONNX files: reading them, looking into their graphs, cutting graphs out of them (format: `onnx.proto3` of the
//! ONNX project). Refuses to know what a graph computes.

mod cut;
mod external;
mod graph;
mod proto;

use bytes::Buf;
use prost::Message;

pub use cut::{Cut, CutValue};
pub use graph::{Graph, Node, Tensor};
use proto::ModelProto;

/// An ONNX model. Weights are shares of the file's bytes, but for those that lie in two segments of it.
pub struct OnnxModel(ModelProto);

/// Why a graph is refused before ONNX Runtime sees it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    #[error("the file is not an ONNX graph")]
    Malformed,
    #[error("the graph keeps weights in other files, which is not supported")]
    ExternalData,
}

// === impl OnnxModel ===

impl OnnxModel {
    /// Refuses a graph that would have ONNX Runtime open other files: their paths are data of whoever made the graph.
    pub fn parse(bytes: impl Buf) -> Result<Self, GraphError> {
        let model = ModelProto::decode(bytes).map_err(|_| GraphError::Malformed)?;
        if model.graph.is_none() {
            return Err(GraphError::Malformed);
        }
        if external::has_external_data(&model) {
            return Err(GraphError::ExternalData);
        }
        Ok(Self(model))
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }

    /// The graph, to look into.
    pub fn graph(&self) -> Graph<'_> {
        Graph::new(self.0.graph.as_ref())
    }

    /// The model that computes the cut's outputs from its inputs.
    pub fn cut(&self, cut: &Cut) -> Self {
        Self(cut::cut(&self.0, cut))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn what_is_no_graph_is_malformed() {
        for bytes in [&b""[..], b"garbage", &[0xff; 100]] {
            assert_eq!(OnnxModel::parse(Bytes::copy_from_slice(bytes)).err(), Some(GraphError::Malformed));
        }
    }
}
