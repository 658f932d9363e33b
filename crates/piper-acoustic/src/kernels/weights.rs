//! Owns the description of a convolution's weights, as training and ONNX lay them out, and its check.

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

/// A normalisation over the channels.
#[derive(Debug, Clone)]
pub struct NormWeights {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    /// Added to the variance.
    pub epsilon: f32,
}

/// Why weights do not make a part of a voice.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ShapeError {
    #[error("{part} has {found} weights where its shape asks for {expected}")]
    Weights { part: &'static str, found: usize, expected: usize },
    #[error("{part} has {found} biases for {expected} channels")]
    Bias { part: &'static str, found: usize, expected: usize },
    #[error("{part} takes {found} channels where {expected} come in")]
    Channels { part: &'static str, found: usize, expected: usize },
    #[error("{part} has a kernel, a dilation, a stride or padding that cannot be computed")]
    Length { part: &'static str },
    #[error("{part} is longer than any voice's")]
    TooLong { part: &'static str },
    #[error("{part} is empty")]
    Empty { part: &'static str },
    #[error("a leaky ReLU has slope {0}, which is not between 0 and 1")]
    Slope(f32),
}

/// Widest kernel, dilation included, and most samples of a frame. Voices stay far below; arithmetic on times cannot
/// overflow.
pub const MAX_SPAN: usize = 1 << 16;

// === impl ConvWeights ===

impl ConvWeights {
    /// Whether the shape fits itself and `channels` that come in.
    pub fn validate(&self, part: &'static str, channels: usize) -> Result<(), ShapeError> {
        if self.kernel.is_multiple_of(2) || self.dilation == 0 || self.kernel.saturating_mul(self.dilation) > MAX_SPAN {
            return Err(ShapeError::Length { part });
        }
        if self.in_channels != channels {
            return Err(ShapeError::Channels { part, found: self.in_channels, expected: channels });
        }
        counts(part, &self.weight, &self.bias, [self.out_channels, self.in_channels, self.kernel])
    }
}

// === impl NormWeights ===

impl NormWeights {
    /// Whether there is a scale and a shift for each channel.
    pub fn validate(&self, channels: usize) -> Result<(), ShapeError> {
        same_len("a normalisation", self.scale.len(), channels)?;
        same_len("a normalisation", self.shift.len(), channels)
    }
}

// === helpers ===

/// Whether there is any of something.
pub fn not_empty(part: &'static str, len: usize) -> Result<(), ShapeError> {
    if len == 0 { Err(ShapeError::Empty { part }) } else { Ok(()) }
}

/// Whether there are as many weights and biases as `[out, in, kernel]` asks for.
pub fn counts(part: &'static str, weight: &[f32], bias: &[f32], shape: [usize; 3]) -> Result<(), ShapeError> {
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

/// Whether a convolution takes `inputs` channels and gives `outputs`.
pub fn produces(part: &'static str, conv: &ConvWeights, inputs: usize, outputs: usize) -> Result<(), ShapeError> {
    conv.validate(part, inputs)?;
    if conv.out_channels == outputs {
        Ok(())
    } else {
        Err(ShapeError::Channels { part, found: conv.out_channels, expected: outputs })
    }
}

/// Whether a convolution sees one place at a time.
pub fn pointwise(part: &'static str, conv: &ConvWeights) -> Result<(), ShapeError> {
    if conv.kernel == 1 { Ok(()) } else { Err(ShapeError::Length { part }) }
}

/// Whether there are as many values as there have to be.
pub fn same_len(part: &'static str, found: usize, expected: usize) -> Result<(), ShapeError> {
    if found == expected { Ok(()) } else { Err(ShapeError::Weights { part, found, expected }) }
}
