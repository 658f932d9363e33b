//! Owns reading layers out of a graph: walking from value to value, and the weights of convolutions. Refuses whatever is not exactly as
//! expected.

use super::super::kernels::ConvWeights;
use super::super::onnx::{Graph, Node, Tensor};
use super::StructureError;

pub type Read<T> = Result<T, StructureError>;

pub struct Reader<'g, 'a> {
    pub graph: &'g Graph<'a>,
}

impl<'a> Reader<'_, 'a> {
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
}

/// A size that an attribute lists, with its default.
pub fn size(node: Node<'_>, attribute: &str, place: usize, default: usize) -> Option<usize> {
    match node.ints(attribute) {
        None => Some(default),
        Some(sizes) => usize::try_from(*sizes.get(place)?).ok(),
    }
}
