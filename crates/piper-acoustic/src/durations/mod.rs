//! Owns the duration predictors of Piper voices, which say for how many frames each phoneme id is heard, as kernels of
//! our own: the stochastic one, a flow of splines that makes durations of noise, and the plain one. Refuses ONNX: it
//! takes weights as they stand in training and in graphs alike.
//!
//! Ids depend on few of their neighbours, so that each of the networks can be computed by places, on several threads;
//! what lies about a cut is computed for both of its sides.
//!
//! Durations are whole frames: a last bit that differs may be heard as one frame more. So that they are the same on
//! every processor, what is not computed by the kernels is computed by functions that are alike everywhere.

mod separable;
mod spline;
#[cfg(test)]
mod tests;
mod weights;

pub use super::kernels::{ConvWeights, NormWeights, ShapeError};
pub use weights::{
    AffineWeights, DepthwiseWeights, DurationWeights, PlainWeights, SeparableWeights, SplineWeights, StochasticWeights,
};

use std::ops::Range;
use std::sync::Arc;

use self::separable::{Separable, SeparableSignals};
use self::spline::Spline;
use super::kernels::simd::{F32x16, LANES, SimdLevel};
use super::kernels::{Columns, ConvArgs, Convolution, Norm, Precision, Signal, Workspace, WriteMode, evenly};

/// A duration predictor that is ready to run, on as many threads as there are.
#[derive(Debug)]
pub struct DurationPredictor {
    kind: PredictorKind,
    hidden: usize,
    /// Values of a speaker's vector.
    condition: usize,
}

/// What is computed.
#[derive(Debug, Clone)]
pub struct DurationsInput<'a> {
    /// What the text encoder says of each id, `[channel][id]`.
    pub hidden: &'a [f32],
    /// What the predictor's `cond` makes of the speaker's vector; empty for none.
    pub condition: &'a [f32],
    /// Noise, times its scale, `[2][id]`; empty where durations are not random.
    pub noise: &'a [f32],
    pub length_scale: f32,
}

/// What a thread computes at a time, of what is known before its step.
#[derive(Debug, Clone)]
pub struct DurationsTask {
    work: DurationsWork,
    places: Range<usize>,
}

#[derive(Debug, Clone)]
enum DurationsWork {
    /// What the splines' networks add to what they read.
    Say { hidden: Arc<Signal>, bias: Arc<[F32x16]> },
    /// Values taken back through a spline, which is described by what was said and by other values.
    Change { spline: usize, said: Arc<Signal>, read: Arc<Signal>, changed: Arc<Signal> },
    /// Logarithms of the durations, by the plain predictor.
    Predict { hidden: Arc<Signal> },
}

/// Memory of one thread, kept from run to run.
#[derive(Debug)]
pub struct DurationsScratch {
    workspace: Workspace,
    said: Signal,
    signals: SeparableSignals,
    projected: Signal,
    columns: Columns,
}

