//! Owns the pronunciation of pointed Hebrew words: letters and their points become syllables, a sheva is heard or not,
//! one syllable is stressed. The rules are those by which voices were trained, also where people read otherwise.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// A letter, or whatever stands in its place, with its points.
#[derive(Debug)]
struct Letter {
    base: char,
    points: Vec<char>,
}

#[derive(Debug)]
struct Syllable {
    onset: String,
    nucleus: Nucleus,
    coda: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Nucleus {
    Vowel(char),
    Sheva { with_dagesh: bool },
}

/// What a letter sounds like as a consonant.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Consonant {
    Sound(&'static str),
    /// Heard where it parts two vowels.
    Glottal,
}

const SHEVA: char = '\u{5b0}';
const HIRIQ: char = '\u{5b4}';
const HOLAM: char = '\u{5b9}';
const DAGESH: char = '\u{5bc}';
const SIN_DOT: char = '\u{5c2}';
const GERESH: char = '\u{5f3}';
const GLOTTAL: char = 'ʔ';
const STRESS: char = 'ˈ';

/// Points that are vowels of their own letter. Of several, the first counts.
const VOWELS: [(char, char); 10] = [
    ('\u{5c7}', 'o'),
    ('\u{5bb}', 'u'),
    (HIRIQ, 'i'),
    ('\u{5b5}', 'e'),
    ('\u{5b6}', 'e'),
    ('\u{5b7}', 'a'),
    ('\u{5b8}', 'a'),
    ('\u{5b2}', 'a'),
    ('\u{5b1}', 'e'),
    ('\u{5b3}', 'o'),
];

/// The phonemes of each word of `text`, between blanks; what is not Hebrew has none. `None`: signs for singing alone,
/// which are no word.
pub fn pronounced(text: &str) -> Vec<Option<String>> {
    // Python counts the separators U+001C to U+001F among the blanks.
    let words = text.split(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c));
    let sung = words.filter(|word| !word.is_empty());
    let composed =
        sung.map(|word| word.chars().filter(|c| !matches!(c, '\u{591}'..='\u{5af}')).nfc().collect::<String>());
    composed.map(|composed| (!composed.is_empty()).then(|| word(&composed))).collect()
}

fn word(word: &str) -> String {
    let syllables = with_read_shevas(syllables(&letters(word)));
    let last = syllables.len().saturating_sub(1);
    let stressed = if syllables.len() == 2 && !syllables[1].coda.is_empty() { 0 } else { last };
    let mut read = String::with_capacity(2 * word.len());
    for (at, Syllable { onset, nucleus, coda }) in syllables.iter().enumerate() {
        read += onset;
        read.extend((at == stressed).then_some(STRESS));
        read.extend(match nucleus {
            Nucleus::Vowel(vowel) => Some(*vowel),
            Nucleus::Sheva { .. } => None,
        });
        read += coda;
    }
    without_idle_glottals(&read)
}

/// Before a consonant and at the end a glottal stop is not heard.
fn without_idle_glottals(read: &str) -> String {
    let mut kept = String::with_capacity(read.len());
    let mut rest = read.chars().peekable();
    while let Some(c) = rest.next() {
        let is_before_vowel = rest.peek().is_some_and(|next| "aeiouəˈ".contains(*next));
        kept.extend((c != GLOTTAL || is_before_vowel).then_some(c));
    }
    kept
}

fn letters(word: &str) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::new();
    for c in word.chars() {
        if canonical_combining_class(c) == 0 {
            letters.push(Letter { base: c, points: Vec::new() });
        } else if let Some(last) = letters.last_mut() {
            last.points.push(c);
        }
    }
    // Sounds of other languages are not heard: a letter with a geresh has none, nor a vowel.
    let mut at = 0;
    while at + 1 < letters.len() {
        if letters[at + 1].base == GERESH && matches!(letters[at].base, 'ג' | 'ז' | 'צ') {
            letters.remove(at);
            letters[at].points.clear();
        }
        at += 1;
    }
    letters
}

fn syllables(letters: &[Letter]) -> Vec<Syllable> {
    let mut syllables: Vec<Syllable> = Vec::new();
    let mut onset = String::new();
    let mut rest = letters.iter().peekable();
    while let Some(letter) = rest.next() {
        let consonant = letter.consonant(rest.peek().is_none());
        let is_long_i = rest.next_if(|next| letter.has(HIRIQ) && next.base == 'י' && !next.has_vowel()).is_some();
        let nucleus = match letter.vav_as_vowel() {
            Some(vowel) if !is_long_i => Some(Nucleus::Vowel(vowel)),
            _ => {
                if let Some(Consonant::Sound(sound)) = consonant {
                    onset += sound;
                }
                if is_long_i { Some(Nucleus::Vowel('i')) } else { letter.nucleus() }
            }
        };
        match nucleus {
            Some(nucleus) => {
                syllables.push(Syllable { onset: std::mem::take(&mut onset), nucleus, coda: String::new() });
            }
            None => onset.extend((consonant == Some(Consonant::Glottal)).then_some(GLOTTAL)),
        }
    }
    if let Some(last) = syllables.last_mut() {
        last.coda = onset;
    }
    syllables
}

