//! Owns activations: channels in blocks of [`LANES`], each block a row over time, so that everything along time is
//! plain arithmetic on vectors and no data is ever shuffled. A signal holds a range of the whole utterance's time and
//! knows which.

use std::borrow::Borrow;
use std::ops::Range;

use super::simd::{F32x16, LANES};

/// Activations over a range of time.
#[derive(Debug, Default)]
pub struct Signal {
    range: Range<usize>,
    blocks: usize,
    /// `[block][time]`
    data: Vec<F32x16>,
}

/// Two vectors for each place in time, of one thread, kept from use to use.
#[derive(Debug, Default)]
pub struct Columns([Vec<F32x16>; 2]);

/// Blocks that so many channels fill, the last of them up to its end with zeros.
pub fn blocks(channels: usize) -> usize {
    channels.div_ceil(LANES)
}

/// So many ranges of nearly one length, one at least, that together are `range`.
pub fn evenly(range: Range<usize>, count: usize) -> impl Iterator<Item = Range<usize>> {
    let (start, length, count) = (range.start, range.len(), count.max(1));
    (0..count).map(move |part| start + part * length / count..start + (part + 1) * length / count)
}

// === impl Signal ===

impl Signal {
    /// Makes it a signal of so many blocks over `range`, whose values are whatever stood there. Memory is kept from use
    /// to use.
    pub fn reset(&mut self, blocks: usize, range: Range<usize>) {
        let len = blocks * range.len();
        if self.data.len() < len {
            self.data.resize(len, F32x16::ZERO);
        }
        self.range = range;
        self.blocks = blocks;
    }

    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    pub fn blocks(&self) -> usize {
        self.blocks
    }

    pub fn row(&self, block: usize) -> &[F32x16] {
        &self.data[block * self.range.len()..][..self.range.len()]
    }

    pub fn row_mut(&mut self, block: usize) -> &mut [F32x16] {
        let len = self.range.len();
        &mut self.data[block * len..][..len]
    }

    /// The rows of some blocks, one after the other.
    pub fn rows(&self, blocks: Range<usize>) -> &[F32x16] {
        let len = self.range.len();
        &self.data[blocks.start * len..blocks.end * len]
    }

    /// The rows of some blocks, one after the other.
    pub fn rows_mut(&mut self, blocks: Range<usize>) -> &mut [F32x16] {
        let len = self.range.len();
        &mut self.data[blocks.start * len..blocks.end * len]
    }

    /// The values of some channels, `[channel][time]`.
    pub fn channels(&self, channels: Range<usize>) -> Vec<f32> {
        let mut values = Vec::with_capacity(channels.len() * self.range.len());
        for channel in channels {
            values.extend(self.row(channel / LANES).iter().map(|lanes| lanes.0[channel % LANES]));
        }
        values
    }

    /// A signal of what stands in these, one after the other in time.
    pub fn joined(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let mut joined = Self::default();
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return joined };
        joined.reset(first.blocks, first.range.start..last.range.end);
        for part in &parts {
            for block in 0..part.blocks {
                let place = part.range.start - joined.range.start;
                joined.row_mut(block)[place..][..part.range.len()].copy_from_slice(part.row(block));
            }
        }
        joined
    }

    /// Takes what stands in `range` of these, the blocks of one behind those of the other.
    pub fn gather(&mut self, from: &[impl Borrow<Self>], range: Range<usize>) {
        self.reset(from.iter().map(|signal| signal.borrow().blocks).sum(), range.clone());
        let rows = from.iter().map(Borrow::borrow).flat_map(|signal: &Self| {
            let place = range.start - signal.range.start..range.end - signal.range.start;
            (0..signal.blocks).map(move |block| &signal.row(block)[place.clone()])
        });
        for (block, row) in rows.enumerate() {
            self.row_mut(block).copy_from_slice(row);
        }
    }

    /// All rows of the first half of the blocks, and of the second.
    pub fn halves_mut(&mut self) -> (&mut [F32x16], &mut [F32x16]) {
        let half = self.blocks / 2 * self.range.len();
        self.data[..2 * half].split_at_mut(half)
    }

    /// Takes the values of `range` from `channels` rows of `frames` values each.
    pub fn fill(&mut self, rows: &[f32], frames: usize, range: Range<usize>) {
        let channels = rows.len() / frames.max(1);
        self.reset(blocks(channels), range.clone());
        for block in 0..self.blocks {
            let row = self.row_mut(block);
            row.fill(F32x16::ZERO);
            for lane in 0..LANES.min(channels - block * LANES) {
                let from = &rows[(block * LANES + lane) * frames..][range.clone()];
                for (to, from) in row.iter_mut().zip(from) {
                    to.0[lane] = *from;
                }
            }
        }
    }

    /// Adds a value to each channel; nothing where there are none.
    pub fn add(&mut self, values: &[f32]) {
        for (at, value) in values.iter().enumerate() {
            for x in self.row_mut(at / LANES) {
                x.0[at % LANES] += value;
            }
        }
    }

    /// Bytes that are kept for use after use.
    pub fn memory_bytes(&self) -> usize {
        self.data.capacity() * size_of::<F32x16>()
    }
}

// === impl Columns ===

impl Columns {
    pub fn get(&mut self, len: usize) -> [&mut [F32x16]; 2] {
        self.0.each_mut().map(|column| {
            column.resize(column.len().max(len), F32x16::ZERO);
            &mut column[..len]
        })
    }

    pub fn memory_bytes(&self) -> usize {
        self.0.iter().map(|column| column.capacity() * size_of::<F32x16>()).sum()
    }
}
