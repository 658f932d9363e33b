//! Owns reading layers out of a graph: walking from value to value, and the weights of convolutions. Refuses whatever
//! is not exactly as expected.

use super::super::kernels::{ConvWeights, NormWeights};
use super::super::onnx::{Graph, Node, Tensor};
use super::StructureError;
use super::names::SPEAKER;

pub type Read<T> = Result<T, StructureError>;

pub const UNKNOWN_NORM: StructureError = StructureError("known normalisation");

/// How far a constant may be from the root that it stands for.
const ROOT_TOLERANCE: f32 = 1e-4;

pub struct GraphReader<'g, 'a> {
    pub graph: &'g Graph<'a>,
}

impl<'a> GraphReader<'_, 'a> {
    /// A convolution that keeps the length.
    pub fn convolution(&self, node: Node<'a>) -> Read<ConvWeights> {
        self.padded_by(node, |kernel, dilation| dilation * kernel.saturating_sub(1) / 2)
    }

    /// A convolution whose input was padded before.
    pub fn unpadded(&self, node: Node<'a>) -> Read<ConvWeights> {
        self.padded_by(node, |_, _| 0)
    }

    fn padded_by(&self, node: Node<'a>, padding: impl Fn(usize, usize) -> usize) -> Read<ConvWeights> {
        let malformed = StructureError("plain convolutions");
        let weight = self.constant(node, 1)?;
        let [out_channels, in_channels, kernel] = weight.shape[..] else { return Err(malformed) };
        let dilation = size(node, "dilations", 0, 1).ok_or(malformed.clone())?;
        let padding = padding(kernel, dilation);
        let same = [0, 1].iter().all(|&side| size(node, "pads", side, 0) == Some(padding));
        if !same || kernel % 2 == 0 || size(node, "strides", 0, 1) != Some(1) || node.int("group").unwrap_or(1) != 1 {
            return Err(malformed);
        }
        let bias = self.bias(node)?;
        Ok(ConvWeights { out_channels, in_channels, kernel, dilation, weight: weight.values, bias })
    }

    pub fn constant(&self, node: Node<'a>, place: usize) -> Read<Tensor> {
        node.input(place).and_then(|name| self.graph.constant(name)).ok_or(StructureError("constant weights"))
    }

    pub fn bias(&self, node: Node<'a>) -> Read<Vec<f32>> {
        if node.input(2).is_none() { Ok(Vec::new()) } else { Ok(self.constant(node, 2)?.values) }
    }

    /// The one consumer of a kind.
    pub fn follow(&self, value: &str, kind: &'static str) -> Read<Node<'a>> {
        let mut found = self.graph.consumers(value).filter(|node| node.is(kind));
        found.next().filter(|_| found.next().is_none()).ok_or(StructureError("known order of layers"))
    }

    pub fn only_consumer(&self, value: &str) -> Read<Node<'a>> {
        let mut consumers = self.graph.consumers(value);
        consumers.next().filter(|_| consumers.next().is_none()).ok_or(StructureError("known order of layers"))
    }

    /// A value after the speaker's part is added to it, and what makes that of the embedding.
    pub fn conditioned(&self, value: &'a str) -> Read<(&'a str, Option<ConvWeights>)> {
        if !self.graph.has_input(SPEAKER) {
            return Ok((value, None));
        }
        let sum = self.follow(value, "Add")?;
        let conditions = sum.inputs().iter().filter_map(|input| self.graph.producer(input));
        let condition = conditions
            .filter(|node| node.is("Conv"))
            .find(|node| node.input(0) == Some(SPEAKER))
            .ok_or(StructureError("known speaker condition"))?;
        Ok((sum.output(), Some(self.convolution(condition)?)))
    }

    /// The normalisation of a value over its channels, and what it gives.
    pub fn norm(&self, value: &'a str) -> Read<(NormWeights, &'a str)> {
        let turned = self.follow(value, "Transpose")?;
        let centred = self.follow(turned.output(), "Sub")?;
        let reduced = self.follow(centred.output(), "Div")?;
        let deviation = reduced.input(1).and_then(|value| self.graph.producer(value));
        let variance = deviation.filter(|node| node.is("Sqrt")).and_then(|node| self.graph.producer(node.input(0)?));
        let epsilon = self.factor(variance.filter(|node| node.is("Add")).ok_or(UNKNOWN_NORM)?)?;
        let [epsilon] = epsilon.values[..] else { return Err(UNKNOWN_NORM) };
        let scaled = self.follow(reduced.output(), "Mul")?;
        let shifted = self.follow(scaled.output(), "Add")?;
        let weights = NormWeights { scale: self.factor(scaled)?.values, shift: self.factor(shifted)?.values, epsilon };
        Ok((weights, self.follow(shifted.output(), "Transpose")?.output()))
    }

    /// The constant that a value is multiplied with, or that is added to it.
    pub fn factor(&self, node: Node<'a>) -> Read<Tensor> {
        let mut constants = node.inputs().iter().filter_map(|input| self.graph.constant(input));
        constants.next().ok_or(StructureError("constant weights"))
    }

    /// What a value is after it is multiplied with the mask, as often as it is: one sentence at a time has nothing to
    /// mask.
    pub fn unmasked(&self, mut value: &'a str) -> &'a str {
        let is_mask = |node: &Node<'a>| {
            let made = node.inputs().iter().filter_map(|input| self.graph.producer(input));
            made.into_iter().any(|node| node.is("Cast"))
        };
        while let Some(product) = self.graph.consumers(value).filter(|node| node.is("Mul")).find(is_mask) {
            value = product.output();
        }
        value
    }
}

/// Whether a constant is the square root of a number.
pub fn expect_root(constant: &Tensor, of: usize) -> Read<()> {
    let root = (of as f32).sqrt();
    let is_root = constant.values.len() == 1 && (constant.values[0] - root).abs() <= ROOT_TOLERANCE * root;
    if is_root { Ok(()) } else { Err(StructureError("known scales")) }
}

/// A size that an attribute lists, with its default.
pub fn size(node: Node<'_>, attribute: &str, place: usize, default: usize) -> Option<usize> {
    match node.ints(attribute) {
        None => Some(default),
        Some(sizes) => usize::try_from(*sizes.get(place)?).ok(),
    }
}
