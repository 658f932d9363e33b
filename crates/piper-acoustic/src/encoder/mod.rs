//! Owns the text encoder of Piper voices, a small transformer that makes of phoneme ids what the duration predictor and
//! the flow begin with, as kernels of our own. Refuses ONNX: it takes weights as they stand in training and in graphs
//! alike.
//!
//! It sees the whole sentence at once: memory follows the sentence, and its square in the attention, so that whoever
//! calls bounds the sentence.
//!
//! A sentence is encoded in steps, two for each layer, and each step in tasks, which any threads may compute: first
//! what each head of the attention answers, then the rest of the layer, by places. However many there are, each value
//! is computed by the same operations.

mod attention;
#[cfg(test)]
mod tests;
mod weights;

pub use super::kernels::{ConvWeights, NormWeights, ShapeError};
pub use weights::{AttentionWeights, EncoderLayerWeights, EncoderWeights};

use std::ops::Range;
use std::sync::Arc;

use self::attention::{Attention, AttentionSignals};
use super::kernels::simd::{F32x16, SimdLevel};
use super::kernels::{
    Columns, ConvArgs, Convolution, Norm, Precision, Signal, Workspace, WriteMode, blocks, evenly, lanes,
};

/// A text encoder that is ready to run, on as many threads as there are.
#[derive(Debug)]
pub struct TextEncoder {
    /// `[id][block]`
    embedding: Vec<F32x16>,
    layers: Vec<EncoderLayer>,
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

/// What a thread computes at a time, of what is known before its step.
#[derive(Debug, Clone)]
pub struct EncoderTask {
    work: EncoderWork,
    /// What goes from layer to layer.
    hidden: Arc<Signal>,
}

#[derive(Debug, Clone)]
enum EncoderWork {
    /// What a head of a layer answers.
    Attend { layer: usize, head: usize },
    /// The rest of the layer, at some places, of what its heads answered.
    Feed { layer: usize, answered: Arc<[Signal]>, places: Range<usize> },
    /// Means and deviations of some places.
    Project { places: Range<usize> },
}

/// Memory of one thread, kept from run to run.
#[derive(Debug)]
pub struct EncoderScratch {
    workspace: Workspace,
    answered: Signal,
    sum: Signal,
    attended: Signal,
    between: Signal,
    attention: AttentionSignals,
    columns: Columns,
}

/// Why a sentence is not encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextEncoderError {
    #[error("there are no phoneme ids")]
    Empty,
    #[error("a phoneme id is {found}, of {known} that the voice knows")]
    Id { found: i64, known: usize },
    #[error("cancelled")]
    Cancelled,
}

/// Places of the shortest part: a shorter one takes as long, because all weights are read for each.
const LEAST_PLACES: usize = 48;

#[derive(Debug)]
struct EncoderLayer {
    attention: Attention,
    attention_norm: Norm,
    feed_forward: [Convolution; 2],
    feed_forward_norm: Norm,
}

// === impl TextEncoder ===

impl TextEncoder {
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
            layers: weights.layers.iter().map(EncoderLayer::new).collect(),
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
        let layers: usize = self.layers.iter().map(EncoderLayer::memory_bytes).sum();
        (size_of_val(&self.embedding[..]) + layers + self.projection.memory_bytes()) as u64
    }

    /// Encodes a sentence, alone. `keep_going` is asked before each task.
    pub fn run(
        &self,
        ids: &[i64],
        scratch: &mut EncoderScratch,
        mut keep_going: impl FnMut() -> bool,
    ) -> Result<Encoding, TextEncoderError> {
        self.run_shared(ids, 1, |tasks| {
            tasks.iter().map(|task| keep_going().then(|| self.compute(task, scratch))).collect()
        })
    }

    /// Encodes a sentence whose places are cut into so many parts. `share` has [`TextEncoder::compute`] called for each
    /// task of a step, and gives what comes of it in that order; nothing if it is to stop.
    pub fn run_shared(
        &self,
        ids: &[i64],
        cuts: usize,
        mut share: impl FnMut(Vec<EncoderTask>) -> Option<Vec<Signal>>,
    ) -> Result<Encoding, TextEncoderError> {
        let mut hidden = Arc::new(self.embed(ids)?);
        let cut = || evenly(0..ids.len(), cuts.min(ids.len() / LEAST_PLACES));
        let mut step = |hidden: &Arc<Signal>, works: &mut dyn Iterator<Item = EncoderWork>| {
            share(works.map(|work| EncoderTask { work, hidden: hidden.clone() }).collect())
                .ok_or(TextEncoderError::Cancelled)
        };
        for layer in 0..self.layers.len() {
            let heads = 0..self.layers[layer].attention.heads();
            let answered = step(&hidden, &mut heads.map(|head| EncoderWork::Attend { layer, head }))?;
            let answered: Arc<[Signal]> = answered.into();
            let feed = |places| EncoderWork::Feed { layer, answered: answered.clone(), places };
            hidden = Arc::new(Signal::joined(step(&hidden, &mut cut().map(feed))?));
        }
        let projected = Signal::joined(step(&hidden, &mut cut().map(|places| EncoderWork::Project { places }))?);
        Ok(Encoding {
            hidden: hidden.channels(0..self.hidden),
            mean: projected.channels(0..self.channels),
            log_deviation: projected.channels(self.channels..2 * self.channels),
        })
    }

    pub fn compute(&self, EncoderTask { work, hidden }: &EncoderTask, scratch: &mut EncoderScratch) -> Signal {
        let EncoderScratch { workspace, attention, columns, .. } = scratch;
        match work {
            EncoderWork::Attend { layer, head } => {
                self.layers[*layer].attention.answer(*head, hidden, attention, columns, workspace)
            }
            EncoderWork::Feed { layer, answered, places } => {
                self.layers[*layer].feed(answered, hidden, places.clone(), scratch)
            }
            EncoderWork::Project { places } => {
                let mut projected = Signal::default();
                projected.reset(self.projection.bias().len(), places.clone());
                self.projection.run(&plain(hidden), &mut projected, workspace);
                projected
            }
        }
    }

    fn embed(&self, ids: &[i64]) -> Result<Signal, TextEncoderError> {
        if ids.is_empty() {
            return Err(TextEncoderError::Empty);
        }
        let blocks = blocks(self.hidden);
        let known = self.embedding.len() / blocks;
        let mut hidden = Signal::default();
        hidden.reset(blocks, 0..ids.len());
        for (place, &found) in ids.iter().enumerate() {
            let id =
                usize::try_from(found).ok().filter(|id| *id < known).ok_or(TextEncoderError::Id { found, known })?;
            for (block, lanes) in self.embedding[id * blocks..][..blocks].iter().enumerate() {
                hidden.row_mut(block)[place] = *lanes;
            }
        }
        Ok(hidden)
    }
}

