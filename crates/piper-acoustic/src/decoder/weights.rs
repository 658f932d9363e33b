//! Owns the description of a decoder: which convolutions it is made of and their weights, as training and ONNX lay them
//! out. Refuses descriptions whose shapes do not fit each other.

use crate::kernels::{ConvWeights, MAX_SPAN, ShapeError, counts, not_empty};

/// What the decoder is made of.
#[derive(Debug, Clone)]
pub struct DecoderWeights {
    pub pre: ConvWeights,
    pub stages: Vec<StageWeights>,
    /// To one channel, the samples.
    pub post: ConvWeights,
    /// Slope of the leaky ReLUs before and in the stages.
    pub slope: f32,
    /// Slope of the leaky ReLU before `post`.
    pub post_slope: f32,
}

/// A transposed convolution whose output is `stride` times as long as its input.
#[derive(Debug, Clone)]
pub struct UpsampleWeights {
    pub in_channels: usize,
    pub out_channels: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    /// `[in][out][kernel]`
    pub weight: Vec<f32>,
    /// `[out]`, or empty
    pub bias: Vec<f32>,
}

/// Upsampling, and residual blocks whose outputs are averaged.
#[derive(Debug, Clone)]
pub struct StageWeights {
    pub upsample: UpsampleWeights,
    pub blocks: Vec<ResBlockWeights>,
}

/// Residual convolutions one after the other, each behind a leaky ReLU.
#[derive(Debug, Clone)]
pub enum ResBlockWeights {
    /// Two convolutions a step: `x += second(first(x))`.
    ResBlock1 { pairs: Vec<(ConvWeights, ConvWeights)> },
    /// One convolution a step: `x += conv(x)`.
    ResBlock2 { convs: Vec<ConvWeights> },
}

/// Four are the most of Piper's voices; each is a level of recursion.
const MAX_STAGES: usize = 16;

// === impl DecoderWeights ===

impl DecoderWeights {
    /// Whether all shapes fit each other.
    pub fn validate(&self) -> Result<(), ShapeError> {
        for slope in [self.slope, self.post_slope] {
            if !(0.0..=1.0).contains(&slope) {
                return Err(ShapeError::Slope(slope));
            }
        }
        not_empty("the list of stages", self.stages.len())?;
        if self.stages.len() > MAX_STAGES {
            return Err(ShapeError::TooLong { part: "the list of stages" });
        }
        self.pre.validate("conv_pre", self.pre.in_channels)?;
        let mut channels = self.pre.out_channels;
        for stage in &self.stages {
            stage.upsample.validate(channels)?;
            channels = stage.upsample.out_channels;
            not_empty("a stage's list of residual blocks", stage.blocks.len())?;
            for block in &stage.blocks {
                block.validate(channels)?;
            }
        }
        let hop = self.stages.iter().fold(1_usize, |hop, stage| hop.saturating_mul(stage.upsample.stride));
        if hop > MAX_SPAN {
            return Err(ShapeError::Length { part: "the product of all strides" });
        }
        self.post.validate("conv_post", channels)?;
        if self.post.out_channels != 1 {
            return Err(ShapeError::Channels { part: "the output", found: self.post.out_channels, expected: 1 });
        }
        Ok(())
    }
}

impl ResBlockWeights {
    fn validate(&self, channels: usize) -> Result<(), ShapeError> {
        let convs: Vec<&ConvWeights> = match self {
            Self::ResBlock1 { pairs } => pairs.iter().flat_map(|(first, second)| [first, second]).collect(),
            Self::ResBlock2 { convs } => convs.iter().collect(),
        };
        not_empty("a residual block", convs.len())?;
        for conv in convs {
            conv.validate("a residual block", channels)?;
            if conv.out_channels != channels {
                let part = "the sum of a residual block";
                return Err(ShapeError::Channels { part, found: conv.out_channels, expected: channels });
            }
        }
        Ok(())
    }
}

impl UpsampleWeights {
    fn validate(&self, channels: usize) -> Result<(), ShapeError> {
        let part = "an upsampling";
        if self.stride == 0 || self.padding > MAX_SPAN || self.kernel.checked_sub(self.stride) != Some(2 * self.padding)
        {
            return Err(ShapeError::Length { part });
        }
        if self.in_channels != channels {
            return Err(ShapeError::Channels { part, found: self.in_channels, expected: channels });
        }
        counts(part, &self.weight, &self.bias, [self.out_channels, self.in_channels, self.kernel])
    }
}