/// A sheva is heard at the beginning of a word, under a doubled letter, and behind one that is not heard. Else its
/// consonant ends the syllable before it.
fn with_read_shevas(syllables: Vec<Syllable>) -> Vec<Syllable> {
    let mut read: Vec<Syllable> = Vec::with_capacity(syllables.len());
    let mut is_after_silent = false;
    for syllable in syllables {
        let nucleus = match (syllable.nucleus, read.last_mut()) {
            (Nucleus::Sheva { with_dagesh: false }, Some(before)) if !is_after_silent => {
                before.coda += &syllable.onset;
                is_after_silent = true;
                continue;
            }
            (Nucleus::Sheva { .. }, _) => Nucleus::Vowel('e'),
            (vowel, _) => vowel,
        };
        is_after_silent = false;
        read.push(Syllable { nucleus, ..syllable });
    }
    read
}

// === impl Letter ===

impl Letter {
    fn has(&self, point: char) -> bool {
        self.points.contains(&point)
    }

    /// Whether it has one of the points that are vowels, a sheva and a holam among them.
    fn has_vowel(&self) -> bool {
        let is_vowel = |point: &char| matches!(*point, SHEVA | HOLAM) || VOWELS.iter().any(|(vowel, _)| vowel == point);
        self.points.iter().any(is_vowel)
    }

    /// A vav that is a vowel, of the consonant before it.
    fn vav_as_vowel(&self) -> Option<char> {
        if self.base != 'ו' {
            return None;
        }
        match (self.has(DAGESH), self.has(HOLAM)) {
            (true, _) => (!self.has_vowel()).then_some('u'),
            (false, has_holam) => has_holam.then_some('o'),
        }
    }

    fn nucleus(&self) -> Option<Nucleus> {
        let vowel = VOWELS.iter().find(|(point, _)| self.has(*point)).map(|(_, vowel)| Nucleus::Vowel(*vowel));
        vowel.or_else(|| self.has(SHEVA).then(|| Nucleus::Sheva { with_dagesh: self.has(DAGESH) }))
    }

    fn consonant(&self, is_last: bool) -> Option<Consonant> {
        let has_dagesh = self.has(DAGESH);
        let sound = match self.base {
            'א' | 'ע' => return Some(Consonant::Glottal),
            'ה' if is_last && !has_dagesh => return None,
            'ה' => "h",
            'ב' if has_dagesh => "b",
            'ב' | 'ו' => "v",
            'ג' => "g",
            'ד' => "d",
            'ז' => "z",
            'כ' | 'ך' if has_dagesh => "k",
            'ח' | 'כ' | 'ך' => "χ",
            'ט' | 'ת' => "t",
            'י' => "j",
            'ל' => "l",
            'מ' | 'ם' => "m",
            'נ' | 'ן' => "n",
            'ס' => "s",
            'פ' | 'ף' if has_dagesh => "p",
            'פ' | 'ף' => "f",
            'צ' | 'ץ' => "ts",
            'ק' => "k",
            'ר' => "ʁ",
            'ש' if self.has(SIN_DOT) && !self.has('\u{5c1}') => "s",
            'ש' => "ʃ",
            _ => return None,
        };
        Some(Consonant::Sound(sound))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        pronounced(text).into_iter().flatten().collect()
    }

    #[test]
    fn letters_and_points_are_syllables_of_which_one_is_stressed() {
        for (word, read) in [
            ("שָׁלוֹם", "ʃˈalom"),
            ("יֶלֶד", "jˈeled"),
            ("בְּרָכָה", "beʁaχˈa"),
            ("מַלְכָּה", "malkˈa"),
            ("שִׂיחָה", "siχˈa"),
            ("סוּס", "sˈus"),
        ] {
            assert_eq!(words(word), [read], "{word}");
        }
    }

    #[test]
    fn what_is_not_hebrew_has_no_sound_and_marks_count_as_letters() {
        assert_eq!(words("הַיָּם OK 25\u{1c}הַיָּם."), ["hˈajam", "", "", "hˈajam"]);
        assert_eq!(words("שָׁנָה שָׁנָה."), ["ʃanˈa", "ʃˈanah"]);
        assert_eq!(words("צ\u{5f3}ִיפְּס ג\u{5f3}ָז"), ["jpˈes", ""]);
        assert!(pronounced(" \u{a0}\n").is_empty());
        assert_eq!(pronounced("\u{591} a"), [None, Some(String::new())]);
    }

    proptest! {
        #[test]
        fn whatever_is_written_each_word_is_read(text in "[א-תװ-״\u{591}-\u{5c7} a.\u{301}]{0,40}") {
            prop_assert_eq!(pronounced(&text).len(), text.split_whitespace().count());

            let words = words(&text);
            prop_assert!(words.concat().chars().all(|c| "abdefghijklmnopstuvzʁʃχʔˈ".contains(c)), "{:?}", words);
        }
    }
}
