//! Owns looking into a graph: who makes a value, who reads it, what is constant.

use std::collections::{HashMap, HashSet};

use super::proto::{FLOAT, GraphProto, NodeProto, TensorProto};

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

/// A constant tensor of floats.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

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

    /// Whether each value is made once, and before it is read, as the format demands: then every walk through the graph
    /// ends.
    pub fn is_ordered(&self) -> bool {
        let mut made = HashSet::new();
        self.nodes().all(|node| {
            let is_known =
                |input: &String| made.contains(input.as_str()) || !self.producers.contains_key(input.as_str());
            node.inputs().iter().all(is_known) && node.outputs().iter().all(|output| made.insert(output.as_str()))
        })
    }

    pub fn nodes(&self) -> impl Iterator<Item = Node<'a>> {
        self.proto.into_iter().flat_map(|graph| &graph.nodes).map(Node)
    }

    pub fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = Node<'a>> {
        self.nodes().filter(move |node| node.is(kind))
    }

    pub fn has_input(&self, name: &str) -> bool {
        self.proto.is_some_and(|graph| graph.inputs.iter().any(|input| input.name() == name))
    }

    /// The node that makes a value, unless it is an input or a constant.
    pub fn producer(&self, value: &str) -> Option<Node<'a>> {
        self.producers.get(value).copied().map(Node)
    }

    /// The nodes that read a value.
    pub fn consumers(&self, value: &str) -> impl Iterator<Item = Node<'a>> {
        self.consumers.get(value).into_iter().flatten().copied().map(Node)
    }

    /// The value of a constant, if it is one of floats.
    pub fn constant(&self, value: &str) -> Option<Tensor> {
        floats(self.constants.get(self.original(value))?)
    }

    pub fn is_constant(&self, value: &str) -> bool {
        self.constants.contains_key(self.original(value))
    }

    /// What a value is a copy of: exporters write weights that are equal once.
    fn original<'v>(&self, mut value: &'v str) -> &'v str
    where
        'a: 'v,
    {
        while let Some(source) = self.producer(value).filter(|node| node.is("Identity")).and_then(|node| node.input(0))
        {
            value = source;
        }
        value
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

    pub fn ints(self, attribute: &str) -> Option<&'a [i64]> {
        let attribute = self.0.attributes.iter().find(|known| known.name.as_deref() == Some(attribute))?;
        Some(&attribute.ints)
    }

    pub fn int(self, attribute: &str) -> Option<i64> {
        self.0.attributes.iter().find(|known| known.name.as_deref() == Some(attribute))?.i
    }

    pub fn float(self, attribute: &str) -> Option<f32> {
        self.0.attributes.iter().find(|known| known.name.as_deref() == Some(attribute))?.f
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

fn floats(tensor: &TensorProto) -> Option<Tensor> {
    if tensor.data_type != Some(FLOAT) {
        return None;
    }
    let shape = tensor.dims.iter().map(|&size| usize::try_from(size).ok()).collect::<Option<Vec<_>>>()?;
    let values = match &tensor.raw_data {
        Some(raw) => raw.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        None => tensor.float_data.clone(),
    };
    let size = shape.iter().try_fold(1_usize, |size, &next| size.checked_mul(next))?;
    (values.len() == size).then_some(Tensor { shape, values })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn copy(from: &str, to: &str) -> NodeProto {
        NodeProto {
            op_type: Some("Identity".to_owned()),
            inputs: vec![from.to_owned()],
            outputs: vec![to.to_owned()],
            ..NodeProto::default()
        }
    }

    #[test]
    fn values_that_are_read_before_they_are_made_or_made_twice_are_found() {
        let is_ordered = |nodes: &[(&str, &str)]| {
            let nodes = nodes.iter().map(|(from, to)| copy(from, to)).collect();
            Graph::new(Some(&GraphProto { nodes, ..GraphProto::default() })).is_ordered()
        };

        assert!(is_ordered(&[("input", "a"), ("a", "b"), ("a", "c")]));
        for wrong in [&[("a", "b"), ("input", "a")][..], &[("a", "a")], &[("input", "a"), ("input", "a")]] {
            assert!(!is_ordered(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_copy_of_a_constant_is_one() {
        let two = TensorProto {
            name: Some("two".to_owned()),
            dims: vec![1],
            data_type: Some(FLOAT),
            float_data: vec![2.0],
            ..TensorProto::default()
        };
        let nodes = vec![copy("two", "again"), copy("again", "and again")];
        let proto = GraphProto { nodes, initializers: vec![two], ..GraphProto::default() };
        let graph = Graph::new(Some(&proto));

        assert_eq!(graph.constant("and again").map(|tensor| tensor.values), Some(vec![2.0]));
        assert!(graph.is_constant("again") && !graph.is_constant("input"));
    }

    #[test]
    fn constants_are_read_in_each_of_their_forms() {
        let raw = |bytes: Vec<u8>, dims| TensorProto {
            dims,
            data_type: Some(FLOAT),
            raw_data: Some(Bytes::from(bytes)),
            ..TensorProto::default()
        };
        let plain =
            TensorProto { dims: vec![1], data_type: Some(FLOAT), float_data: vec![2.0], ..TensorProto::default() };

        let read = floats(&raw([1.0_f32, -0.5].map(f32::to_le_bytes).concat(), vec![2]));

        assert_eq!(read, Some(Tensor { shape: vec![2], values: vec![1.0, -0.5] }));
        assert_eq!(floats(&plain).map(|tensor| tensor.values), Some(vec![2.0]));
        assert_eq!(floats(&raw(vec![0; 4], vec![2])), None);
        assert_eq!(floats(&raw(vec![0; 4], vec![-1])), None);
        assert_eq!(floats(&raw(vec![], vec![i64::MAX, i64::MAX, 0])), None);
    }
}
