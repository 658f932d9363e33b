//! Owns the duration predictors of Piper voices, which say for how many frames each phoneme id is heard, as kernels of our own: the stochastic
//! one, a flow of splines that makes durations of noise, and the plain one. Refuses ONNX: it takes weights as they stand in training and in
//! graphs alike.
//!
//! Durations are whole frames: a last bit that differs may be heard as one frame more. So that they are the same on every processor, what is
//! not computed by the kernels is computed by functions that are alike everywhere.

mod separable;
mod spline;
#[cfg(test)]
mod tests;
mod weights;

pub use super::kernels::{ConvWeights, NormWeights, ShapeError};
pub use weights::{
    AffineWeights, DepthwiseWeights, DurationWeights, PlainWeights, SeparableWeights, SplineWeights, StochasticWeights,
};

use self::separable::{Separable, SeparableSignals};
use self::spline::Spline;
use super::kernels::simd::{LANES, Lanes, Level};
use super::kernels::{Columns, Convolution, Norm, Pass, Precision, Signal, Target, Workspace};

/// A duration predictor that is ready to run, on as many threads as there are.
#[derive(Debug)]
pub struct DurationPredictor {
    kind: Kind,
    hidden: usize,
    /// Values of a speaker's vector.
    condition: usize,
}

/// What is computed.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// What the text encoder says of each id, `[channel][id]`.
    pub hidden: &'a [f32],
    /// What the predictor's `cond` makes of the speaker's vector; empty for none.
    pub condition: &'a [f32],
    /// Noise, times its scale, `[2][id]`; empty where durations are not random.
    pub noise: &'a [f32],
    pub length_scale: f32,
}

/// Memory of one thread, kept from run to run.
#[derive(Debug)]
pub struct Scratch {
    workspace: Workspace,
    hidden: Signal,
    /// What the splines' networks add to what they read.
    said: Signal,
    signals: SeparableSignals,
    projected: Signal,
    columns: Columns,
    bias: Vec<Lanes>,
}

/// Why there are no durations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error("there are {found} values, which is not a number of ids of {channels} channels")]
    Values { found: usize, channels: usize },
    #[error("the speaker's vector has {found} values in place of {expected}")]
    Condition { found: usize, expected: usize },
    #[error("there are {found} values of noise in place of {expected}")]
    Noise { found: usize, expected: usize },
    #[error("cancelled")]
    Cancelled,
}

#[derive(Debug)]
enum Kind {
    Stochastic(Box<Stochastic>),
    Plain(Box<Plain>),
}

#[derive(Debug)]
struct Stochastic {
    pre: Convolution,
    separable: Separable,
    projection: Convolution,
    splines: Vec<SplineNetwork>,
    affine: AffineWeights,
}

#[derive(Debug)]
struct SplineNetwork {
    pre: Convolution,
    separable: Separable,
    projection: Convolution,
    /// Of the splines' bins.
    bins: usize,
    /// What the widths and heights are divided by.
    root: f64,
}

#[derive(Debug)]
struct Plain {
    layers: Vec<(Convolution, Norm)>,
    projection: Convolution,
}

// === impl DurationPredictor ===

impl DurationPredictor {
    pub fn new(weights: &DurationWeights) -> Result<Self, ShapeError> {
        weights.validate()?;
        let precise = |weights: &ConvWeights| Convolution::same(weights, Precision::High);
        let (kind, condition) = match weights {
            DurationWeights::Stochastic(StochasticWeights { pre, separable, projection, splines, affine }) => {
                let stochastic = Stochastic {
                    pre: precise(pre),
                    separable: Separable::new(separable),
                    projection: precise(projection),
                    splines: splines.iter().map(SplineNetwork::new).collect(),
                    affine: affine.clone(),
                };
                (Kind::Stochastic(Box::new(stochastic)), pre.out_channels)
            }
            DurationWeights::Plain(PlainWeights { layers, projection }) => {
                let layers = layers.iter().map(|(conv, norm)| (precise(conv), Norm::new(norm))).collect();
                (Kind::Plain(Box::new(Plain { layers, projection: precise(projection) })), weights.hidden())
            }
        };
        Ok(Self { kind, hidden: weights.hidden(), condition })
    }

    /// Whether durations are random.
    pub fn takes_noise(&self) -> bool {
        matches!(self.kind, Kind::Stochastic(_))
    }

    /// Bytes of the weights as they are kept.
    pub fn memory_bytes(&self) -> u64 {
        let bytes = match &self.kind {
            Kind::Stochastic(stochastic) => {
                let Stochastic { pre, separable, projection, splines, .. } = &**stochastic;
                let splines: usize = splines.iter().map(SplineNetwork::memory_bytes).sum();
                pre.memory_bytes() + separable.memory_bytes() + projection.memory_bytes() + splines
            }
            Kind::Plain(plain) => {
                let Plain { layers, projection } = &**plain;
                let layers = layers.iter().map(|(conv, norm)| conv.memory_bytes() + norm.memory_bytes());
                layers.sum::<usize>() + projection.memory_bytes()
            }
        };
        bytes as u64
    }

