//! Owns self-attention with relative positions (Shaw, Uszkoreit, Vaswani, 2018): each place asks all places, and those
//! within a window answer with what depends on their distance beside what they say themselves.
//!
//! Both products, of queries with keys and of weights with values, are the matrix product of the convolutions. What
//! belongs to the distances stands behind the keys and behind the values and goes through the same products: as further
//! keys, whose scores are then added to those of the places at these distances, and as further values, whose weights
//! are those of these places.

// What is not inlined into a function that enables instructions is compiled without them.
#![allow(clippy::inline_always)]

use std::ops::Range;

use super::weights::AttentionWeights;
use crate::kernels::simd::{F32x16, LANES, Operation, Simd};
use crate::kernels::{
    Columns, ConvArgs, Convolution, Geometry, Product, ROWS, Signal, Workspace, WriteMode, blocks, exp,
};

/// An attention that is ready to run. Each head begins a block of channels of its own.
#[derive(Debug)]
pub struct Attention {
    /// Of each head: to its queries, its keys, its values.
    heads: Vec<Convolution>,
    output: Convolution,
    /// `[block of distances][channel]`
    near_keys: Vec<F32x16>,
    /// `[block of channels][distance]`, the distances filled up to whole blocks
    near_values: Vec<F32x16>,
    /// Blocks of channels of a head.
    width: usize,
    window: usize,
}

/// Activations of a head, kept from run to run.
#[derive(Debug, Default)]
pub struct AttentionSignals {
    asked: Signal,
    /// `[block of places, then of distances][channel]`
    keys: Vec<F32x16>,
    /// `[block of channels][place, then distance]`
    values: Vec<F32x16>,
    /// `[block of places, then of distances][place that asks]`
    scores: Vec<F32x16>,
}

/// One head of a run.
struct Head<'a> {
    attention: &'a Attention,
    /// Places of the sentence.
    places: usize,
    signals: &'a mut AttentionSignals,
    columns: &'a mut Columns,
    answered: &'a mut Signal,
}

// === impl Attention ===

impl Attention {
    pub fn new(weights: &AttentionWeights) -> Self {
        let AttentionWeights { heads, query, key, value, output, near_keys, near_values } = weights;
        let (heads, hidden) = (*heads, query.in_channels);
        let depth = hidden / heads;
        let width = blocks(depth);
        let padded = width * LANES;
        // The channel that stands at a place of the heads' blocks, if one does.
        let channel = |at: usize| (at % padded < depth).then_some(at / padded * depth + at % padded);
        // The scores' common factor is that of the queries.
        let factor = 1.0 / (depth as f64).sqrt();
        let sources = [(query, factor), (key, 1.0), (value, 1.0)];
        let head = |head: usize| {
            let mut bias = vec![0.0; sources.len() * padded];
            for (at, bias) in bias.iter_mut().enumerate() {
                let (source, factor) = sources[at / padded];
                let own = channel(head * padded + at % padded).and_then(|channel| source.bias.get(channel));
                *bias = (f64::from(own.copied().unwrap_or(0.0)) * factor) as f32;
            }
            Convolution::new(Geometry::same(hidden, bias.len(), 1, 1), &bias, |at, _, input, _| {
                let (source, factor) = sources[at / padded];
                let channel = channel(head * padded + at % padded);
                channel.map_or(0.0, |channel| f64::from(source.weight[channel * hidden + input]) * factor)
            })
        };
        let output = Convolution::new(Geometry::same(heads * padded, hidden, 1, 1), &output.bias, |out, _, at, _| {
            channel(at).map_or(0.0, |channel| f64::from(output.weight[out * hidden + channel]))
        });
        let distances = near_keys.len() / depth;
        let near = blocks(distances);
        let mut keys = vec![F32x16::ZERO; near * padded];
        let mut values = vec![F32x16::ZERO; width * near * LANES];
        for (distance, channel) in (0..distances).flat_map(|distance| (0..depth).map(move |c| (distance, c))) {
            let from = distance * depth + channel;
            keys[distance / LANES * padded + channel].0[distance % LANES] = near_keys[from];
            values[channel / LANES * near * LANES + distance].0[channel % LANES] = near_values[from];
        }
        let (heads, window) = ((0..heads).map(head).collect(), weights.window());
        Self { heads, output, near_keys: keys, near_values: values, width, window }
    }

    pub fn heads(&self) -> usize {
        self.heads.len()
    }

    pub fn memory_bytes(&self) -> usize {
        let near = size_of_val(&self.near_keys[..]) + size_of_val(&self.near_values[..]);
        let heads: usize = self.heads.iter().map(Convolution::memory_bytes).sum();
        heads + self.output.memory_bytes() + near
    }

    /// What a head answers to each place; what stands behind the last place means nothing.
    pub fn answer(
        &self,
        head: usize,
        from: &Signal,
        signals: &mut AttentionSignals,
        columns: &mut Columns,
        workspace: &mut Workspace,
    ) -> Signal {
        let places = from.range();
        let pitch = places.len().next_multiple_of(ROWS);
        let asks = &self.heads[head];
        let plain = ConvArgs { input: from, slope: 1.0, bias: None, residual: None, target: WriteMode::Replace };
        signals.asked.reset(asks.bias().len(), 0..pitch);
        asks.run_part(&plain, places.clone(), &mut signals.asked, workspace);
        let mut answered = Signal::default();
        answered.reset(self.width, 0..pitch);
        let places = places.len();
        workspace.level().run(Head { attention: self, places, signals, columns, answered: &mut answered });
        answered
    }

