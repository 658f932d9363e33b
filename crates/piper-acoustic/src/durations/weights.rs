//! Owns the description of a duration predictor: its layers and their weights, as training and ONNX lay them out.
//! Refuses descriptions whose shapes do not fit each other.

use crate::kernels::{ConvWeights, MAX_SPAN, NormWeights, ShapeError, not_empty, pointwise, produces, same_len};

/// What the duration predictor is made of.
#[derive(Debug, Clone)]
pub enum DurationWeights {
    Stochastic(StochasticWeights),
    Plain(PlainWeights),
}

/// A flow from noise to the logarithms of the durations.
#[derive(Debug, Clone)]
pub struct StochasticWeights {
    pub pre: ConvWeights,
    pub separable: Vec<SeparableWeights>,
    pub projection: ConvWeights,
    /// In the order in which they turn noise into durations.
    pub splines: Vec<SplineWeights>,
    pub affine: AffineWeights,
}

/// One layer of dilated convolutions that are separable into one over time and one over channels, added to what it
/// takes.
#[derive(Debug, Clone)]
pub struct SeparableWeights {
    pub depthwise: DepthwiseWeights,
    pub first_norm: NormWeights,
    pub pointwise: ConvWeights,
    pub second_norm: NormWeights,
}

/// A convolution of each channel with itself alone, whose output is as long as its input.
#[derive(Debug, Clone)]
pub struct DepthwiseWeights {
    pub kernel: usize,
    pub dilation: usize,
    /// `[channel][kernel]`
    pub weight: Vec<f32>,
    /// `[channel]`
    pub bias: Vec<f32>,
}

/// A network that reads one channel of the noise, and makes of it the splines that the other goes through.
#[derive(Debug, Clone)]
pub struct SplineWeights {
    pub pre: ConvWeights,
    pub separable: Vec<SeparableWeights>,
    pub projection: ConvWeights,
}

/// What is subtracted of the logarithms at last, and what they are multiplied with then.
#[derive(Debug, Clone)]
pub struct AffineWeights {
    pub shift: f32,
    pub scale: f32,
}

/// Convolutions with a ReLU and a normalisation behind each.
#[derive(Debug, Clone)]
pub struct PlainWeights {
    pub layers: Vec<(ConvWeights, NormWeights)>,
    pub projection: ConvWeights,
}

// === impl DurationWeights ===

impl DurationWeights {
    /// Channels that come in.
    pub fn hidden(&self) -> usize {
        match self {
            Self::Stochastic(weights) => weights.pre.in_channels,
            Self::Plain(weights) => weights.layers.first().map_or(0, |(conv, _)| conv.in_channels),
        }
    }

    /// Whether all shapes fit each other.
    pub fn validate(&self) -> Result<(), ShapeError> {
        match self {
            Self::Stochastic(weights) => weights.validate(),
            Self::Plain(weights) => weights.validate(),
        }
    }
}

impl StochasticWeights {
    fn validate(&self) -> Result<(), ShapeError> {
        let channels = self.pre.out_channels;
        same_width("the first convolution of the durations", &self.pre, self.pre.in_channels, channels)?;
        self.separable.iter().try_for_each(|layer| layer.validate(channels))?;
        same_width("the projection of the durations", &self.projection, channels, channels)?;
        not_empty("the list of splines", self.splines.len())?;
        self.splines.iter().try_for_each(|spline| spline.validate(channels))
    }
}

impl SeparableWeights {
    fn validate(&self, channels: usize) -> Result<(), ShapeError> {
        let DepthwiseWeights { kernel, dilation, weight, bias } = &self.depthwise;
        let part = "a separable convolution";
        if kernel.is_multiple_of(2) || *dilation == 0 || kernel.saturating_mul(*dilation) > MAX_SPAN {
            return Err(ShapeError::Length { part });
        }
        same_len(part, weight.len(), channels.saturating_mul(*kernel))?;
        same_len(part, bias.len(), channels)?;
        self.first_norm.validate(channels)?;
        same_width(part, &self.pointwise, channels, channels)?;
        self.second_norm.validate(channels)
    }
}

impl SplineWeights {
    fn validate(&self, channels: usize) -> Result<(), ShapeError> {
        same_width("the first convolution of a spline", &self.pre, 1, channels)?;
        self.separable.iter().try_for_each(|layer| layer.validate(channels))?;
        let part = "the projection of a spline";
        same_width(part, &self.projection, channels, self.projection.out_channels)?;
        // Widths, heights, and the slopes between.
        if self.projection.out_channels < 2 || self.projection.out_channels % 3 != 2 {
            return Err(ShapeError::Length { part });
        }
        Ok(())
    }
}

impl PlainWeights {
    fn validate(&self) -> Result<(), ShapeError> {
        not_empty("the layers of the durations", self.layers.len())?;
        let mut channels = self.layers[0].0.in_channels;
        for (conv, norm) in &self.layers {
            produces("a layer of the durations", conv, channels, conv.out_channels)?;
            channels = conv.out_channels;
            norm.validate(channels)?;
        }
        same_width("the projection of the durations", &self.projection, channels, 1)
    }
}

/// Whether a convolution sees one place at a time, takes `inputs` channels and gives `outputs`.
fn same_width(part: &'static str, conv: &ConvWeights, inputs: usize, outputs: usize) -> Result<(), ShapeError> {
    produces(part, conv, inputs, outputs)?;
    pointwise(part, conv)
}