// === impl EncoderLayer ===

impl EncoderLayer {
    fn new(weights: &EncoderLayerWeights) -> Self {
        // Durations are whole frames: an error that is heard nowhere else may cost one there. The weights, which are
        // read once for each sentence, are a quarter smaller as well.
        let precise = |weights: &ConvWeights| Convolution::same(weights, Precision::High);
        Self {
            attention: Attention::new(&weights.attention),
            attention_norm: Norm::new(&weights.attention_norm),
            feed_forward: weights.feed_forward.each_ref().map(precise),
            feed_forward_norm: Norm::new(&weights.feed_forward_norm),
        }
    }

    /// What the layer makes of `hidden` at some places. What they need of their neighbours is computed for each part
    /// anew.
    fn feed(&self, heads: &[Signal], hidden: &Signal, places: Range<usize>, scratch: &mut EncoderScratch) -> Signal {
        let EncoderScratch { workspace, answered, sum, attended, between, columns, .. } = scratch;
        let [first, second] = &self.feed_forward;
        let len = hidden.range().len();
        let inner = second.input_range(places.clone(), len);
        let outer = first.input_range(inner.clone(), len);
        answered.gather(heads, outer.clone());
        sum.reset(hidden.blocks(), outer);
        self.attention.add(answered, hidden, sum, workspace);
        self.attention_norm.run(sum, attended, columns, workspace.level());
        between.reset(first.bias().len(), inner);
        first.run(&plain(attended), between, workspace);
        sum.reset(hidden.blocks(), places);
        // A leaky ReLU that leaks nothing.
        let pass = ConvArgs { slope: 0.0, residual: Some(attended), ..plain(between) };
        second.run(&pass, sum, workspace);
        let mut out = Signal::default();
        self.feed_forward_norm.run(sum, &mut out, columns, workspace.level());
        out
    }

    fn memory_bytes(&self) -> usize {
        let convolutions: usize = self.feed_forward.iter().map(Convolution::memory_bytes).sum();
        let norms = self.attention_norm.memory_bytes() + self.feed_forward_norm.memory_bytes();
        self.attention.memory_bytes() + convolutions + norms
    }
}

// === impl EncoderScratch ===

impl Default for EncoderScratch {
    fn default() -> Self {
        Self::new(SimdLevel::detect())
    }
}

impl EncoderScratch {
    pub fn new(level: SimdLevel) -> Self {
        Self {
            workspace: Workspace::new(level),
            answered: Signal::default(),
            sum: Signal::default(),
            attended: Signal::default(),
            between: Signal::default(),
            attention: AttentionSignals::default(),
            columns: Columns::default(),
        }
    }

    /// Bytes that are kept from run to run.
    pub fn memory_bytes(&self) -> u64 {
        let signals = [&self.answered, &self.sum, &self.attended, &self.between].map(Signal::memory_bytes);
        let rest = self.workspace.memory_bytes() + self.attention.memory_bytes() + self.columns.memory_bytes();
        (signals.iter().sum::<usize>() + rest) as u64
    }
}

// === helpers ===

fn plain(input: &Signal) -> ConvArgs<'_> {
    ConvArgs { input, slope: 1.0, bias: None, residual: None, target: WriteMode::Replace }
}