    /// Adds what all heads answered to what they were asked from, in `sum`.
    pub fn add(&self, answered: &Signal, from: &Signal, sum: &mut Signal, workspace: &mut Workspace) {
        let pass =
            ConvArgs { input: answered, slope: 1.0, bias: None, residual: Some(from), target: WriteMode::Replace };
        self.output.run(&pass, sum, workspace);
    }

    /// Blocks of distances.
    fn near(&self) -> usize {
        blocks(2 * self.window + 1)
    }
}

// === impl AttentionSignals ===

impl AttentionSignals {
    pub fn memory_bytes(&self) -> usize {
        let lanes = self.keys.capacity() + self.values.capacity() + self.scores.capacity();
        self.asked.memory_bytes() + lanes * size_of::<F32x16>()
    }
}

// === impl Head ===

impl Operation for Head<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let width = self.attention.width;
        let pitch = self.signals.asked.range().len();
        let count = self.places;
        self.gather_keys();
        self.gather_values();
        let AttentionSignals { asked, keys, scores, .. } = &mut *self.signals;
        scores.resize((blocks(count) + self.attention.near()) * pitch, F32x16::ZERO);
        let queries = asked.rows(0..width);
        Product { rows: queries, weights: keys, out: scores, pitch, count }.run(simd);
        self.weigh(simd);
        let AttentionSignals { values, scores, .. } = &mut *self.signals;
        let out = self.answered.rows_mut(0..width);
        Product { rows: scores, weights: values, out, pitch, count }.run(simd);
    }
}

impl Head<'_> {
    /// The blocks of the keys, number 1, or the values, number 2.
    fn blocks(&self, kind: usize) -> Range<usize> {
        let width = self.attention.width;
        kind * width..(kind + 1) * width
    }

    /// Turns the keys, so that places stand side by side.
    #[inline(always)]
    fn gather_keys(&mut self) {
        let kept = self.blocks(1);
        let AttentionSignals { asked, keys, .. } = &mut *self.signals;
        let channels = kept.len() * LANES;
        keys.clear();
        keys.resize(blocks(self.places) * channels, F32x16::ZERO);
        for (block, keys) in keys.chunks_exact_mut(channels).enumerate() {
            for (from, keys) in kept.clone().zip(keys.chunks_exact_mut(LANES)) {
                let row = &asked.row(from)[..self.places];
                for (lane, from) in row[block * LANES..].iter().take(LANES).enumerate() {
                    for (key, value) in keys.iter_mut().zip(from.0) {
                        key.0[lane] = value;
                    }
                }
            }
        }
        keys.extend_from_slice(&self.attention.near_keys);
    }

    /// Puts the values of the distances behind those of the places.
    #[inline(always)]
    fn gather_values(&mut self) {
        let kept = self.blocks(2);
        let AttentionSignals { asked, values, .. } = &mut *self.signals;
        let filled = blocks(self.places) * LANES;
        values.clear();
        for (from, near) in kept.zip(self.attention.near_values.chunks_exact(self.attention.near() * LANES)) {
            values.extend_from_slice(&asked.row(from)[..self.places]);
            values.extend(std::iter::repeat_n(F32x16::ZERO, filled - self.places));
            values.extend_from_slice(near);
        }
    }

    /// Makes weights of the scores, whose sum is one for each place that asks.
    #[inline(always)]
    fn weigh<S: Simd>(&mut self, simd: S) {
        let AttentionSignals { asked, scores, .. } = &mut *self.signals;
        let (pitch, count, window) = (asked.range().len(), self.places, self.attention.window);
        let (scores, near) = scores.split_at_mut(blocks(count) * pitch);
        // The place at a distance from another, if there is one.
        let place = |from: usize, distance: usize| (from + distance).checked_sub(window).filter(|at| *at < count);
        for asking in 0..count {
            for distance in 0..=2 * window {
                if let Some(at) = place(asking, distance) {
                    let score = near[distance / LANES * pitch + asking].0[distance % LANES];
                    scores[at / LANES * pitch + asking].0[at % LANES] += score;
                }
            }
        }
        // Behind the last place there is nothing to be heard.
        if !count.is_multiple_of(LANES) {
            for scores in &mut scores[count / LANES * pitch..][..count] {
                scores.0[count % LANES..].fill(f32::NEG_INFINITY);
            }
        }
        let [most, sums] = self.columns.get(count);
        most.fill(F32x16([f32::NEG_INFINITY; LANES]));
        for scores in scores.chunks_exact(pitch) {
            for (most, score) in most.iter_mut().zip(scores) {
                simd.store(simd.max(simd.load(most), simd.load(score)), most);
            }
        }
        for most in most.iter_mut() {
            *most = F32x16([most.max(); LANES]);
        }
        sums.fill(F32x16::ZERO);
        for scores in scores.chunks_exact_mut(pitch) {
            for ((score, most), sum) in scores.iter_mut().zip(&*most).zip(sums.iter_mut()) {
                let weight = exp(simd, simd.sub(simd.load(score), simd.load(most)));
                simd.store(simd.add(simd.load(sum), weight), sum);
                simd.store(weight, score);
            }
        }
        for sum in sums.iter_mut() {
            *sum = F32x16([1.0 / sum.sum(); LANES]);
        }
        for scores in scores.chunks_exact_mut(pitch) {
            for (score, sum) in scores.iter_mut().zip(&*sums) {
                simd.store(simd.mul(simd.load(score), simd.load(sum)), score);
            }
        }
        for asking in 0..count {
            for distance in 0..near.len() / pitch * LANES {
                let at = place(asking, distance).filter(|_| distance <= 2 * window);
                near[distance / LANES * pitch + asking].0[distance % LANES] =
                    at.map_or(0.0, |at| scores[at / LANES * pitch + asking].0[at % LANES]);
            }
        }
    }
}
