//! Owns looking into a graph: who makes a value, who reads it, what is constant.

use std::collections::HashMap;

use super::proto::{GraphProto, NodeProto, TensorProto};

/// A graph, indexed.
pub struct Graph<'a> {
    proto: Option<&'a GraphProto>,
    producers: HashMap<&'a str, &'a NodeProto>,
    consumers: HashMap<&'a str, Vec<&'a NodeProto>>,
    constants: HashMap<&'a str, &'a TensorProto>,
}

/// A node of a graph.
#[derive(Clone, Copy)]
pub struct Node<'a>(&'a NodeProto);

// === impl Graph ===

impl<'a> Graph<'a> {
    pub(super) fn new(graph: Option<&'a GraphProto>) -> Self {
        let nodes = || graph.into_iter().flat_map(|graph| &graph.nodes);
        let mut consumers: HashMap<&str, Vec<&NodeProto>> = HashMap::new();
        for node in nodes() {
            for input in &node.inputs {
                consumers.entry(input).or_default().push(node);
            }
        }
        let initializers = graph.into_iter().flat_map(|graph| &graph.initializers);
        let constants = initializers.filter_map(|tensor| Some((tensor.name.as_deref()?, tensor)));
        Self {
            proto: graph,
            producers: nodes()
                .flat_map(|node| node.outputs.iter().map(move |output| (output.as_str(), node)))
                .collect(),
            consumers,
            constants: constants.chain(nodes().filter_map(constant_node)).collect(),
        }
    }

    pub fn nodes(&self) -> impl Iterator<Item = Node<'a>> {
        self.proto.into_iter().flat_map(|graph| &graph.nodes).map(Node)
    }

    pub fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = Node<'a>> {
        self.nodes().filter(move |node| node.is(kind))
    }

    /// The node that makes a value, unless it is an input or a constant.
    pub fn producer(&self, value: &str) -> Option<Node<'a>> {
        self.producers.get(value).copied().map(Node)
    }

    /// The nodes that read a value.
    pub fn consumers(&self, value: &str) -> impl Iterator<Item = Node<'a>> {
        self.consumers.get(value).into_iter().flatten().copied().map(Node)
    }

    pub fn is_constant(&self, value: &str) -> bool {
        self.constants.contains_key(value)
    }
}

// === impl Node ===

impl<'a> Node<'a> {
    pub fn is(self, kind: &str) -> bool {
        self.0.op_type.as_deref() == Some(kind)
    }

    /// The inputs; one that is left out is empty.
    pub fn inputs(self) -> &'a [String] {
        &self.0.inputs
    }

    /// An input by its place.
    pub fn input(self, place: usize) -> Option<&'a str> {
        self.0.inputs.get(place).map(String::as_str).filter(|name| !name.is_empty())
    }

    pub fn outputs(self) -> &'a [String] {
        &self.0.outputs
    }

    /// The first output.
    pub fn output(self) -> &'a str {
        self.0.outputs.first().map_or("", String::as_str)
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

fn constant_node(node: &NodeProto) -> Option<(&str, &TensorProto)> {
    if !Node(node).is("Constant") {
        return None;
    }
    let value = node.attributes.iter().find(|attribute| attribute.name.as_deref() == Some("value"))?;
    Some((node.outputs.first()?, value.tensor.as_ref()?))
}
