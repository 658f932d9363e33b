//! Owns the text encoder of Piper voices, a small transformer that makes of phoneme ids what the duration predictor and the flow begin with, as
//! kernels of our own. Refuses ONNX: it takes weights as they stand in training and in graphs alike.
//!
//! It sees the whole sentence at once: memory follows the sentence, and its square in the attention, so that whoever calls bounds the sentence.

mod attention;
#[cfg(test)]
mod tests;
mod weights;

pub use super::kernels::{ConvWeights, NormWeights, ShapeError};
pub use weights::{AttentionWeights, EncoderWeights, LayerWeights};

use self::attention::{Attention, AttentionSignals};
use super::kernels::simd::{Lanes, Level};
use super::kernels::{Columns, Convolution, Norm, Pass, Precision, Signal, Target, Workspace, blocks, lanes};

/// A text encoder that is ready to run, on as many threads as there are.
#[derive(Debug)]
pub struct Encoder {
    /// `[id][block]`
    embedding: Vec<Lanes>,
    layers: Vec<Layer>,
    projection: Convolution,
    hidden: usize,
    channels: usize,
}

/// What the encoder says of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoding {
    /// What the durations are predicted from, `[channel][id]`.
    pub hidden: Vec<f32>,
    /// Means of the latents of each id, `[channel][id]`.
    pub mean: Vec<f32>,
    /// Logarithms of their standard deviations, `[channel][id]`.
    pub log_deviation: Vec<f32>,
}

/// Memory of one thread, kept from run to run.
#[derive(Debug)]
pub struct Scratch {
    workspace: Workspace,
    /// What goes from layer to layer, and at last the projection.
    hidden: Signal,
    sum: Signal,
    between: Signal,
    attention: AttentionSignals,
    columns: Columns,
}

/// Why a sentence is not encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("there are no phoneme ids")]
    Empty,
    #[error("a phoneme id is {found}, of {known} that the voice knows")]
    Id { found: i64, known: usize },
    #[error("cancelled")]
    Cancelled,
}

#[derive(Debug)]
struct Layer {
    attention: Attention,
    attention_norm: Norm,
    feed_forward: [Convolution; 2],
    feed_forward_norm: Norm,
}

// === impl Encoder ===

impl Encoder {
    pub fn new(weights: &EncoderWeights) -> Result<Self, ShapeError> {
        weights.validate()?;
        let hidden = weights.projection.in_channels;
        let scale = (hidden as f32).sqrt();
        let row = |row: &[f32]| {
            let scaled: Vec<f32> = row.iter().map(|value| value * scale).collect();
            lanes(&scaled, blocks(hidden))
        };
        Ok(Self {
            embedding: weights.embedding.chunks_exact(hidden).flat_map(row).collect(),
            layers: weights.layers.iter().map(Layer::new).collect(),
            projection: Convolution::same(&weights.projection, Precision::Usual),
            hidden,
            channels: weights.projection.out_channels / 2,
        })
    }

    /// Channels of what the durations are predicted from.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Bytes of the weights as they are kept.
    pub fn memory_bytes(&self) -> u64 {
        let layers: usize = self.layers.iter().map(Layer::memory_bytes).sum();
        (size_of_val(&self.embedding[..]) + layers + self.projection.memory_bytes()) as u64
    }

    /// Encodes a sentence. `keep_going` is asked before each layer.
    pub fn run(
        &self,
        ids: &[i64],
        scratch: &mut Scratch,
        mut keep_going: impl FnMut() -> bool,
    ) -> Result<Encoding, EncodeError> {
        let Scratch { workspace, hidden, sum, between, attention, columns } = scratch;
        self.embed(ids, hidden)?;
        for layer in &self.layers {
            if !keep_going() {
                return Err(EncodeError::Cancelled);
            }
            sum.reset(hidden.blocks(), hidden.range());
            layer.attention.run(hidden, sum, attention, columns, workspace);
            layer.attention_norm.run(sum, hidden, columns, workspace.level());
            let [first, second] = &layer.feed_forward;
            between.reset(first.bias().len(), hidden.range());
            let plain = Pass { input: hidden, slope: 1.0, bias: None, residual: None, target: Target::Replace };
            first.run(&plain, between, workspace);
            // A leaky ReLU that leaks nothing.
            let pass = Pass { input: between, slope: 0.0, residual: Some(hidden), ..plain };
            second.run(&pass, sum, workspace);
            layer.feed_forward_norm.run(sum, hidden, columns, workspace.level());
        }
        between.reset(self.projection.bias().len(), hidden.range());
        let pass = Pass { input: hidden, slope: 1.0, bias: None, residual: None, target: Target::Replace };
        self.projection.run(&pass, between, workspace);
        Ok(Encoding {
            hidden: hidden.channels(0..self.hidden),
            mean: between.channels(0..self.channels),
            log_deviation: between.channels(self.channels..2 * self.channels),
        })
    }

    fn embed(&self, ids: &[i64], hidden: &mut Signal) -> Result<(), EncodeError> {
        if ids.is_empty() {
            return Err(EncodeError::Empty);
        }
        let blocks = blocks(self.hidden);
        let known = self.embedding.len() / blocks;
        hidden.reset(blocks, 0..ids.len());
        for (place, &found) in ids.iter().enumerate() {
            let id = usize::try_from(found).ok().filter(|id| *id < known).ok_or(EncodeError::Id { found, known })?;
            for (block, lanes) in self.embedding[id * blocks..][..blocks].iter().enumerate() {
                hidden.row_mut(block)[place] = *lanes;
            }
        }
        Ok(())
    }
}

// === impl Layer ===

impl Layer {
    fn new(weights: &LayerWeights) -> Self {
        // Durations are whole frames: an error that is heard nowhere else may cost one there. The weights, which are read once for each
        // sentence, are a quarter smaller as well.
        let precise = |weights: &ConvWeights| Convolution::same(weights, Precision::High);
        Self {
            attention: Attention::new(&weights.attention),
            attention_norm: Norm::new(&weights.attention_norm),
            feed_forward: weights.feed_forward.each_ref().map(precise),
            feed_forward_norm: Norm::new(&weights.feed_forward_norm),
        }
    }

    fn memory_bytes(&self) -> usize {
        let convolutions: usize = self.feed_forward.iter().map(Convolution::memory_bytes).sum();
        let norms = self.attention_norm.memory_bytes() + self.feed_forward_norm.memory_bytes();
        self.attention.memory_bytes() + convolutions + norms
    }
}

// === impl Scratch ===

impl Default for Scratch {
    fn default() -> Self {
        Self::new(Level::detect())
    }
}

impl Scratch {
    pub fn new(level: Level) -> Self {
        Self {
            workspace: Workspace::new(level),
            hidden: Signal::default(),
            sum: Signal::default(),
            between: Signal::default(),
            attention: AttentionSignals::default(),
            columns: Columns::default(),
        }
    }

    /// Bytes that are kept from run to run.
    pub fn memory_bytes(&self) -> u64 {
        let signals: usize = [&self.hidden, &self.sum, &self.between].map(Signal::memory_bytes).iter().sum();
        let rest = self.workspace.memory_bytes() + self.attention.memory_bytes() + self.columns.memory_bytes();
        (signals + rest) as u64
    }
}
