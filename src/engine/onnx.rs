//! Owns reading ONNX files, as far as the engine looks into them (format: `onnx.proto3` of the ONNX project). Only the fields that are
//! needed are declared; others are skipped without a copy, weights among them.

use prost::Message;

/// Why a graph is refused before ONNX Runtime sees it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    #[error("the file is not an ONNX graph")]
    Malformed,
    #[error("the graph keeps weights in other files, which is not supported")]
    ExternalData,
}

/// Refuses a graph that would have ONNX Runtime open other files: their paths are data of whoever made the graph.
pub fn refuse_external_data(model: &[u8]) -> Result<(), GraphError> {
    let model = ModelProto::decode(model).map_err(|_| GraphError::Malformed)?;
    let graph = model.graph.ok_or(GraphError::Malformed)?;
    let functions = model.functions.iter().flat_map(|function| &function.nodes);
    if graph.is_external() || functions.into_iter().any(NodeProto::is_external) {
        return Err(GraphError::ExternalData);
    }
    Ok(())
}

#[derive(Clone, Message)]
struct ModelProto {
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "25")]
    functions: Vec<FunctionProto>,
}

#[derive(Clone, Message)]
struct FunctionProto {
    #[prost(message, repeated, tag = "7")]
    nodes: Vec<NodeProto>,
}

#[derive(Clone, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    initializers: Vec<TensorProto>,
    #[prost(message, repeated, tag = "15")]
    sparse_initializers: Vec<SparseTensorProto>,
}

#[derive(Clone, Message)]
struct NodeProto {
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<AttributeProto>,
}

#[derive(Clone, Message)]
struct AttributeProto {
    #[prost(message, optional, tag = "5")]
    tensor: Option<TensorProto>,
    #[prost(message, optional, tag = "6")]
    graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "10")]
    tensors: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    graphs: Vec<GraphProto>,
    #[prost(message, optional, tag = "22")]
    sparse_tensor: Option<SparseTensorProto>,
    #[prost(message, repeated, tag = "23")]
    sparse_tensors: Vec<SparseTensorProto>,
}

#[derive(Clone, Message)]
struct SparseTensorProto {
    #[prost(message, optional, tag = "1")]
    values: Option<TensorProto>,
    #[prost(message, optional, tag = "2")]
    indices: Option<TensorProto>,
}

#[derive(Clone, Message)]
struct TensorProto {
    /// Where an external tensor lies, as key and value; what they say does not matter.
    #[prost(message, repeated, tag = "13")]
    external_data: Vec<Ignored>,
    /// 0: in the file itself.
    #[prost(int32, tag = "14")]
    data_location: i32,
}

#[derive(Clone, Message)]
struct Ignored {}

impl GraphProto {
    fn is_external(&self) -> bool {
        self.initializers.iter().any(TensorProto::is_external)
            || self.sparse_initializers.iter().any(SparseTensorProto::is_external)
            || self.nodes.iter().any(NodeProto::is_external)
    }
}

impl NodeProto {
    fn is_external(&self) -> bool {
        self.attributes.iter().any(|attribute| {
            attribute.tensor.iter().chain(&attribute.tensors).any(TensorProto::is_external)
                || attribute.graph.iter().chain(&attribute.graphs).any(GraphProto::is_external)
                || attribute.sparse_tensor.iter().chain(&attribute.sparse_tensors).any(SparseTensorProto::is_external)
        })
    }
}

impl SparseTensorProto {
    fn is_external(&self) -> bool {
        self.values.iter().chain(&self.indices).any(TensorProto::is_external)
    }
}

impl TensorProto {
    fn is_external(&self) -> bool {
        self.data_location != 0 || !self.external_data.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(graph: GraphProto) -> Vec<u8> {
        ModelProto { graph: Some(graph), functions: Vec::new() }.encode_to_vec()
    }

    fn external() -> TensorProto {
        TensorProto { external_data: vec![Ignored {}], data_location: 1 }
    }

    #[test]
    fn weights_within_the_file_are_accepted() {
        let graph = GraphProto { initializers: vec![TensorProto::default()], ..GraphProto::default() };

        assert_eq!(refuse_external_data(&model(graph)), Ok(()));
    }

    #[test]
    fn weights_in_other_files_are_refused_wherever_they_are_named() {
        let in_node = |attribute| NodeProto { attributes: vec![attribute] };
        let as_initializer = GraphProto { initializers: vec![external()], ..GraphProto::default() };
        let as_attribute = AttributeProto { tensor: Some(external()), ..AttributeProto::default() };
        let in_subgraph = AttributeProto { graph: Some(as_initializer.clone()), ..AttributeProto::default() };

        for graph in [
            as_initializer,
            GraphProto { nodes: vec![in_node(as_attribute)], ..GraphProto::default() },
            GraphProto { nodes: vec![in_node(in_subgraph)], ..GraphProto::default() },
        ] {
            assert_eq!(refuse_external_data(&model(graph)), Err(GraphError::ExternalData));
        }
    }

    #[test]
    fn what_is_no_graph_is_malformed() {
        for bytes in [&b""[..], b"garbage", &[0xff; 100]] {
            assert_eq!(refuse_external_data(bytes), Err(GraphError::Malformed));
        }
    }
}