    /// For how many frames each id is heard, before they are made whole. `keep_going` is asked between layers.
    pub fn run(
        &self,
        part: &Part<'_>,
        scratch: &mut Scratch,
        keep_going: impl FnMut() -> bool,
    ) -> Result<Vec<f32>, DurationError> {
        let count = part.hidden.len() / self.hidden;
        if count * self.hidden != part.hidden.len() {
            return Err(DurationError::Values { found: part.hidden.len(), channels: self.hidden });
        }
        if !part.condition.is_empty() && part.condition.len() != self.condition {
            return Err(DurationError::Condition { found: part.condition.len(), expected: self.condition });
        }
        let expected = if self.takes_noise() { 2 * count } else { 0 };
        if part.noise.len() != expected {
            return Err(DurationError::Noise { found: part.noise.len(), expected });
        }
        scratch.hidden.fill(part.hidden, count, 0..count);
        let mut logarithms = match &self.kind {
            Kind::Stochastic(stochastic) => stochastic.run(part, scratch, keep_going)?,
            Kind::Plain(plain) => plain.run(part, scratch, keep_going)?,
        };
        for logarithm in &mut logarithms {
            *logarithm = libm::expf(*logarithm) * part.length_scale;
        }
        Ok(logarithms)
    }
}

impl Stochastic {
    fn run(
        &self,
        part: &Part<'_>,
        scratch: &mut Scratch,
        mut keep_going: impl FnMut() -> bool,
    ) -> Result<Vec<f32>, DurationError> {
        let Scratch { workspace, hidden, said, signals, projected, bias, .. } = scratch;
        let ids = hidden.range();
        bias.clear();
        bias.extend_from_slice(self.pre.bias());
        for (at, value) in part.condition.iter().enumerate() {
            bias[at / LANES].0[at % LANES] += value;
        }
        said.reset(self.pre.bias().len(), ids.clone());
        self.pre.run(&Pass { bias: Some(bias), ..plain(hidden) }, said, workspace);
        self.separable.run(said, signals, workspace);
        hidden.reset(self.projection.bias().len(), ids.clone());
        self.projection.run(&plain(said), hidden, workspace);
        let (from, to) = part.noise.split_at(ids.len());
        let (mut read, mut changed) = (from.to_vec(), to.to_vec());
        for spline in &self.splines {
            if !keep_going() {
                return Err(DurationError::Cancelled);
            }
            // The channels are turned round before each.
            std::mem::swap(&mut read, &mut changed);
            projected.fill(&read, ids.len(), ids.clone());
            said.reset(spline.pre.bias().len(), ids.clone());
            spline.pre.run(&Pass { residual: Some(hidden), ..plain(projected) }, said, workspace);
            spline.separable.run(said, signals, workspace);
            projected.reset(spline.projection.bias().len(), ids.clone());
            spline.projection.run(&plain(said), projected, workspace);
            spline.invert(projected, &mut changed);
        }
        // Turned round once more, the first channel is the one that was changed last.
        Ok(changed.iter().map(|value| (value - self.affine.shift) * self.affine.scale).collect())
    }
}

impl SplineNetwork {
    fn new(weights: &SplineWeights) -> Self {
        let SplineWeights { pre, separable, projection } = weights;
        Self {
            pre: Convolution::same(pre, Precision::High),
            separable: Separable::new(separable),
            projection: Convolution::same(projection, Precision::High),
            bins: projection.out_channels.div_ceil(3),
            root: (projection.in_channels as f64).sqrt(),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.pre.memory_bytes() + self.separable.memory_bytes() + self.projection.memory_bytes()
    }

    /// Takes each value back through the spline that is described for it.
    fn invert(&self, described: &Signal, values: &mut [f32]) {
        let mut numbers = vec![0.0; 3 * self.bins - 1];
        for (at, value) in values.iter_mut().enumerate() {
            for (channel, number) in numbers.iter_mut().enumerate() {
                *number = f64::from(described.row(channel / LANES)[at].0[channel % LANES]);
            }
            let (logits, slopes) = numbers.split_at_mut(2 * self.bins);
            for logit in logits.iter_mut() {
                *logit /= self.root;
            }
            let (widths, heights) = logits.split_at(self.bins);
            *value = Spline { widths, heights, slopes }.invert(f64::from(*value)) as f32;
        }
    }
}

impl Plain {
    fn run(
        &self,
        part: &Part<'_>,
        scratch: &mut Scratch,
        mut keep_going: impl FnMut() -> bool,
    ) -> Result<Vec<f32>, DurationError> {
        let Scratch { workspace, hidden, said, projected, columns, .. } = scratch;
        let ids = hidden.range();
        for (at, value) in part.condition.iter().enumerate() {
            for x in hidden.row_mut(at / LANES) {
                x.0[at % LANES] += value;
            }
        }
        for (conv, norm) in &self.layers {
            if !keep_going() {
                return Err(DurationError::Cancelled);
            }
            said.reset(conv.bias().len(), ids.clone());
            conv.run(&plain(hidden), said, workspace);
            rectify(said);
            norm.run(said, hidden, columns, workspace.level());
        }
        projected.reset(self.projection.bias().len(), ids);
        self.projection.run(&plain(hidden), projected, workspace);
        Ok(projected.channels(0..1))
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
            said: Signal::default(),
            signals: SeparableSignals::default(),
            projected: Signal::default(),
            columns: Columns::default(),
            bias: Vec::new(),
        }
    }

    /// Bytes that are kept from run to run.
    pub fn memory_bytes(&self) -> u64 {
        let signals: usize = [&self.hidden, &self.said, &self.projected].map(Signal::memory_bytes).iter().sum();
        let rest = self.workspace.memory_bytes() + self.signals.memory_bytes() + self.columns.memory_bytes();
        (signals + rest + self.bias.capacity() * size_of::<Lanes>()) as u64
    }
}

// === helpers ===

fn plain(input: &Signal) -> Pass<'_> {
    Pass { input, slope: 1.0, bias: None, residual: None, target: Target::Replace }
}

fn rectify(signal: &mut Signal) {
    let blocks = signal.blocks();
    for x in signal.rows_mut(0..blocks).iter_mut().flat_map(|lanes| &mut lanes.0) {
        if *x < 0.0 {
            *x = 0.0;
        }
    }
}
