//! Owns the times of characters, which are made of those of words: a word's characters share its time, and what stands
//! between two words the time between them.

use serde_json::{Value, json};

use crate::live::Said;
use crate::speech::TimedSentence;

/// Characters of what is said, each with its time in seconds.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Alignment(Vec<Character>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Character {
    char: char,
    start: f64,
    end: f64,
}

// === impl Alignment ===

impl Alignment {
    /// Of a sentence, with its first and its last second, whose words are said at these times.
    fn new<'a>(text: &str, (start, end): (f64, f64), words: impl Iterator<Item = (&'a str, f64, f64)>) -> Self {
        let chars: Vec<char> = text.chars().collect();
        // Places and when they are reached.
        let (mut reached, mut sought) = (vec![(0, start)], 0);
        for (word, start, end) in words {
            // One that is written otherwise than it stands there shares the time of what is around it.
            let Some(at) = text.get(sought..).and_then(|rest| rest.find(word)) else { continue };
            let first = text[..sought + at].chars().count();
            sought += at + word.len();
            reached.extend([(first, start), (first + word.chars().count(), end)]);
        }
        reached.push((chars.len(), end));
        let spread = |places: &[(usize, f64)]| {
            let [(first, start), (last, end)] = [places[0], places[1]];
            let each = (end - start).max(0.0) / (last - first).max(1) as f64;
            let time = move |place: usize| start + each * (place - first) as f64;
            (first..last).map(move |place| (place, time(place), time(place + 1)))
        };
        let times = reached.windows(2).flat_map(spread);
        Self(times.map(|(place, start, end)| Character { char: chars[place], start, end }).collect())
    }

    pub fn of_said(said: &Said) -> Self {
        let words = said.words.iter().map(|word| (word.text.as_str(), word.start, word.end));
        Self::new(&said.sentence.text, (said.sentence.start, said.sentence.end), words).with_blank()
    }

    pub fn of_timed<'a>(sentences: impl IntoIterator<Item = &'a TimedSentence>) -> Self {
        let of_each = sentences.into_iter().flat_map(|sentence| {
            let words = sentence.words.iter().map(|word| (word.text.as_str(), word.span.start, word.span.end));
            Self::new(&sentence.text, (sentence.span.start, sentence.span.end), words).with_blank().0
        });
        Self(of_each.collect())
    }

    /// A blank that is said for so long.
    pub fn blank(start: f64, end: f64) -> Self {
        Self(vec![Character { char: ' ', start, end }])
    }

    /// Behind a sentence, so that whoever reads knows that its last word is complete.
    fn with_blank(mut self) -> Self {
        let end = self.0.last().map_or(0.0, |last| last.end);
        self.0.extend(Self::blank(end, end).0);
        self
    }

    /// As it is told over a WebSocket: in milliseconds from a message that begins at `base`.
    pub fn in_message(&self, base: f64) -> Value {
        let milliseconds = |seconds: f64| (seconds * 1e3).round() as i64;
        let starts: Vec<i64> = self.0.iter().map(|c| milliseconds(c.start) - milliseconds(base)).collect();
        let durations: Vec<i64> = self.0.iter().map(|c| milliseconds(c.end) - milliseconds(c.start)).collect();
        json!({"chars": self.chars(), "charStartTimesMs": starts, "charDurationsMs": durations})
    }

    /// As it is told over HTTP: in seconds from the beginning.
    pub fn in_whole(&self) -> Value {
        let rounded = |seconds: f64| (seconds * 1e3).round() / 1e3;
        let starts: Vec<f64> = self.0.iter().map(|c| rounded(c.start)).collect();
        let ends: Vec<f64> = self.0.iter().map(|c| rounded(c.end)).collect();
        json!({"characters": self.chars(), "character_start_times_seconds": starts, "character_end_times_seconds": ends})
    }

    fn chars(&self) -> Vec<char> {
        self.0.iter().map(|c| c.char).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, words: &[(&str, f64, f64)]) -> Vec<(char, f64, f64)> {
        let alignment = Alignment::new(text, (1.0, 2.0), words.iter().copied());
        alignment.0.iter().map(|c| (c.char, c.start, c.end)).collect()
    }

    #[test]
    fn characters_share_the_times_of_words_and_of_what_is_between() {
        let told = told("ab, c.", &[("ab", 1.0, 1.25), ("c", 1.5, 1.75)]);

        assert_eq!(
            told,
            [
                ('a', 1.0, 1.125),
                ('b', 1.125, 1.25),
                (',', 1.25, 1.375),
                (' ', 1.375, 1.5),
                ('c', 1.5, 1.75),
                ('.', 1.75, 2.0)
            ]
        );
    }

    #[test]
    fn words_that_are_not_found_share_the_time_of_what_is_around_them() {
        assert_eq!(told("üü", &[("5", 1.0, 1.5)]), [('ü', 1.0, 1.5), ('ü', 1.5, 2.0)]);
        assert_eq!(told("", &[]), []);
        assert_eq!(told("aa", &[("a", 1.0, 1.5), ("a", 1.25, 1.75), ("a", 1.75, 2.0)])[1], ('a', 1.25, 1.75));
    }

    #[test]
    fn a_message_tells_times_from_its_own_beginning_and_all_messages_together_the_whole() {
        let alignment = Alignment::new("ab", (1.2, 1.3001), [("ab", 1.2, 1.3001)].into_iter()).with_blank();

        assert_eq!(
            alignment.in_message(1.2),
            json!({"chars": ["a", "b", " "], "charStartTimesMs": [0, 50, 100], "charDurationsMs": [50, 50, 0]})
        );
        assert_eq!(
            alignment.in_whole(),
            json!({"characters": ["a", "b", " "], "character_start_times_seconds": [1.2, 1.25, 1.3],
                "character_end_times_seconds": [1.25, 1.3, 1.3]})
        );
    }
}
