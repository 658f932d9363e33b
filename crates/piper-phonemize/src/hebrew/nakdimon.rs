//! Owns putting the points into unpointed Hebrew, with the model that the piper-tts wheel ships: Nakdimon, which says
//! of each letter its vowel, whether it has a dot inside, and on which side a shin has one.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ort::session::Session;
use ort::value::TensorRef;
use piper_acoustic::OnnxRuntime;

use crate::legible::is_decimal;

/// A loaded model.
pub struct Nakdimon {
    session: Mutex<Session>,
}

/// Why Hebrew text could not be pointed.
#[derive(Debug, thiserror::Error)]
pub enum NakdimonError {
    #[error("model: {0}")]
    Model(#[from] ort::Error),
    #[error("the model answers with less than three numbers for each letter")]
    Shape,
}

/// Letters that take a vowel, and such as take a dot inside.
const WITH_VOWEL: &str = "אבגדהוזחטיכךלמנןסעפצקרשת";
const WITH_DAGESH: &str = "בגדהוזטיכךלמנספףצקשת";
const SHIN: char = 'ש';

/// The classes of each of the model's outputs, in their order. The first is that there is nothing to be said; `RAFE`:
/// there is no point.
const VOWELS: [char; 16] = [
    RAFE, RAFE, '\u{5b0}', '\u{5b1}', '\u{5b2}', '\u{5b3}', '\u{5b4}', '\u{5b5}', '\u{5b6}', '\u{5b7}', '\u{5b8}',
    '\u{5b9}', '\u{5ba}', '\u{5bb}', '\u{5bc}', '\u{5b7}',
];
const DAGESH: [char; 3] = [RAFE, RAFE, '\u{5bc}'];
const SHIN_DOT: [char; 4] = [RAFE, RAFE, '\u{5c1}', '\u{5c2}'];
const RAFE: char = '\u{5bf}';

/// Ids of the model's alphabet: a ligature, what it does not know, a digit; then these marks; then the letters.
const LIGATURE: u8 = 1;
const OTHER: u8 = 2;
const DIGIT: u8 = 3;
const MARKS: &str = " !\"'(),-.:;?";
const FIRST_MARK: u8 = 4;
const FIRST_LETTER: u8 = 16;

/// Digits that are no decimals, for Python.
const RAISED_OR_ENCLOSED: [(char, char); 20] = [
    ('\u{b2}', '\u{b3}'),
    ('\u{b9}', '\u{b9}'),
    ('\u{1369}', '\u{1371}'),
    ('\u{19da}', '\u{19da}'),
    ('\u{2070}', '\u{2070}'),
    ('\u{2074}', '\u{2079}'),
    ('\u{2080}', '\u{2089}'),
    ('\u{2460}', '\u{2468}'),
    ('\u{2474}', '\u{247c}'),
    ('\u{2488}', '\u{2490}'),
    ('\u{24ea}', '\u{24ea}'),
    ('\u{24f5}', '\u{24fd}'),
    ('\u{24ff}', '\u{24ff}'),
    ('\u{2776}', '\u{277e}'),
    ('\u{2780}', '\u{2788}'),
    ('\u{278a}', '\u{2792}'),
    ('\u{10a40}', '\u{10a43}'),
    ('\u{10e60}', '\u{10e68}'),
    ('\u{11052}', '\u{1105a}'),
    ('\u{1f100}', '\u{1f10a}'),
];

/// Whether `c` is one of the points of which a text that has any is taken to have all.
pub fn is_point(c: char) -> bool {
    matches!(c, '\u{5b0}'..='\u{5bc}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c7}')
}

// === impl Nakdimon ===

impl Nakdimon {
    /// Loads `nakdimon.onnx` of the folder.
    pub fn load(folder: &Path, runtime: &OnnxRuntime) -> Result<Self, NakdimonError> {
        Ok(Self { session: Mutex::new(runtime.session(&folder.join("nakdimon.onnx"))?) })
    }

