//! Owns values over time: for each row, a moment, all channels, in blocks of sixteen. Channels beyond the last are zero.

use std::ops::Range;

use super::simd::{LANES, Lane};

/// [blocks][rows] of sixteen channels, of a range of time.
#[derive(Debug, Default, Clone)]
pub struct Rows {
    lanes: Vec<Lane>,
    blocks: usize,
    start: isize,
    len: usize,
}

// === impl Rows ===

impl Rows {
    /// Makes room for the channels over the time. What lies outside of `live` is zero; what lies within is whatever was there and has to be
    /// written before it is read. Memory is kept for the next use.
    pub fn reset(&mut self, channels: usize, time: Range<isize>, live: Range<isize>) {
        self.blocks = channels.div_ceil(LANES);
        self.start = time.start;
        self.len = usize::try_from(time.end - time.start).unwrap_or(0);
        self.lanes.resize(self.blocks * self.len, Lane::ZERO);
        let begin = self.place(live.start);
        let end = self.place(live.end).max(begin);
        for block in 0..self.blocks {
            let lanes = self.block_mut(block);
            lanes[..begin].fill(Lane::ZERO);
            lanes[end..].fill(Lane::ZERO);
        }
    }

    /// Takes channels in rows, [channels][frames], of which `time` is wanted; what lies outside of the frames is zero.
    pub fn fill(&mut self, values: &[f32], frames: usize, time: Range<isize>) {
        self.reset(values.len() / frames.max(1), time.clone(), 0..0);
        for lane in &mut self.lanes {
            *lane = Lane::ZERO;
        }
        let known = time.start.max(0)..time.end.min(frames as isize);
        for (channel, values) in values.chunks_exact(frames.max(1)).enumerate() {
            for moment in known.clone() {
                let place = channel / LANES * self.len + (moment - self.start) as usize;
                self.lanes[place].0[channel % LANES] = values[moment as usize];
            }
        }
    }

    /// Where a moment's row is, or would be if it were there.
    fn place(&self, moment: isize) -> usize {
        (moment - self.start).clamp(0, self.len as isize) as usize
    }

    pub fn time(&self) -> Range<isize> {
        self.start..self.start + self.len as isize
    }

    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// One block of channels, over all the time.
    pub fn block(&self, block: usize) -> &[Lane] {
        &self.lanes[block * self.len..][..self.len]
    }

    pub fn block_mut(&mut self, block: usize) -> &mut [Lane] {
        &mut self.lanes[block * self.len..][..self.len]
    }

    pub fn bytes(&self) -> usize {
        self.lanes.capacity() * size_of::<Lane>()
    }
}
