//! Owns how a sentence is cut. Its latents are computed in sections: what the first sound needs, then the rest in as many parts as there are
//! workers, as what lies about a cut is computed twice. Its sound is decoded in stretches: a short one first, so that it can begin, then longer
//! ones, which cost less together. No cut changes a sample.

use std::ops::Range;

/// Frames of the first stretch, about a quarter of a second.
const FIRST: usize = 24;
/// Frames of the longest.
const LONGEST: usize = 128;
/// Frames of the shortest section but the first: about as many again are computed twice.
const SHORTEST_SECTION: usize = 96;

/// Sections that together are all the frames. `context` is how many frames a stretch needs beyond its own.
pub fn sections(frames: usize, context: usize, workers: usize) -> Vec<Range<usize>> {
    let first = frames.min(FIRST + context);
    let rest = frames - first;
    let count = workers.min(rest.div_ceil(SHORTEST_SECTION)).max(1);
    let length = rest.div_ceil(count).max(1);
    let following = (first..frames).step_by(length).map(|start| start..frames.min(start + length));
    std::iter::once(0..first).chain(following).collect()
}

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
    fn sections_are_all_the_frames_in_order() {
        for frames in [1, 24, 37, 38, 140, 600, 16_384] {
            for workers in [1, 2, 16] {
                let cut = sections(frames, 13, workers);

                assert_eq!(cut.iter().cloned().flatten().collect::<Vec<_>>(), (0..frames).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn sections_after_the_first_are_as_many_as_workers_but_not_short() {
        let lengths = |frames, workers| sections(frames, 13, workers).iter().map(Range::len).collect::<Vec<_>>();

        assert_eq!(lengths(600, 1), [37, 563]);
        assert_eq!(lengths(600, 2), [37, 282, 281]);
        assert_eq!(lengths(200, 16), [37, 82, 81]);
        assert_eq!(lengths(100, 16), [37, 63]);
    }

    #[test]
    fn stretches_begin_short_and_grow_to_a_bound() {
        let lengths: Vec<_> = stretches(600).map(|stretch| stretch.len()).collect();

        assert_eq!(lengths, [24, 48, 96, 128, 128, 128, 48]);
    }
}
