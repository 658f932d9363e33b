//! Owns the description of a decoder: which convolutions it is made of and their weights, as training and ONNX lay them out. Refuses
//! descriptions whose shapes do not fit each other.

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

/// A convolution whose output is as long as its input: `dilation * (kernel - 1) / 2` zeros on both sides.
#[derive(Debug, Clone)]
pub struct ConvWeights {
    pub out_channels: usize,
    pub in_channels: usize,
    pub kernel: usize,
    pub dilation: usize,
    /// `[out][in][kernel]`
    pub weight: Vec<f32>,
    /// `[out]`, or empty
    pub bias: Vec<f32>,
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

/// Why weights do not make a decoder.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ShapeError {
    #[error("{part} has {found} weights where its shape asks for {expected}")]
    Weights { part: &'static str, found: usize, expected: usize },
    #[error("{part} has {found} biases for {expected} channels")]
    Bias { part: &'static str, found: usize, expected: usize },
    #[error("{part} takes {found} channels where {expected} come in")]
    Channels { part: &'static str, found: usize, expected: usize },
    #[error("{part} has a kernel, a dilation, a stride or padding that does not keep the length")]
    Length { part: &'static str },
    #[error("{part} is empty")]
    Empty { part: &'static str },
    #[error("a leaky ReLU has slope {0}, which is not between 0 and 1")]
    Slope(f32),
}

// === impl DecoderWeights ===

impl DecoderWeights {
    /// Whether all shapes fit each other.
    pub fn validate(&self) -> Result<(), ShapeError> {
        for slope in [self.slope, self.post_slope] {
            if !(0.0..=1.0).contains(&slope) {
                return Err(ShapeError::Slope(slope));
            }
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
        not_empty("the list of stages", self.stages.len())?;
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

impl ConvWeights {
    fn validate(&self, part: &'static str, channels: usize) -> Result<(), ShapeError> {
        if self.kernel.is_multiple_of(2) || self.dilation == 0 {
            return Err(ShapeError::Length { part });
        }
        if self.in_channels != channels {
            return Err(ShapeError::Channels { part, found: self.in_channels, expected: channels });
        }
        counts(part, &self.weight, &self.bias, [self.out_channels, self.in_channels, self.kernel])
    }
}

impl UpsampleWeights {
    fn validate(&self, channels: usize) -> Result<(), ShapeError> {
        let part = "an upsampling";
        if self.stride == 0 || self.kernel != self.stride + 2 * self.padding {
            return Err(ShapeError::Length { part });
        }
        if self.in_channels != channels {
            return Err(ShapeError::Channels { part, found: self.in_channels, expected: channels });
        }
        counts(part, &self.weight, &self.bias, [self.out_channels, self.in_channels, self.kernel])
    }
}

// === helpers ===

fn not_empty(part: &'static str, len: usize) -> Result<(), ShapeError> {
    if len == 0 { Err(ShapeError::Empty { part }) } else { Ok(()) }
}

fn counts(part: &'static str, weight: &[f32], bias: &[f32], shape: [usize; 3]) -> Result<(), ShapeError> {
    let [out_channels, in_channels, kernel] = shape;
    not_empty(part, out_channels.min(in_channels))?;
    let expected = out_channels.saturating_mul(in_channels).saturating_mul(kernel);
    if weight.len() != expected {
        return Err(ShapeError::Weights { part, found: weight.len(), expected });
    }
    if !bias.is_empty() && bias.len() != out_channels {
        return Err(ShapeError::Bias { part, found: bias.len(), expected: out_channels });
    }
    Ok(())
}
