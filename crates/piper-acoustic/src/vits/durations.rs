//! Owns reading the duration predictors of VITS (Kim, Kong, Son, 2021) out of a graph: their layers in order, with
//! their weights. Refuses whatever is not exactly that. How the exporter spells a spline, in some three hundred nodes,
//! is not looked at: the check of a voice compares the durations themselves.

use super::super::durations::{
    AffineWeights, DepthwiseWeights, DurationWeights, PlainWeights, SeparableWeights, SplineWeights, StochasticWeights,
};
use super::super::kernels::ConvWeights;
use super::super::onnx::{Graph, Node};
use super::StructureError;
use super::names::{DURATION_NOISE, FRAMES, HIDDEN, SPEAKER};
use super::reader::{GraphReader, Read, expect_root, size};

const UNKNOWN: StructureError = StructureError("known duration predictor");
const UNKNOWN_SPLINE: StructureError = StructureError("known splines");

/// Where a spline ends on both sides.
const BOUND: f32 = 5.0;

/// The duration predictor of a graph that was cut out between what the text encoder says and the durations, and what
/// makes its condition of the speaker's embedding.
pub fn duration_weights(graph: &Graph<'_>) -> Read<(DurationWeights, Option<ConvWeights>)> {
    let reader = DurationReader(GraphReader { graph });
    if graph.has_input(DURATION_NOISE) {
        let (weights, condition) = reader.stochastic()?;
        Ok((DurationWeights::Stochastic(weights), condition))
    } else {
        let (weights, condition) = reader.plain()?;
        Ok((DurationWeights::Plain(weights), condition))
    }
}

/// The embeddings of all speakers, `[speaker][value]`, and how many values each has, of a graph that was cut out
/// between a speaker's id and its embedding.
pub fn speaker_embeddings(graph: &Graph<'_>) -> Read<(Vec<f32>, usize)> {
    let reader = GraphReader { graph };
    let column = graph.producer(SPEAKER).and_then(|node| node.input(0)).ok_or(UNKNOWN)?;
    let lookup = graph.producer(column).filter(|node| node.is("Gather")).ok_or(UNKNOWN)?;
    let table = reader.constant(lookup, 0)?;
    match table.shape[..] {
        [_, width] if width > 0 => Ok((table.values, width)),
        _ => Err(UNKNOWN),
    }
}

struct DurationReader<'g, 'a>(GraphReader<'g, 'a>);