/// Ids of the shortest part: what lies about a cut is thirteen ids on either side.
const LEAST_PLACES: usize = 48;

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
enum PredictorKind {
    Stochastic(Box<Stochastic>),
    Plain(Box<PlainPredictor>),
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
struct PlainPredictor {
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
                (PredictorKind::Stochastic(Box::new(stochastic)), pre.out_channels)
            }
            DurationWeights::Plain(PlainWeights { layers, projection }) => {
                let layers = layers.iter().map(|(conv, norm)| (precise(conv), Norm::new(norm))).collect();
                (
                    PredictorKind::Plain(Box::new(PlainPredictor { layers, projection: precise(projection) })),
                    weights.hidden(),
                )
            }
        };
        Ok(Self { kind, hidden: weights.hidden(), condition })
    }

    /// Whether durations are random.
    pub fn takes_noise(&self) -> bool {
        matches!(self.kind, PredictorKind::Stochastic(_))
    }

    /// Bytes of the weights as they are kept.
    pub fn memory_bytes(&self) -> u64 {
        let bytes = match &self.kind {
            PredictorKind::Stochastic(stochastic) => {
                let Stochastic { pre, separable, projection, splines, .. } = &**stochastic;
                let splines: usize = splines.iter().map(SplineNetwork::memory_bytes).sum();
                pre.memory_bytes() + separable.memory_bytes() + projection.memory_bytes() + splines
            }
            PredictorKind::Plain(plain) => {
                let PlainPredictor { layers, projection } = &**plain;
                let layers = layers.iter().map(|(conv, norm)| conv.memory_bytes() + norm.memory_bytes());
                layers.sum::<usize>() + projection.memory_bytes()
            }
        };
        bytes as u64
    }

    /// For how many frames each id is heard, before they are made whole. `keep_going` is asked before each task.
    pub fn run(
        &self,
        part: &DurationsInput<'_>,
        scratch: &mut DurationsScratch,
        mut keep_going: impl FnMut() -> bool,
    ) -> Result<Vec<f32>, DurationError> {
        self.run_shared(part, 1, |tasks| {
            tasks.iter().map(|task| keep_going().then(|| self.compute(task, scratch))).collect()
        })
    }

    /// The same, where ids are cut into so many parts. `share` has [`DurationPredictor::compute`] called for each task
    /// of a step, and gives what comes of it in that order; nothing if it is to stop.
    pub fn run_shared(
        &self,
        part: &DurationsInput<'_>,
        cuts: usize,
        mut share: impl FnMut(Vec<DurationsTask>) -> Option<Vec<Signal>>,
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
        let mut hidden = Signal::default();
        hidden.fill(part.hidden, count, 0..count);
        if let PredictorKind::Plain(_) = &self.kind {
            hidden.add(part.condition);
        }
        let hidden = Arc::new(hidden);
        let mut step = |work: DurationsWork| {
            let places = evenly(0..count, cuts.min(count / LEAST_PLACES));
            let tasks = places.map(|places| DurationsTask { work: work.clone(), places });
            share(tasks.collect()).map(Signal::joined).ok_or(DurationError::Cancelled)
        };
        let mut logarithms = match &self.kind {
            PredictorKind::Stochastic(stochastic) => stochastic.run(hidden, part, step)?,
            PredictorKind::Plain(_) => step(DurationsWork::Predict { hidden })?.channels(0..1),
        };
        for logarithm in &mut logarithms {
            *logarithm = libm::expf(*logarithm) * part.length_scale;
        }
        Ok(logarithms)
    }

    pub fn compute(&self, DurationsTask { work, places }: &DurationsTask, scratch: &mut DurationsScratch) -> Signal {
        let (places, mut made) = (places.clone(), Signal::default());
        match (&self.kind, work) {
            (PredictorKind::Stochastic(stochastic), DurationsWork::Say { hidden, bias }) => {
                stochastic.say(hidden, bias, places, &mut made, scratch);
            }
            (PredictorKind::Stochastic(stochastic), DurationsWork::Change { spline, said, read, changed }) => {
                made.gather(std::slice::from_ref(changed), places);
                stochastic.splines[*spline].change(said, read, &mut made, scratch);
            }
            (PredictorKind::Plain(plain), DurationsWork::Predict { hidden }) => {
                plain.predict(hidden, places, &mut made, scratch);
            }
            // A predictor makes no tasks but those of its kind.
            (PredictorKind::Plain(_), _) | (_, DurationsWork::Predict { .. }) => {}
        }
        made
    }
}

impl Stochastic {
    fn run(
        &self,
        hidden: Arc<Signal>,
        part: &DurationsInput<'_>,
        mut step: impl FnMut(DurationsWork) -> Result<Signal, DurationError>,
    ) -> Result<Vec<f32>, DurationError> {
        let mut bias = self.pre.bias().to_vec();
        for (at, value) in part.condition.iter().enumerate() {
            bias[at / LANES].0[at % LANES] += value;
        }
        let said = Arc::new(step(DurationsWork::Say { hidden, bias: bias.into() })?);
        let (from, to) = part.noise.split_at(part.noise.len() / 2);
        let [mut read, mut changed] = [from, to].map(|values| {
            let mut signal = Signal::default();
            signal.fill(values, values.len(), 0..values.len());
            Arc::new(signal)
        });
        for spline in 0..self.splines.len() {
            // The channels are turned round before each.
            std::mem::swap(&mut read, &mut changed);
            let (said, read) = (said.clone(), read.clone());
            changed = Arc::new(step(DurationsWork::Change { spline, said, read, changed })?);
        }
        // Turned round once more, the first channel is the one that was changed last.
        Ok(changed.channels(0..1).iter().map(|value| (value - self.affine.shift) * self.affine.scale).collect())
    }

