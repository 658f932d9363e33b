//! Owns reading the text encoder of VITS (Kim, Kong, Son, 2021) out of a graph: its layers in order, with their
//! weights. Refuses whatever is not exactly that, but for the paddings before convolutions, which stand in nodes of
//! their own and can keep the length in one sensible way.

use super::super::encoder::{AttentionWeights, EncoderLayerWeights, EncoderWeights, NormWeights};
use super::super::graph_inputs::INPUT;
use super::super::kernels::ConvWeights;
use super::super::onnx::{Graph, Node, Tensor};
use super::StructureError;
use super::names::{HIDDEN, LOG_DEVIATION, MEAN};
use super::reader::{GraphReader, Read, UNKNOWN_NORM, expect_root};

const UNKNOWN: StructureError = StructureError("known text encoder");
const UNKNOWN_ATTENTION: StructureError = StructureError("known attention");

/// The text encoder of a graph that was cut out between the phoneme ids and what it says of them.
pub fn encoder_weights(graph: &Graph<'_>) -> Read<EncoderWeights> {
    let reader = EncoderReader(GraphReader { graph });
    let (embedding, hidden, mut value) = reader.embedding()?;
    let mut layers = Vec::new();
    while value != HIDDEN {
        let (layer, end) = reader.layer(value, hidden)?;
        layers.push(layer);
        value = end;
    }
    let projection = reader.0.follow(HIDDEN, "Conv")?;
    let halves = graph.producer(MEAN).filter(|node| node.is("Split")).ok_or(UNKNOWN)?;
    let whole = reader.0.unmasked(projection.output());
    if halves.input(0) != Some(whole) || halves.outputs() != [MEAN, LOG_DEVIATION] {
        return Err(UNKNOWN);
    }
    Ok(EncoderWeights { embedding, layers, projection: reader.0.convolution(projection)? })
}

struct EncoderReader<'g, 'a>(GraphReader<'g, 'a>);

