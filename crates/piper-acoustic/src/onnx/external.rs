//! Owns finding weights that a model keeps in other files.

use super::proto::{GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto};

pub fn has_external_data(model: &ModelProto) -> bool {
    let functions = model.functions.iter().flat_map(|function| &function.nodes);
    model.graph.as_ref().is_some_and(GraphProto::is_external) || functions.into_iter().any(NodeProto::is_external)
}

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
        self.data_location.is_some_and(|location| location != 0) || !self.external_data.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::proto::{AttributeProto, IgnoredMessage};
    use super::*;

    fn model(graph: GraphProto) -> ModelProto {
        ModelProto { graph: Some(graph), ..ModelProto::default() }
    }

    fn external() -> TensorProto {
        TensorProto { external_data: vec![IgnoredMessage {}], data_location: Some(1), ..TensorProto::default() }
    }

    #[test]
    fn weights_within_the_file_are_accepted() {
        let graph = GraphProto { initializers: vec![TensorProto::default()], ..GraphProto::default() };

        assert!(!has_external_data(&model(graph)));
    }

    #[test]
    fn weights_in_other_files_are_found_wherever_they_are_named() {
        let in_node = |attribute| NodeProto { attributes: vec![attribute], ..NodeProto::default() };
        let as_initializer = GraphProto { initializers: vec![external()], ..GraphProto::default() };
        let as_attribute = AttributeProto { tensor: Some(external()), ..AttributeProto::default() };
        let in_subgraph = AttributeProto { graph: Some(as_initializer.clone()), ..AttributeProto::default() };

        for graph in [
            as_initializer,
            GraphProto { nodes: vec![in_node(as_attribute)], ..GraphProto::default() },
            GraphProto { nodes: vec![in_node(in_subgraph)], ..GraphProto::default() },
        ] {
            assert!(has_external_data(&model(graph)));
        }
    }
}