    fn say(
        &self,
        hidden: &Signal,
        bias: &[F32x16],
        places: Range<usize>,
        made: &mut Signal,
        scratch: &mut DurationsScratch,
    ) {
        let DurationsScratch { workspace, said, signals, .. } = scratch;
        said.reset(bias.len(), self.separable.input_range(places.clone(), hidden.range().len()));
        self.pre.run(&ConvArgs { bias: Some(bias), ..plain(hidden) }, said, workspace);
        self.separable.run(said, signals, workspace);
        made.reset(self.projection.bias().len(), places);
        self.projection.run(&plain(said), made, workspace);
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

    /// Takes each of the values back through the spline that is described for it.
    fn change(&self, said: &Signal, read: &Signal, values: &mut Signal, scratch: &mut DurationsScratch) {
        let DurationsScratch { workspace, said: inner, signals, projected, .. } = scratch;
        let places = values.range();
        inner.reset(self.pre.bias().len(), self.separable.input_range(places.clone(), read.range().len()));
        self.pre.run(&ConvArgs { residual: Some(said), ..plain(read) }, inner, workspace);
        self.separable.run(inner, signals, workspace);
        projected.reset(self.projection.bias().len(), places);
        self.projection.run(&plain(inner), projected, workspace);
        self.invert(projected, values.row_mut(0));
    }

    /// The values stand in the first lane.
    fn invert(&self, described: &Signal, values: &mut [F32x16]) {
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
            value.0[0] = Spline { widths, heights, slopes }.invert(f64::from(value.0[0])) as f32;
        }
    }
}

impl PlainPredictor {
    fn predict(&self, hidden: &Signal, places: Range<usize>, made: &mut Signal, scratch: &mut DurationsScratch) {
        let DurationsScratch { workspace, said, projected, columns, .. } = scratch;
        let len = hidden.range().len();
        // What each layer has to compute, so that the ones after it find what they read.
        let range = |layers: &[(Convolution, Norm)]| {
            layers.iter().rev().fold(places.clone(), |range, (conv, _)| conv.input_range(range, len))
        };
        projected.gather(std::slice::from_ref(hidden), range(&self.layers));
        for (at, (conv, norm)) in self.layers.iter().enumerate() {
            said.reset(conv.bias().len(), range(&self.layers[at + 1..]));
            conv.run(&plain(projected), said, workspace);
            rectify(said);
            norm.run(said, projected, columns, workspace.level());
        }
        made.reset(self.projection.bias().len(), places.clone());
        self.projection.run(&plain(projected), made, workspace);
    }
}

// === impl DurationsScratch ===

impl Default for DurationsScratch {
    fn default() -> Self {
        Self::new(SimdLevel::detect())
    }
}

impl DurationsScratch {
    pub fn new(level: SimdLevel) -> Self {
        Self {
            workspace: Workspace::new(level),
            said: Signal::default(),
            signals: SeparableSignals::default(),
            projected: Signal::default(),
            columns: Columns::default(),
        }
    }

    /// Bytes that are kept from run to run.
    pub fn memory_bytes(&self) -> u64 {
        let signals = self.said.memory_bytes() + self.signals.memory_bytes() + self.projected.memory_bytes();
        (self.workspace.memory_bytes() + signals + self.columns.memory_bytes()) as u64
    }
}

// === helpers ===

fn plain(input: &Signal) -> ConvArgs<'_> {
    ConvArgs { input, slope: 1.0, bias: None, residual: None, target: WriteMode::Replace }
}

fn rectify(signal: &mut Signal) {
    let blocks = signal.blocks();
    for x in signal.rows_mut(0..blocks).iter_mut().flat_map(|lanes| &mut lanes.0) {
        if *x < 0.0 {
            *x = 0.0;
        }
    }
}
