//! Owns the cuts of a sentence in time. Its latents are computed in as few sections as there is use for, because what
//! lies about a cut is computed twice and the weights are read once more for each: one for each worker that has nothing
//! else to do, and before them, where somebody waits for the first sound, a short one that this needs. Sound is decoded
//! in stretches of one length, as many for each of those workers, so that all of them are done at the same time; before
//! them, where somebody waits for the first sound, come two short ones, the first of which is decoded with its latents.
//! No cut changes a sample.

use std::ops::Range;

use super::schedule::Priority;

/// Frames of the stretches that come first where somebody waits for the first sound: about a fifth of a second, and
/// half a second, in which the latents of the rest are computed.
const FIRST: [usize; 2] = [16, 40];
/// Frames of the longest stretch, which is how long somebody else may have to wait.
const LONGEST: usize = 128;
/// Where nobody waits: somebody who comes shall not wait for long.
const LONGEST_IN_BACKGROUND: usize = 64;
/// Frames of the shortest section and of the shortest stretch but the first ones: shorter ones cost nearly as much.
const SHORTEST_SECTION: usize = 64;
const SHORTEST_STRETCH: usize = 32;

/// How a sentence is wanted.
#[derive(Debug, Clone, Copy)]
pub struct SentenceDemand {
    /// Somebody waits for the first sound.
    pub first_sound: bool,
    /// Workers that can compute it.
    pub workers: usize,
    pub class: Priority,
}

/// Sections that together are all the frames. `context` is how many frames a stretch needs beyond its own.
pub fn sections(frames: usize, context: usize, wanted: SentenceDemand) -> Vec<Range<usize>> {
    let first = if wanted.first_sound { frames.min(FIRST[0] + context) } else { 0 };
    let rest = first..frames;
    let count = wanted.workers.min(rest.len() / SHORTEST_SECTION);
    std::iter::once(0..first).chain(evenly(rest, count)).filter(|section| !section.is_empty()).collect()
}

/// Stretches that together are all the frames.
pub fn stretches(frames: usize, wanted: SentenceDemand) -> impl Iterator<Item = Range<usize>> {
    let (first, longest) = match wanted.class {
        Priority::Interactive if wanted.first_sound => (FIRST, LONGEST),
        Priority::Interactive => ([0, 0], LONGEST),
        Priority::Background => ([0, 0], LONGEST_IN_BACKGROUND),
    };
    let second = first[0].min(frames)..(first[0] + first[1]).min(frames);
    let rest = second.end..frames;
    let count = rest.len().div_ceil(longest).next_multiple_of(wanted.workers.max(1));
    let count = count.min(rest.len() / SHORTEST_STRETCH).max(rest.len().div_ceil(longest));
    [0..second.start, second].into_iter().chain(evenly(rest, count)).filter(|stretch| !stretch.is_empty())
}

/// So many parts of nearly one length, one at least.
fn evenly(frames: Range<usize>, count: usize) -> impl Iterator<Item = Range<usize>> {
    let (start, length, count) = (frames.start, frames.len(), count.max(1));
    (0..count).map(move |part| start + part * length / count..start + (part + 1) * length / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(first_sound: bool, workers: usize) -> SentenceDemand {
        SentenceDemand { first_sound, workers, class: Priority::Interactive }
    }

    #[test]
    fn stretches_and_sections_are_all_the_frames_in_order() {
        for frames in [0, 1, 24, 25, 37, 38, 72, 140, 300, 600, 16_384] {
            for (first_sound, workers) in [(false, 0), (false, 2), (true, 1), (true, 16)] {
                let all: Vec<_> = (0..frames).collect();

                let sections = sections(frames, 13, wanted(first_sound, workers));
                assert_eq!(sections.into_iter().flatten().collect::<Vec<_>>(), all);
                for class in [Priority::Interactive, Priority::Background] {
                    let cut = stretches(frames, SentenceDemand { class, ..wanted(first_sound, workers) });
                    assert_eq!(cut.flatten().collect::<Vec<_>>(), all);
                }
            }
        }
    }

    #[test]
    fn sections_are_no_more_than_there_is_use_for() {
        let lengths = |frames, first_sound, workers| {
            sections(frames, 13, wanted(first_sound, workers)).iter().map(Range::len).collect::<Vec<_>>()
        };

        assert_eq!(lengths(600, false, 1), [600]);
        assert_eq!(lengths(600, false, 2), [300, 300]);
        assert_eq!(lengths(600, true, 1), [29, 571]);
        assert_eq!(lengths(150, false, 16), [75, 75]);
        assert_eq!(lengths(120, false, 16), [120]);
        assert_eq!(lengths(30, true, 16), [29, 1]);
        assert_eq!(lengths(29, true, 16), [29]);
    }

    #[test]
    fn stretches_keep_all_workers_busy_to_the_end_and_are_no_longer_than_others_may_wait() {
        let lengths = |frames, first_sound, workers| {
            stretches(frames, wanted(first_sound, workers)).map(|stretch| stretch.len()).collect::<Vec<_>>()
        };

        assert_eq!(lengths(400, false, 1), [100; 4]);
        assert_eq!(lengths(300, false, 2), [75; 4]);
        assert_eq!(lengths(200, false, 2), [100; 2]);
        assert_eq!(lengths(90, false, 8), [45; 2]);
        assert_eq!(lengths(20, false, 8), [20]);
        assert_eq!(lengths(472, true, 2), [16, 40, 104, 104, 104, 104]);
        assert_eq!(lengths(40, true, 2), [16, 24]);
        let background = stretches(256, SentenceDemand { class: Priority::Background, ..wanted(false, 1) });
        assert!(background.map(|stretch| stretch.len()).eq([64; 4]));
    }
}