impl<'a> EncoderReader<'_, 'a> {
    /// The table, its width, and the value after it.
    fn embedding(&self) -> Read<(Vec<f32>, usize, &'a str)> {
        let graph = self.0.graph;
        let lookup = graph.consumers(INPUT).find(|node| node.is("Gather") && node.input(1) == Some(INPUT));
        let lookup = lookup.ok_or(UNKNOWN)?;
        let table = self.0.constant(lookup, 0)?;
        let [_, hidden] = table.shape[..] else { return Err(UNKNOWN) };
        let scaled = self.0.follow(lookup.output(), "Mul")?;
        expect_root(&self.0.factor(scaled)?, hidden)?;
        let turned = self.0.follow(scaled.output(), "Transpose")?;
        Ok((table.values, hidden, self.0.unmasked(turned.output())))
    }

    /// The layer that begins with a value, and the value after it.
    fn layer(&self, value: &'a str, hidden: usize) -> Read<(EncoderLayerWeights, &'a str)> {
        let (attention, end) = self.attention(value, hidden)?;
        let (attention_norm, between) = self.norm(value, end)?;
        let (first, end) = self.padded(between)?;
        let active = self.0.follow(end, "Relu")?;
        let (second, end) = self.padded(active.output())?;
        let (feed_forward_norm, end) = self.norm(between, self.0.unmasked(end))?;
        let feed_forward = [first, second];
        Ok((EncoderLayerWeights { attention, attention_norm, feed_forward, feed_forward_norm }, self.0.unmasked(end)))
    }

    /// The attention over a value, and its result.
    fn attention(&self, value: &'a str, hidden: usize) -> Read<(AttentionWeights, &'a str)> {
        let graph = self.0.graph;
        let asked: Vec<Node> = graph.consumers(value).filter(|node| node.is("Conv")).collect();
        if asked.len() != 3 {
            return Err(UNKNOWN_ATTENTION);
        }
        // The convolution, of the three, that a value is a form of.
        let source = |value: &'a str| {
            let conv = self.back(value, &["Transpose", "Reshape"]);
            conv.filter(|conv| asked.contains(conv)).ok_or(UNKNOWN_ATTENTION)
        };
        let queries = asked.iter().find_map(|conv| self.scaled(*conv)).ok_or(UNKNOWN_ATTENTION)?;
        let products: Vec<Node> = graph.consumers(queries.output()).filter(|node| node.is("MatMul")).collect();
        let [a, b] = products[..] else { return Err(UNKNOWN_ATTENTION) };
        let operand = |product: Node<'a>| product.input(1).ok_or(UNKNOWN_ATTENTION);
        let (scores, near_keys) = match (self.near(operand(a)?), self.near(operand(b)?)) {
            (None, Some(near)) => (a, near),
            (Some(near), None) => (b, near),
            _ => return Err(UNKNOWN_ATTENTION),
        };
        let softmax = self.softmax(scores)?;
        let said = self.0.follow(softmax.output(), "MatMul")?;
        let sum = self.0.follow(said.output(), "Add")?;
        let near_values = sum.inputs().iter().filter_map(|input| graph.producer(input));
        let near_values = near_values
            .filter(|node| node.is("MatMul") && *node != said)
            .find_map(|node| self.near(node.input(1)?))
            .ok_or(UNKNOWN_ATTENTION)?;
        let turned = self.0.follow(sum.output(), "Transpose")?;
        let output = self.0.follow(self.0.follow(turned.output(), "Reshape")?.output(), "Conv")?;
        let [1, _, depth] = near_keys.shape[..] else { return Err(UNKNOWN_ATTENTION) };
        expect_root(&self.0.constant(queries, 1)?, depth)?;
        if depth == 0 || near_values.shape != near_keys.shape {
            return Err(UNKNOWN_ATTENTION);
        }
        let [query, key, value] =
            [source(queries.input(0).ok_or(UNKNOWN_ATTENTION)?)?, source(operand(scores)?)?, source(operand(said)?)?];
        if query == key || key == value || query == value {
            return Err(UNKNOWN_ATTENTION);
        }
        let weights = AttentionWeights {
            heads: hidden / depth,
            query: self.0.convolution(query)?,
            key: self.0.convolution(key)?,
            value: self.0.convolution(value)?,
            output: self.0.convolution(output)?,
            near_keys: near_keys.values,
            near_values: near_values.values,
        };
        Ok((weights, output.output()))
    }

    /// The division of what a convolution gives, in the form of heads, by a constant.
    fn scaled(&self, convolution: Node<'a>) -> Option<Node<'a>> {
        let mut value = convolution.output();
        for kind in ["Reshape", "Transpose"] {
            value = self.0.follow(value, kind).ok()?.output();
        }
        self.0.follow(value, "Div").ok()
    }

    /// The softmax of scores, after what belongs to the distances is added and what is masked is left out.
    fn softmax(&self, scores: Node<'a>) -> Read<Node<'a>> {
        let mut next = self.0.only_consumer(scores.output())?;
        if !next.is("Add") {
            return Err(UNKNOWN_ATTENTION);
        }
        next = self.0.only_consumer(next.output())?;
        if next.is("Where") {
            next = self.0.only_consumer(next.output())?;
        }
        if next.is("Softmax") { Ok(next) } else { Err(UNKNOWN_ATTENTION) }
    }

    /// The table of distances that a value is cut out of, if it is.
    fn near(&self, value: &'a str) -> Option<Tensor> {
        let padded = self.back(value, &["Transpose", "Unsqueeze", "Slice"])?;
        if padded.is("Pad") { self.0.graph.constant(padded.input(0)?) } else { None }
    }

    /// The normalised sum of two values, and what it gives.
    fn norm(&self, a: &'a str, b: &'a str) -> Read<(NormWeights, &'a str)> {
        let mut sums = self.0.graph.consumers(b).filter(|node| node.is("Add"));
        let sum = sums.find(|node| node.inputs().iter().any(|input| input == a)).ok_or(UNKNOWN_NORM)?;
        self.0.norm(sum.output())
    }

    /// A convolution behind its padding, if it has one, and what it gives.
    fn padded(&self, value: &'a str) -> Read<(ConvWeights, &'a str)> {
        let value = self.0.unmasked(value);
        let Ok(padding) = self.0.follow(value, "Pad") else {
            let node = self.0.follow(value, "Conv")?;
            return Ok((self.0.convolution(node)?, node.output()));
        };
        let node = self.0.follow(padding.output(), "Conv")?;
        Ok((self.0.unpadded(node)?, node.output()))
    }

    /// The first node on the way back from a value that is of none of these kinds.
    fn back(&self, value: &'a str, kinds: &[&str]) -> Option<Node<'a>> {
        let mut node = self.0.graph.producer(value)?;
        while kinds.iter().any(|kind| node.is(kind)) {
            node = self.0.graph.producer(node.input(0)?)?;
        }
        Some(node)
    }
}
