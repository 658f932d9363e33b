//! Owns finding each word of a text in the phonemes of its sentences. A word said alone sounds much like the same word
//! in its sentence, so the two sequences are aligned at least cost (Needleman and Wunsch's dynamic programme, with a
//! free end on the side of the words, as nobody knows how many of them the sentence has). That holds where words run
//! together ("of the"), and where one word is many ("25").

use std::ops::Range;

use super::phonemes::{Phoneme, is_sound};
use super::words::Word;

/// Costs. Stress and length differ between a word alone and the same word among others, so that they take no part.
const SAME: u32 = 0;
const ALIKE: u32 = 2;
const GAP: u32 = 3;
const UNLIKE: u32 = 4;
/// A blank where no word ends, or a word's end where there is no blank.
const BOUNDARY_GAP: u32 = 1;

/// Sounds of words that are looked at beyond those that the sentence has.
const SLACK: usize = 64;

/// One element of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element<'a> {
    Sound(&'a str),
    /// Between words.
    Boundary,
}

/// A step back through the programme's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AlignmentStep {
    Both,
    /// The sentence has a sound that no word has.
    Sentence,
    /// A word has a sound that the sentence lacks.
    Word,
}

/// For each of the words that `sentence` says, as far as it goes, which of its phonemes do. Words that are not heard
/// have none.
pub fn align(sentence: &[Phoneme], words: &[Word]) -> Vec<Range<usize>> {
    let (said, places) = elements(sentence);
    let (alone, owners) = sounds_of(words, 2 * said.len() + SLACK);
    let path = cheapest(&said, &alone);

    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (at, owner) in owned(&said, &path, &owners) {
        ranges.resize(owner + 1, 0..0);
        let (place, range) = (places[at], &mut ranges[owner]);
        *range = if Range::is_empty(range) { place..place + 1 } else { range.start..place + 1 };
    }
    ranges.iter().map(|range| with_marks(sentence, range)).collect()
}

/// The sounds of a sentence and what stands between its words; and where each is.
fn elements(sentence: &[Phoneme]) -> (Vec<Element<'_>>, Vec<usize>) {
    let element = |(place, phoneme)| {
        let element = match phoneme {
            sound if is_sound(sound) => Element::Sound(sound),
            blank if &**blank == " " => Element::Boundary,
            _ => return None,
        };
        Some((element, place))
    };
    sentence.iter().enumerate().filter_map(element).unzip()
}

/// The sounds of the words, and whose each is, until there are `enough`.
fn sounds_of(words: &[Word], enough: usize) -> (Vec<Element<'_>>, Vec<usize>) {
    let (mut elements, mut owners) = (Vec::new(), Vec::new());
    for (owner, word) in words.iter().enumerate() {
        if elements.len() >= enough {
            break;
        }
        let sounds = self::elements(&word.alone).0.into_iter().chain([Element::Boundary]);
        elements.extend(sounds);
        owners.resize(elements.len(), owner);
    }
    (elements, owners)
}

/// For each element of what is said, how many elements of the words stand before it, and whether it is one with the
/// last of them.
fn cheapest(said: &[Element<'_>], alone: &[Element<'_>]) -> Vec<(usize, bool)> {
    let width = alone.len() + 1;
    let mut steps = vec![AlignmentStep::Word; (said.len() + 1) * width];
    let mut costs: Vec<u32> = Vec::with_capacity(width);
    costs.push(0);
    for element in alone {
        costs.push(costs[costs.len() - 1] + gap(*element));
    }
    for (row, element) in said.iter().enumerate() {
        let mut diagonal = costs[0];
        costs[0] += gap(*element);
        steps[(row + 1) * width] = AlignmentStep::Sentence;
        for (column, other) in alone.iter().enumerate() {
            let both = diagonal.saturating_add(difference(*element, *other));
            let (skipped, missed) = (costs[column + 1] + gap(*element), costs[column] + gap(*other));
            let (cost, step) =
                [(both, AlignmentStep::Both), (skipped, AlignmentStep::Sentence), (missed, AlignmentStep::Word)]
                    .into_iter()
                    .min_by_key(|(cost, _)| *cost)
                    .unwrap_or((both, AlignmentStep::Both));
            diagonal = std::mem::replace(&mut costs[column + 1], cost);
            steps[(row + 1) * width + column + 1] = step;
        }
    }
    // The sentence ends with a word. What follows in the text costs nothing.
    let ends = (0..width).filter(|end| *end == 0 || alone[end - 1] == Element::Boundary);
    let mut column = ends.min_by_key(|end| costs[*end]).unwrap_or(0);

    let mut path = vec![(0, false); said.len()];
    let mut row = said.len();
    while row > 0 {
        match steps[row * width + column] {
            AlignmentStep::Both => {
                path[row - 1] = (column, true);
                (row, column) = (row - 1, column - 1);
            }
            AlignmentStep::Sentence => {
                path[row - 1] = (column, false);
                row -= 1;
            }
            AlignmentStep::Word => column -= 1,
        }
    }
    path
}

fn gap(element: Element<'_>) -> u32 {
    match element {
        Element::Sound(_) => GAP,
        Element::Boundary => BOUNDARY_GAP,
    }
}

