//! Owns cutting a smaller model out of one: what is needed to compute some values from others.

use std::collections::{HashMap, HashSet};

use super::proto::{FLOAT, GraphProto, ModelProto, NodeProto, TensorTypeProto, TypeProto, ValueInfoProto};

/// Where to cut. Inputs of the whole model that the outputs need stay inputs; what is given here is of 32-bit floats.
#[derive(Debug, Clone, Default)]
pub struct Cut {
    /// Values of the whole graph that are given instead of computed.
    pub inputs: Vec<CutValue>,
    /// Values of the whole graph that are wanted.
    pub outputs: Vec<CutValue>,
}

/// A value at which a graph is cut.
#[derive(Debug, Clone)]
pub struct CutValue {
    /// Its name in the whole graph.
    pub from: String,
    /// Its name in the new one, which no value of the whole graph may have.
    pub to: &'static str,
}

pub fn cut(model: &ModelProto, cut: &Cut) -> ModelProto {
    let Some(graph) = &model.graph else { return model.clone() };
    let nodes = needed(graph, cut);
    let used: HashSet<&str> = nodes.iter().flat_map(|node| reads(node)).collect();
    let given = cut.inputs.iter().filter(|value| used.contains(value.from.as_str())).map(|value| floats(value.to));
    let inputs = graph.inputs.iter().filter(|input| used.contains(input.name())).cloned().chain(given).collect();
    let weights =
        graph.initializers.iter().filter(|tensor| tensor.name.as_deref().is_some_and(|name| used.contains(name)));
    let names = cut.inputs.iter().chain(&cut.outputs).map(|value| (value.from.as_str(), value.to)).collect();
    ModelProto {
        ir_version: model.ir_version,
        graph: Some(GraphProto {
            name: graph.name.clone(),
            inputs,
            outputs: cut.outputs.iter().map(|value| floats(value.to)).collect(),
            initializers: weights.cloned().collect(),
            sparse_initializers: graph.sparse_initializers.clone(),
            nodes: nodes.into_iter().map(|node| renamed(node, &names)).collect(),
            ..GraphProto::default()
        }),
        opset_import: model.opset_import.clone(),
        functions: model.functions.clone(),
    }
}

/// The nodes that the outputs need, in the order of the graph, which is one that computes them.
fn needed<'a>(graph: &'a GraphProto, cut: &'a Cut) -> Vec<&'a NodeProto> {
    let producers: HashMap<&str, usize> = graph
        .nodes
        .iter()
        .enumerate()
        .flat_map(|(number, node)| node.outputs.iter().map(move |output| (output.as_str(), number)))
        .collect();
    let given: HashSet<&str> = cut.inputs.iter().map(|value| value.from.as_str()).collect();
    let mut wanted: Vec<&str> = cut.outputs.iter().map(|value| value.from.as_str()).collect();
    let mut kept = HashSet::new();
    while let Some(value) = wanted.pop() {
        if given.contains(value) {
            continue;
        }
        if let Some(&producer) = producers.get(value)
            && kept.insert(producer)
        {
            wanted.extend(reads(&graph.nodes[producer]));
        }
    }
    graph.nodes.iter().enumerate().filter(|(number, _)| kept.contains(number)).map(|(_, node)| node).collect()
}

/// The node with other names for the values that it reads and makes, its subgraphs included.
fn renamed(node: &NodeProto, names: &HashMap<&str, &'static str>) -> NodeProto {
    let mut node = node.clone();
    for value in node.inputs.iter_mut().chain(&mut node.outputs) {
        if let Some(&name) = names.get(value.as_str()) {
            name.clone_into(value);
        }
    }
    for attribute in &mut node.attributes {
        for graph in attribute.graph.iter_mut().chain(&mut attribute.graphs) {
            graph.nodes = graph.nodes.iter().map(|node| renamed(node, names)).collect();
        }
    }
    node
}

/// What a node reads, its subgraphs included.
fn reads(node: &NodeProto) -> Vec<&str> {
    let mut names: Vec<&str> = node.inputs.iter().map(String::as_str).collect();
    for attribute in &node.attributes {
        for graph in attribute.graph.iter().chain(&attribute.graphs) {
            names.extend(graph.nodes.iter().flat_map(reads));
        }
    }
    names
}

fn floats(name: &str) -> ValueInfoProto {
    let tensor = TensorTypeProto { element: Some(FLOAT), shape: None };
    ValueInfoProto { name: Some(name.to_owned()), kind: Some(TypeProto { tensor: Some(tensor) }) }
}

#[cfg(test)]
mod tests {
    use super::super::proto::TensorProto;
    use super::*;

    fn node(inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            outputs: vec![output.to_owned()],
            ..NodeProto::default()
        }
    }

    fn value(from: &str, to: &'static str) -> CutValue {
        CutValue { from: from.to_owned(), to }
    }

    fn names(values: &[ValueInfoProto]) -> Vec<&str> {
        values.iter().map(ValueInfoProto::name).collect()
    }

    #[test]
    fn a_cut_keeps_what_its_outputs_need_and_nothing_else() {
        let weight = |name: &str| TensorProto { name: Some(name.to_owned()), ..TensorProto::default() };
        let graph = GraphProto {
            inputs: vec![floats("text"), floats("scales")],
            outputs: vec![floats("d")],
            initializers: vec![weight("u"), weight("w")],
            nodes: vec![
                node(&["text", "u"], "a"),
                node(&["a"], "b"),
                node(&["b", "w", "scales"], "c"),
                node(&["c"], "d"),
            ],
            ..GraphProto::default()
        };
        let model = ModelProto { graph: Some(graph), ..ModelProto::default() };

        let cut =
            cut(&model, &Cut { inputs: vec![value("b", "from")], outputs: vec![value("c", "to")] }).graph.unwrap();

        assert_eq!(names(&cut.inputs), ["scales", "from"]);
        assert_eq!(names(&cut.outputs), ["to"]);
        assert_eq!(cut.nodes.iter().map(|node| &node.inputs[..]).collect::<Vec<_>>(), [["from", "w", "scales"]]);
        assert_eq!(cut.nodes[0].outputs, ["to"]);
        assert_eq!(cut.initializers.len(), 1);
    }
}