    /// `text`, which has no points, with points.
    pub fn pointed(&self, text: &str) -> Result<String, NakdimonError> {
        let letters: Vec<char> = text.chars().collect();
        if letters.is_empty() {
            return Ok(String::new());
        }
        let ids: Vec<f32> = letters.iter().map(|letter| f32::from(id(*letter))).collect();
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(ort::inputs![TensorRef::from_array_view(([1, ids.len()], &ids[..]))?])?;
        if outputs.len() < 3 {
            return Err(NakdimonError::Shape);
        }
        let vowels = points(outputs[0].try_extract_tensor::<f32>()?.1, &VOWELS);
        let dagesh = points(outputs[1].try_extract_tensor::<f32>()?.1, &DAGESH);
        let shin_dots = points(outputs[2].try_extract_tensor::<f32>()?.1, &SHIN_DOT);
        if [&vowels, &dagesh, &shin_dots].iter().any(|points| points.len() != letters.len()) {
            return Err(NakdimonError::Shape);
        }

        let mut pointed = String::with_capacity(2 * text.len());
        for (at, letter) in letters.into_iter().enumerate() {
            pointed.push(letter);
            let points = [
                (WITH_DAGESH.contains(letter), dagesh[at]),
                (letter == SHIN, shin_dots[at]),
                (WITH_VOWEL.contains(letter), vowels[at]),
            ];
            pointed.extend(points.into_iter().filter(|(may, point)| *may && *point != RAFE).map(|(_, point)| point));
        }
        Ok(pointed)
    }
}

/// Of each letter the point that is most likely, by the likelihoods of all classes for one letter after the other.
fn points(likelihoods: &[f32], classes: &[char]) -> Vec<char> {
    let likeliest = |letter: &[f32]| {
        let best = letter.iter().enumerate().fold(0, |best, (at, one)| if *one > letter[best] { at } else { best });
        classes[best]
    };
    likelihoods.chunks_exact(classes.len()).map(likeliest).collect()
}

/// Of a character in the model's alphabet.
fn id(c: char) -> u8 {
    let c = match c {
        '\n' | '\t' => ' ',
        '\u{5be}' | '\u{2012}'..='\u{2015}' | '\u{2212}' => '-',
        '[' => '(',
        ']' => ')',
        '´' | '‘' | '’' => '\'',
        '“' | '”' | '״' => '"',
        '…' => ',',
        other => other,
    };
    let after = |first: u8, at: usize| u8::try_from(at).map_or(OTHER, |at| first + at);
    match c {
        'א'..='ת' => after(FIRST_LETTER, c as usize - 'א' as usize),
        'װ' | 'ױ' | 'ײ' => LIGATURE,
        c if is_digit(c) => DIGIT,
        c => MARKS.find(c).map_or(OTHER, |at| after(FIRST_MARK, at)),
    }
}

/// As Python has it.
fn is_digit(c: char) -> bool {
    is_decimal(c) || RAISED_OR_ENCLOSED.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_knows_letters_marks_and_that_something_is_a_digit() {
        assert_eq!("את ?!".chars().map(id).collect::<Vec<_>>(), [16, 42, 4, 15, 5]);
        assert_eq!("ךםןףץ".chars().map(id).collect::<Vec<_>>(), [26, 29, 31, 35, 37]);
        assert_eq!("7٣²①½".chars().map(id).collect::<Vec<_>>(), [3, 3, 3, 3, 2]);
        assert_eq!("־–[]’״…\n".chars().map(id).collect::<Vec<_>>(), [11, 11, 8, 9, 7, 6, 10, 4]);
        assert_eq!("ײA\r😀".chars().map(id).collect::<Vec<_>>(), [1, 2, 2, 2]);
    }

    #[test]
    fn of_points_that_are_as_likely_the_first_is_taken() {
        assert_eq!(points(&[0.0, 0.0, 1.0, 0.5, 0.5, 0.5, 9.0], &DAGESH), ['\u{5bc}', RAFE]);
    }
}
