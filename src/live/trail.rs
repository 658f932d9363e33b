//! Owns which place of a text is reached at which time of its sound, so that whoever interrupts knows what was heard.

use std::collections::VecDeque;

use super::spoken::Said;

/// Times and the characters that are begun then.
#[derive(Debug, Default)]
pub struct Trail(VecDeque<(f64, usize)>);

/// More than sound that is sent and not played yet has.
const MAX_PLACES: usize = 256;

// === impl Trail ===

impl Trail {
    /// From `seconds` on everything up to `char` is begun.
    pub fn add(&mut self, seconds: f64, char: usize) {
        if self.0.back() == Some(&(seconds, char)) {
            return;
        }
        if self.0.len() == MAX_PLACES {
            self.0.pop_front();
        }
        self.0.push_back((seconds, char));
    }

    pub fn add_words(&mut self, said: &Said) {
        for word in &said.words {
            self.add(word.start, word.end_char);
        }
    }

    /// How many characters are begun before `seconds`.
    pub fn reached(&self, seconds: f64) -> usize {
        self.0.iter().rev().find(|(start, _)| *start < seconds).map_or(0, |(_, char)| *char)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_begun_is_reached() {
        let mut trail = Trail::default();
        trail.add(0.0, 5);
        trail.add(0.0, 5);
        trail.add(1.5, 11);

        assert_eq!([0.0, 0.1, 1.5, 1.6].map(|seconds| trail.reached(seconds)), [0, 5, 5, 11]);
    }

    #[test]
    fn only_the_last_places_are_kept() {
        let mut trail = Trail::default();
        for place in 0..10_000 {
            trail.add(f64::from(place), place as usize);
        }

        assert_eq!(trail.0.len(), MAX_PLACES);
        assert_eq!(trail.reached(1e9), 9_999);
    }
}
