//! Owns reading a HiFi-GAN decoder (Kong, Kim, Bae, 2020) out of a graph: its layers in order, with their weights.
//! Refuses whatever is not exactly that.

use super::super::decoder::{ConvWeights, DecoderWeights, ResBlockWeights, StageWeights, UpsampleWeights};
use super::super::onnx::{Graph, Node};
use super::StructureError;
use super::names::LATENT;
use super::reader::{GraphReader, Read, size};

/// Slopes of the leaky rectifiers: within the stages, and before the last convolution.
const SLOPE: f32 = 0.1;
const LAST_SLOPE: f32 = 0.01;

/// The decoder of a graph that was cut out between the latent and the samples, and what makes its condition of the
/// speaker's embedding.
pub fn decoder_weights(graph: &Graph<'_>) -> Read<(DecoderWeights, Option<ConvWeights>)> {
    let reader = GraphReader { graph };
    let first = reader.follow(LATENT, "Conv")?;
    let pre = reader.convolution(first)?;
    let (mut value, speaker) = reader.conditioned(first.output())?;
    let mut stages = Vec::new();
    loop {
        let activation = reader.follow(value, "LeakyRelu")?;
        let next = reader.only_consumer(activation.output())?;
        if next.is("ConvTranspose") {
            expect_slope(activation, SLOPE)?;
            let (stage, end) = reader.stage(next)?;
            stages.push(stage);
            value = end;
        } else {
            expect_slope(activation, LAST_SLOPE)?;
            reader.follow(next.output(), "Tanh")?;
            let post = reader.convolution(next)?;
            return Ok((DecoderWeights { pre, stages, post, slope: SLOPE, post_slope: LAST_SLOPE }, speaker));
        }
    }
}

impl<'a> GraphReader<'_, 'a> {
    /// An upsampling and its residual blocks, and the value after their mean.
    fn stage(&self, upsampling: Node<'a>) -> Read<(StageWeights, &'a str)> {
        let value = upsampling.output();
        let activations = self.graph.consumers(value).filter(|node| node.is("LeakyRelu"));
        let firsts: Vec<Node> =
            activations.flat_map(|node| self.graph.consumers(node.output())).filter(|node| node.is("Conv")).collect();
        let mut blocks = Vec::new();
        let mut mean = None;
        for first in firsts {
            let (block, end) = self.block(value, first)?;
            blocks.push(block);
            let this = self.mean_of(end)?;
            if *mean.get_or_insert(this) != this {
                return Err(StructureError("mean of the residual blocks"));
            }
        }
        let mean = mean.ok_or(StructureError("residual blocks"))?;
        let divisor = mean.input(1).and_then(|divisor| self.graph.constant(divisor)).map(|tensor| tensor.values);
        if divisor.as_deref() != Some(&[blocks.len() as f32]) {
            return Err(StructureError("mean of the residual blocks"));
        }
        Ok((StageWeights { upsample: self.upsampling(upsampling)?, blocks }, mean.output()))
    }

    /// The division that a block's result takes part in.
    fn mean_of(&self, mut value: &'a str) -> Read<Node<'a>> {
        loop {
            let next = self.only_consumer(value)?;
            if next.is("Div") {
                return Ok(next);
            }
            if !next.is("Add") {
                return Err(StructureError("mean of the residual blocks"));
            }
            value = next.output();
        }
    }

    /// A residual block that begins with this convolution of the activated `value`, and its result.
    fn block(&self, mut value: &'a str, mut convolution: Node<'a>) -> Read<(ResBlockWeights, &'a str)> {
        let (mut singles, mut pairs) = (Vec::new(), Vec::new());
        loop {
            self.expect_activated(convolution, value)?;
            let first = self.convolution(convolution)?;
            let next = self.only_consumer(convolution.output())?;
            let sum = if next.is("LeakyRelu") {
                expect_slope(next, SLOPE)?;
                let second = self.follow(next.output(), "Conv")?;
                pairs.push((first, self.convolution(second)?));
                self.only_consumer(second.output())?
            } else {
                singles.push(first);
                next
            };
            if !sum.is("Add") || !sum.inputs().iter().any(|input| input == value) {
                return Err(StructureError("residual blocks"));
            }
            value = sum.output();
            // What goes on is read twice: activated, and added to the result.
            let activated = self.graph.consumers(value).find(|node| node.is("LeakyRelu"));
            match activated {
                Some(activation) if self.graph.consumers(value).count() == 2 => {
                    convolution = self.follow(activation.output(), "Conv")?;
                }
                _ => break,
            }
        }
        let block = match (singles.is_empty(), pairs.is_empty()) {
            (true, false) => ResBlockWeights::ResBlock1 { pairs },
            (false, true) => ResBlockWeights::ResBlock2 { convs: singles },
            _ => return Err(StructureError("residual blocks")),
        };
        Ok((block, value))
    }

    fn upsampling(&self, node: Node<'a>) -> Read<UpsampleWeights> {
        let malformed = StructureError("plain upsampling");
        let weight = self.constant(node, 1)?;
        let [in_channels, out_channels, kernel] = weight.shape[..] else { return Err(malformed) };
        let stride = size(node, "strides", 0, 1).ok_or(malformed.clone())?;
        let padding = size(node, "pads", 0, 0).ok_or(malformed.clone())?;
        // Each frame gives `stride` samples.
        let exact = stride > 0 && kernel == stride + 2 * padding && size(node, "pads", 1, 0) == Some(padding);
        let plain = node.ints("output_padding").is_none_or(|padding| padding.iter().all(|&samples| samples == 0))
            && size(node, "dilations", 0, 1) == Some(1)
            && node.int("group").unwrap_or(1) == 1;
        if !exact || !plain {
            return Err(malformed);
        }
        let bias = self.bias(node)?;
        Ok(UpsampleWeights { in_channels, out_channels, kernel, stride, padding, weight: weight.values, bias })
    }

    fn expect_activated(&self, convolution: Node<'a>, value: &str) -> Read<()> {
        let activation = convolution.input(0).and_then(|input| self.graph.producer(input));
        let activation = activation.filter(|node| node.is("LeakyRelu") && node.input(0) == Some(value));
        expect_slope(activation.ok_or(StructureError("residual blocks"))?, SLOPE)
    }
}

fn expect_slope(activation: Node<'_>, slope: f32) -> Read<()> {
    let alpha = activation.float("alpha").unwrap_or(0.01);
    if (alpha - slope).abs() < 1e-6 { Ok(()) } else { Err(StructureError("known slopes")) }
}