impl<'a> DurationReader<'_, 'a> {
    fn stochastic(&self) -> Read<(StochasticWeights, Option<ConvWeights>)> {
        let reader = &self.0;
        let pre = reader.follow(HIDDEN, "Conv")?;
        let (value, condition) = reader.conditioned(pre.output())?;
        let (separable, projection) = self.separable(value)?;
        let said = reader.unmasked(projection.output());
        let mut value = reader.follow(DURATION_NOISE, "Mul")?.output();
        let mut splines = Vec::new();
        let affine = loop {
            // The channels are turned round before each spline, and before what comes last.
            let turned = reader.follow(value, "Slice")?.output();
            if reader.follow(turned, "Split").is_err() {
                break self.affine(turned)?;
            }
            let (spline, end) = self.spline(turned, said)?;
            splines.push(spline);
            value = end;
        };
        let (pre, projection) = (reader.convolution(pre)?, reader.convolution(projection)?);
        Ok((StochasticWeights { pre, separable, projection, splines, affine }, condition))
    }

    /// Separable layers from a value on, and the convolution behind them.
    fn separable(&self, mut value: &'a str) -> Read<(Vec<SeparableWeights>, Node<'a>)> {
        let reader = &self.0;
        let mut layers = Vec::new();
        loop {
            let first = reader.follow(reader.unmasked(value), "Conv")?;
            if first.int("group").unwrap_or(1) == 1 {
                return Ok((layers, first));
            }
            let (first_norm, normalised) = reader.norm(first.output())?;
            let second = reader.follow(self.gelu(normalised)?, "Conv")?;
            let (second_norm, normalised) = reader.norm(second.output())?;
            let sum = reader.follow(self.gelu(normalised)?, "Add")?;
            if !sum.inputs().iter().any(|input| input == value) {
                return Err(UNKNOWN);
            }
            let (depthwise, pointwise) = (self.depthwise(first)?, reader.convolution(second)?);
            layers.push(SeparableWeights { depthwise, first_norm, pointwise, second_norm });
            value = sum.output();
        }
    }

    /// What the Gaussian error linear unit makes of a value.
    fn gelu(&self, value: &'a str) -> Read<&'a str> {
        let reader = &self.0;
        let divided = reader.follow(value, "Div")?;
        expect_root(&reader.constant(divided, 1)?, 2)?;
        let share = reader.follow(reader.follow(divided.output(), "Erf")?.output(), "Add")?;
        let product = reader.follow(share.output(), "Mul")?;
        if !product.inputs().iter().any(|input| input == value) {
            return Err(UNKNOWN);
        }
        Ok(reader.follow(product.output(), "Mul")?.output())
    }

    /// A convolution of each channel with itself alone.
    fn depthwise(&self, node: Node<'a>) -> Read<DepthwiseWeights> {
        let malformed = StructureError("plain separable convolutions");
        let weight = self.0.constant(node, 1)?;
        let [channels, 1, kernel] = weight.shape[..] else { return Err(malformed) };
        let dilation = size(node, "dilations", 0, 1).ok_or(malformed.clone())?;
        let padding = dilation.saturating_mul(kernel.saturating_sub(1)) / 2;
        let same = [0, 1].iter().all(|&side| size(node, "pads", side, 0) == Some(padding));
        let grouped = node.int("group").is_some_and(|groups| usize::try_from(groups) == Ok(channels));
        if !same || !grouped || size(node, "strides", 0, 1) != Some(1) {
            return Err(malformed);
        }
        Ok(DepthwiseWeights { kernel, dilation, weight: weight.values, bias: self.0.bias(node)? })
    }

    /// A spline of one half of a value that the other half and what is said describe, and both halves after it.
    fn spline(&self, value: &'a str, said: &'a str) -> Read<(SplineWeights, &'a str)> {
        let reader = &self.0;
        let halves = reader.follow(value, "Split")?;
        let [read, changed] = halves.outputs() else { return Err(UNKNOWN_SPLINE) };
        let pre = reader.follow(read, "Conv")?;
        let sum = reader.follow(pre.output(), "Add")?;
        if !sum.inputs().iter().any(|input| input == said) {
            return Err(UNKNOWN_SPLINE);
        }
        let (separable, projection) = self.separable(sum.output())?;
        let rows = reader.follow(reader.unmasked(projection.output()), "Reshape")?;
        let turned = reader.follow(rows.output(), "Transpose")?.output();
        let projection = reader.convolution(projection)?;
        let parts = reader.graph.consumers(turned).filter(|node| node.is("Slice"));
        for divided in parts.filter_map(|part| reader.follow(part.output(), "Div").ok()) {
            expect_root(&reader.constant(divided, 1)?, projection.in_channels)?;
        }
        for (comparison, bound) in [("GreaterOrEqual", -BOUND), ("LessOrEqual", BOUND)] {
            if reader.constant(reader.follow(changed, comparison)?, 1)?.values != [bound] {
                return Err(UNKNOWN_SPLINE);
            }
        }
        let joined = reader.follow(read, "Concat")?;
        if joined.input(0) != Some(read) {
            return Err(UNKNOWN_SPLINE);
        }
        let weights = SplineWeights { pre: reader.convolution(pre)?, separable, projection };
        Ok((weights, reader.unmasked(joined.output())))
    }

    /// What the first of two channels goes through before it is the logarithm of a duration.
    fn affine(&self, value: &'a str) -> Read<AffineWeights> {
        let reader = &self.0;
        let shifted = reader.follow(value, "Sub")?;
        let scaled = reader.follow(shifted.output(), "Mul")?;
        let factor = scaled.input(1).ok_or(UNKNOWN)?;
        // Exporters leave the exponential function of a constant to whoever reads the graph.
        let logarithm = reader.graph.producer(factor).filter(|node| node.is("Exp")).and_then(|node| node.input(0));
        let factor = reader.graph.constant(logarithm.unwrap_or(factor)).ok_or(UNKNOWN)?;
        let (Some(&shift), Some(&scale)) = (reader.constant(shifted, 1)?.values.first(), factor.values.first()) else {
            return Err(UNKNOWN);
        };
        let halves = reader.follow(reader.unmasked(scaled.output()), "Split")?;
        self.expect_frames(halves.output())?;
        Ok(AffineWeights { shift, scale: if logarithm.is_some() { libm::expf(scale) } else { scale } })
    }

    fn plain(&self) -> Read<(PlainWeights, Option<ConvWeights>)> {
        let reader = &self.0;
        let (mut value, condition) = reader.conditioned(HIDDEN)?;
        let mut layers = Vec::new();
        loop {
            let conv = reader.follow(reader.unmasked(value), "Conv")?;
            let Ok(active) = reader.follow(conv.output(), "Relu") else {
                self.expect_frames(reader.unmasked(conv.output()))?;
                return Ok((PlainWeights { layers, projection: reader.convolution(conv)? }, condition));
            };
            let (norm, end) = reader.norm(active.output())?;
            layers.push((reader.convolution(conv)?, norm));
            value = end;
        }
    }

    /// Whether the durations are the exponential function of a value, times their scale.
    fn expect_frames(&self, logarithm: &'a str) -> Read<()> {
        let exponential = self.0.follow(logarithm, "Exp")?;
        let scaled = self.0.follow(self.0.unmasked(exponential.output()), "Mul")?;
        if scaled.output() == FRAMES { Ok(()) } else { Err(UNKNOWN) }
    }
}
