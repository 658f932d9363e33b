//! Owns the weights of a decoder, as PyTorch and ONNX lay them out, and their way into kernels.

use super::super::kernels::{Convolution, LANES, ShapeError, Taps};
use super::SLOPE;

/// A decoder's layers, in order.
#[derive(Debug, Clone)]
pub struct DecoderWeights {
    pub pre: ConvWeights,
    /// With a kernel of 1; absent where there is one speaker.
    pub speaker: Option<ConvWeights>,
    pub stages: Vec<StageWeights>,
    pub post: ConvWeights,
}

/// An upsampling, and the blocks of which the mean is taken.
#[derive(Debug, Clone)]
pub struct StageWeights {
    pub upsample: UpsampleWeights,
    pub blocks: Vec<ResBlockWeights>,
}

/// Convolutions, each of the rectified value, that are added to the value.
#[derive(Debug, Clone)]
pub enum ResBlockWeights {
    /// One convolution at a time ("2" in the settings of HiFi-GAN).
    Single(Vec<ConvWeights>),
    /// Two, one after the other, each rectified ("1").
    Paired(Vec<(ConvWeights, ConvWeights)>),
}

/// A convolution with "same" padding.
#[derive(Debug, Clone)]
pub struct ConvWeights {
    pub out_channels: usize,
    pub in_channels: usize,
    pub kernel: usize,
    pub dilation: usize,
    /// [out][in][kernel]
    pub weight: Vec<f32>,
    /// [out], or empty.
    pub bias: Vec<f32>,
}

/// A transposed convolution with `kernel = stride + 2 * padding`.
#[derive(Debug, Clone)]
pub struct UpsampleWeights {
    pub in_channels: usize,
    pub out_channels: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    /// [in][out][kernel]
    pub weight: Vec<f32>,
    /// [out], or empty.
    pub bias: Vec<f32>,
}

// === impl ConvWeights ===

impl ConvWeights {
    /// The kernel that takes `gain` times the rectified input.
    pub fn convolution(&self, slope: f32, gain: f32) -> Result<Convolution, ShapeError> {
        let weight: Vec<f32> = self.weight.iter().map(|weight| weight * gain).collect();
        Convolution::new(&Taps {
            out_channels: self.out_channels,
            in_channels: self.in_channels,
            kernel: self.kernel,
            dilation: self.dilation,
            weight: &weight,
            bias: &self.bias,
            slope,
            phases: 1,
        })
    }
}

// === impl UpsampleWeights ===

impl UpsampleWeights {
    /// A row of input gives `stride` rows of output. Each is a sum over the row and its two neighbours, so that all of them together are one
    /// convolution with `stride` times the channels: output `q * stride + r` takes input `q + d` with tap `r + padding - d * stride`.
    pub fn convolution(&self, gain: f32) -> Result<Convolution, ShapeError> {
        let (ins, outs, kernel, stride) = (self.in_channels, self.out_channels, self.kernel, self.stride);
        let fits = kernel == stride + 2 * self.padding
            && self.padding <= stride
            && ins * outs * kernel == self.weight.len()
            && (self.bias.is_empty() || self.bias.len() == outs);
        if !fits || stride == 0 {
            return Err(ShapeError("upsampling"));
        }
        let padded = outs.next_multiple_of(LANES);
        let mut weight = vec![0.0; stride * padded * ins * 3];
        let mut bias = vec![0.0; stride * padded];
        for phase in 0..stride {
            for out in 0..outs {
                let row = phase * padded + out;
                bias[row] = self.bias.get(out).copied().unwrap_or(0.0);
                for input in 0..ins {
                    for (place, neighbour) in [-1, 0, 1].into_iter().enumerate() {
                        let tap = (phase + self.padding) as isize - neighbour * stride as isize;
                        if let Some(tap) = usize::try_from(tap).ok().filter(|&tap| tap < kernel) {
                            weight[(row * ins + input) * 3 + place] =
                                gain * self.weight[(input * outs + out) * kernel + tap];
                        }
                    }
                }
            }
        }
        Convolution::new(&Taps {
            out_channels: stride * padded,
            in_channels: ins,
            kernel: 3,
            dilation: 1,
            weight: &weight,
            bias: &bias,
            slope: SLOPE,
            phases: stride,
        })
    }
}
