//! Owns Chinese for voices of the phoneme type `pinyin`, as piper-tts 1.8.0 reads it where a character has one reading:
//! sentences, numbers in words, then of each character the initial, the final and the tone. Of several readings the one
//! is taken that the word asks for, or the most frequent one, as there is no model here that would look at what stands
//! around the character.

mod numbers;
mod readings;
mod splitting;

use super::phonemes::{Phoneme, Sentence, phoneme};
use numbers::in_words;
use readings::readings;
use splitting::split;

/// Longer ones stand before those that they begin with.
const INITIALS: [&str; 23] = [
    "zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r", "z", "c", "s", "y",
    "w",
];
const NO_INITIAL: &str = "Ø";

/// What stands behind a syllable, and marks that are heard as a pause: a pad follows each, and nothing else.
const ENDS: &str = "12345。？！.?!—…、，：；,:; ";

/// Characters that are phonemes themselves, for piper.
const LETTERS: &str = "bpmfdtnlgkhjqxrzcsywaoeiuvØ_^$";

/// Phonemes of each sentence of `text` that has some.
pub fn sentences(text: &str) -> Vec<Sentence> {
    let unquoted: String = text.chars().filter(|c| !matches!(c, '“' | '”' | '"')).collect();
    let sentences = split(&unquoted).into_iter().map(|sentence| phonemes(&in_words(&sentence)));
    sentences.filter(|sentence| !sentence.is_empty()).collect()
}

/// Phonemes of syllables that are written in pinyin, with the number of their tone, between blanks: `ni3 hao3`.
pub fn written(pinyin: &str) -> Sentence {
    pinyin.split_whitespace().flat_map(syllable).collect()
}

/// Whether a pad stands behind the phoneme.
pub fn ends_group(phoneme: &str) -> bool {
    let mut chars = phoneme.chars();
    matches!((chars.next(), chars.next()), (Some(c), None) if ENDS.contains(c))
}

fn phonemes(sentence: &str) -> Sentence {
    let of_character = |(c, reading): (char, Option<&str>)| match reading {
        Some(reading) => syllable(reading),
        None if ENDS.contains(c) || LETTERS.contains(c) => vec![phoneme(c)],
        None => Vec::new(),
    };
    readings(sentence).into_iter().flat_map(of_character).collect()
}

/// Initial, final and tone; or the syllable itself, if it is none of Mandarin.
fn syllable(written: &str) -> Vec<Phoneme> {
    parts(written).unwrap_or_else(|| vec![written.into()])
}

fn parts(written: &str) -> Option<Vec<Phoneme>> {
    let tone = written.chars().last().filter(|tone| ('1'..='5').contains(tone))?;
    let base = written[..written.len() - 1].replace("u:", "v").replace('ü', "v");
    if !base.bytes().all(|letter| letter.is_ascii_lowercase()) {
        return None;
    }
    let initial = INITIALS.into_iter().find(|initial| base.starts_with(*initial)).unwrap_or_default();
    let rest = base.strip_prefix(initial).filter(|rest| !rest.is_empty())?;
    let initial = if initial.is_empty() { NO_INITIAL } else { initial };
    Some(vec![initial.into(), rest.into(), phoneme(tone)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> Vec<String> {
        sentences(text).into_iter().map(|sentence| sentence.join(" ")).collect()
    }

    #[test]
    fn a_character_is_an_initial_a_final_and_a_tone() {
        assert_eq!(said("你好，世界！"), ["n i 3 h ao 3 ， sh i 4 j ie 4 ！"]);
        assert_eq!(said("爱女"), ["Ø ai 4 n v 3"]);
        assert_eq!(said("“25%”。ж"), ["b ai 3 f en 1 zh i 1 Ø er 4 sh i 2 w u 3 。"]);
        assert_eq!(said("嗯 ok"), ["Ø en 2   o k"]);
        assert!(said(" Ж\n").is_empty());
    }

    #[test]
    fn pinyin_is_read_as_it_is_written() {
        let read = |pinyin: &str| written(pinyin).join(" ");

        assert_eq!(read(" chong2 lü4  lu:e4 er2"), "ch ong 2 l v 4 l ve 4 Ø er 2");
        assert_eq!(read("n2 hao 5 ê4 哦"), "n2 hao 5 ê4 哦");
    }

    proptest! {
        #[test]
        fn whatever_is_written_ends_with_its_phonemes(text in "[一-龥0-9.。!？ %℃°C*\\-\n“”a-zA-ZÀ-ÿ]{0,60}") {
            for sentence in sentences(&text) {
                prop_assert!(!sentence.is_empty());
            }
        }
    }
}
