//! Owns how a sentence is cut. Its latents are computed in as few sections as there is use for, because what lies about a cut is computed twice
//! and the weights are read once more for each: one for each worker that has nothing else to do, and before them, where somebody waits for the
//! first sound, a short one that this needs. Sound is decoded in stretches: a short one first, then longer ones, which cost less together.
//! No cut changes a sample.

use std::ops::Range;

use super::schedule::Class;

/// Frames of the first stretch, about a quarter of a second.
const FIRST: usize = 24;
/// Frames of the longest.
const LONGEST: usize = 128;
/// Where nobody waits: somebody who comes shall not wait for long.
const LONGEST_IN_BACKGROUND: usize = 64;
/// Frames of the shortest section but the first: a shorter one costs nearly as much.
const SHORTEST_SECTION: usize = 96;

/// How a sentence's latents are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Somebody waits for the first sound.
    pub first_sound: bool,
    /// Workers that can compute them.
    pub workers: usize,
}

/// Sections that together are all the frames. `context` is how many frames a stretch needs beyond its own.
pub fn sections(frames: usize, context: usize, wanted: Wanted) -> Vec<Range<usize>> {
    let first = if wanted.first_sound { frames.min(FIRST + context) } else { 0 };
    let rest = frames - first;
    let count = wanted.workers.min(rest / SHORTEST_SECTION).max(1);
    let length = rest.div_ceil(count).max(1);
    let following = (first..frames).step_by(length).map(|start| start..frames.min(start + length));
    std::iter::once(0..first).chain(following).filter(|section| !section.is_empty()).collect()
}

/// Stretches that together are all the frames.
pub fn stretches(frames: usize, class: Class) -> impl Iterator<Item = Range<usize>> {
    let (mut start, mut length, longest) = match class {
        Class::Interactive => (0, FIRST, LONGEST),
        Class::Background => (0, LONGEST_IN_BACKGROUND, LONGEST_IN_BACKGROUND),
    };
    std::iter::from_fn(move || {
        let end = (start + length).min(frames);
        let stretch = start..end;
        start = end;
        length = (2 * length).min(longest);
        (!stretch.is_empty()).then_some(stretch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_all_the_frames_in_order() {
        for frames in [0, 1, 24, 25, 72, 300, 16_384] {
            let cut: Vec<_> = stretches(frames, Class::Interactive).collect();

            assert_eq!(cut.iter().cloned().flatten().collect::<Vec<_>>(), (0..frames).collect::<Vec<_>>());
        }
    }

    #[test]
    fn sections_are_all_the_frames_in_order() {
        for frames in [1, 24, 37, 38, 140, 600, 16_384] {
            for (first_sound, workers) in [(false, 0), (false, 2), (true, 1), (true, 16)] {
                let cut = sections(frames, 13, Wanted { first_sound, workers });

                assert_eq!(cut.iter().cloned().flatten().collect::<Vec<_>>(), (0..frames).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn sections_are_no_more_than_there_is_use_for() {
        let lengths = |frames, first_sound, workers| {
            sections(frames, 13, Wanted { first_sound, workers }).iter().map(Range::len).collect::<Vec<_>>()
        };

        assert_eq!(lengths(600, false, 1), [600]);
        assert_eq!(lengths(600, false, 2), [300, 300]);
        assert_eq!(lengths(600, true, 1), [37, 563]);
        assert_eq!(lengths(200, false, 16), [100, 100]);
        assert_eq!(lengths(190, false, 16), [190]);
        assert_eq!(lengths(30, true, 16), [30]);
    }

    #[test]
    fn stretches_begin_short_and_grow_to_a_bound() {
        let lengths: Vec<_> = stretches(600, Class::Interactive).map(|stretch| stretch.len()).collect();

        assert_eq!(lengths, [24, 48, 96, 128, 128, 128, 48]);
    }
}