fn difference(one: Element<'_>, other: Element<'_>) -> u32 {
    match (one, other) {
        (Element::Sound(one), Element::Sound(other)) if one == other => SAME,
        (Element::Sound(one), Element::Sound(other)) if is_vowel(one) == is_vowel(other) => ALIKE,
        (Element::Sound(_), Element::Sound(_)) => UNLIKE,
        (Element::Boundary, Element::Boundary) => SAME,
        // Never cheaper than leaving both out.
        (Element::Sound(_), Element::Boundary) | (Element::Boundary, Element::Sound(_)) => u32::MAX / 2,
    }
}

fn is_vowel(sound: &str) -> bool {
    sound.chars().any(|c| "aeiouyæøœɐɑɒɔəɘɚɛɜɝɞɤɨɪʉʊʌɯɶɵʏ".contains(c))
}

/// The sounds that are somebody's, and whose. A sound that no word has alone goes with the word that it follows without
/// a blank, else with the next.
fn owned(said: &[Element<'_>], path: &[(usize, bool)], owners: &[usize]) -> Vec<(usize, usize)> {
    let mut owned = Vec::new();
    let mut last: Option<usize> = None;
    for (at, (element, (column, is_matched))) in said.iter().zip(path).enumerate() {
        if *element == Element::Boundary {
            continue;
        }
        let follows = at > 0 && said[at - 1] != Element::Boundary;
        let owner = if *is_matched {
            owners.get(column - 1).copied()
        } else {
            last.filter(|_| follows).or_else(|| owners.get(*column).or(owners.last()).copied())
        };
        // Never back.
        let owner = owner.max(last);
        owned.extend(owner.map(|owner| (at, owner)));
        last = owner;
    }
    owned
}

/// With the stress before it and what modifies its last sound.
fn with_marks(sentence: &[Phoneme], range: &Range<usize>) -> Range<usize> {
    if range.is_empty() {
        return range.clone();
    }
    let is_stress = |phoneme: &Phoneme| matches!(&**phoneme, "ˈ" | "ˌ");
    let is_mark = |phoneme: &Phoneme| {
        !is_stress(phoneme) && phoneme.chars().all(|c| matches!(c, '\u{2b0}'..='\u{36f}' | '0'..='9'))
    };
    let before = sentence[..range.start].iter().rev().take_while(|phoneme| is_stress(phoneme)).count();
    let after = sentence[range.end..].iter().take_while(|phoneme| is_mark(phoneme)).count();
    range.start - before..range.end + after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phonemes(text: &str) -> Vec<Phoneme> {
        text.chars().map(|c| c.to_string().into()).collect()
    }

    /// The phonemes of each word, by their alignment.
    fn aligned(sentence: &str, alone: &[&str]) -> Vec<String> {
        let sentence = phonemes(sentence);
        let words: Vec<Word> = alone.iter().map(|alone| Word { text: 0..0, alone: phonemes(alone) }).collect();
        align(&sentence, &words).into_iter().map(|range| sentence[range].concat()).collect()
    }

    #[test]
    fn words_that_sound_as_they_do_alone_are_found() {
        assert_eq!(aligned("həlˈoʊ, ðˈɛɹ.", &["həlˈoʊ", "ðˈɛɹ"]), ["həlˈoʊ", "ðˈɛɹ"]);
    }

    #[test]
    fn words_that_run_together_are_told_apart() {
        assert_eq!(aligned("wˈʌn ʌvðə kˈæts", &["wˈʌn", "ˈʌv", "ðˈə", "kˈæts"]), ["wˈʌn", "ʌv", "ðə", "kˈæts"]);
    }

    #[test]
    fn a_word_that_is_said_as_many_stays_one() {
        let alone = ["ʌv", "ðə", "twˈɛnti fˈaɪv", "kˈæts"];

        assert_eq!(aligned("ʌvðə twˈɛnti fˈaɪv kˈæts.", &alone), ["ʌv", "ðə", "twˈɛnti fˈaɪv", "kˈæts"]);
    }

    #[test]
    fn a_word_that_sounds_different_among_others_is_found() {
        assert_eq!(aligned("ɐ lˈɛd pˈaɪp", &["ˈeɪ", "lˈiːd", "pˈaɪp"]), ["ɐ", "lˈɛd", "pˈaɪp"]);
    }

    #[test]
    fn words_of_the_next_sentence_are_left_to_it() {
        assert_eq!(aligned("nˈoʊ nˈoʊ.", &["nˈoʊ", "nˈoʊ", "nˈoʊ", "jˈɛs"]).len(), 2);
    }

    #[test]
    fn a_word_that_is_not_heard_has_no_phonemes() {
        assert_eq!(aligned("wˈʌn tˈuː", &["wˈʌn", "", "tˈuː"]), ["wˈʌn", "", "tˈuː"]);
    }

    #[test]
    fn neither_side_need_have_anything() {
        assert!(aligned("", &["wˈʌn"]).is_empty());
        assert!(aligned("wˈʌn", &[]).is_empty());
        assert!(aligned(" , ", &["wˈʌn"]).is_empty());
    }
}
