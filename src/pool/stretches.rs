//! Owns how a sentence is cut for decoding: a short stretch first, so that its sound can begin, then longer ones, which cost less together.
//! The cuts depend on the length alone: the same sentence has the same samples whoever asks for it, however.

use std::ops::Range;

/// Frames of the first stretch, about a quarter of a second.
const FIRST: usize = 24;
/// Frames of the longest.
const LONGEST: usize = 128;

/// Stretches that together are all the frames.
pub fn stretches(frames: usize) -> impl Iterator<Item = Range<usize>> {
    let (mut start, mut length) = (0, FIRST);
    std::iter::from_fn(move || {
        let end = (start + length).min(frames);
        let stretch = start..end;
        start = end;
        length = (2 * length).min(LONGEST);
        (!stretch.is_empty()).then_some(stretch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_all_the_frames_in_order() {
        for frames in [0, 1, 24, 25, 72, 300, 16_384] {
            let cut: Vec<_> = stretches(frames).collect();

            assert_eq!(cut.iter().cloned().flatten().collect::<Vec<_>>(), (0..frames).collect::<Vec<_>>());
        }
    }

    #[test]
    fn stretches_begin_short_and_grow_to_a_bound() {
        let lengths: Vec<_> = stretches(600).map(|stretch| stretch.len()).collect();

        assert_eq!(lengths, [24, 48, 96, 128, 128, 128, 48]);
    }
}
