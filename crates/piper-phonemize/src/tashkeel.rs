//! Owns the vocalisation of Arabic text before it is phonemized, with the libtashkeel model that the piper-tts wheel
//! ships. Written Arabic leaves short vowels out; piper adds them this way, and voices were trained so.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ort::session::Session;
use ort::value::TensorRef;
use piper_acoustic::{OnnxRuntime, files};

use super::models::end_of_piece;

/// A loaded vocalisation model.
pub struct Tashkeel {
    session: Mutex<Session>,
    letters: HashMap<char, i64>,
    hints: HashMap<String, i64>,
    targets: HashMap<u8, String>,
}

/// Why Arabic text could not be vocalised.
#[derive(Debug, thiserror::Error)]
pub enum TashkeelError {
    #[error("could not read the model folder: {0}")]
    Read(#[from] std::io::Error),
    #[error("could not read a map of the model folder: {0}")]
    Map(#[from] serde_json::Error),
    #[error("model: {0}")]
    Model(#[from] ort::Error),
}

/// The model compares each letter with all others: its memory grows with the square of their number, 8 MB a layer with
/// so many.
const MAX_PIECE_CHARS: usize = 500;

const MAX_MAP_BYTES: u64 = 1 << 20;

const PAD: &str = "_";
const NUMERAL: char = '#';
const NO_HINT: &str = "";

/// Vowel signs and consonant doubling, U+064B to U+0652.
fn is_diacritic(c: char) -> bool {
    ('\u{64b}'..='\u{652}').contains(&c)
}

fn is_numeral(c: char) -> bool {
    c.is_ascii_digit() || ('\u{660}'..='\u{669}').contains(&c)
}

// === impl Tashkeel ===

impl Tashkeel {
    /// Loads `model.onnx` and the three maps beside it.
    pub fn load(folder: &Path, runtime: &OnnxRuntime) -> Result<Self, TashkeelError> {
        let letters: HashMap<String, i64> = read_map(&folder.join("input_id_map.json"))?;
        let targets: HashMap<String, u8> = read_map(&folder.join("target_id_map.json"))?;
        Ok(Self {
            session: Mutex::new(runtime.session(&folder.join("model.onnx"))?),
            letters: letters.into_iter().filter_map(|(letter, id)| Some((letter.chars().next()?, id))).collect(),
            hints: read_map(&folder.join("hint_id_map.json"))?,
            targets: targets.into_iter().map(|(sign, id)| (id, sign)).collect(),
        })
    }

    /// `text` with vowel signs. Signs that it has serve as hints.
    pub fn vocalise(&self, text: &str) -> Result<String, TashkeelError> {
        let mut vocalised = String::with_capacity(2 * text.len());
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(end_of_piece(rest, MAX_PIECE_CHARS, is_diacritic));
            vocalised += &self.vocalise_piece(piece)?;
            rest = others;
        }
        Ok(vocalised)
    }

    fn vocalise_piece(&self, text: &str) -> Result<String, TashkeelError> {
        let (letters, unknown) = self.valid_letters(text);
        let (ids, hints) = self.inputs(&letters);
        if ids.is_empty() {
            return Ok(text.to_owned());
        }

        let signs = self.infer(&ids, &hints)?;
        let mut signs = signs.iter();
        let mut out = String::with_capacity(2 * text.len());
        for c in text.chars().filter(|c| !is_diacritic(*c)) {
            out.push(c);
            if !unknown.contains(&c) {
                out.push_str(signs.next().map_or("", |sign| sign.as_str()));
            }
        }
        Ok(out)
    }

    /// The characters that the model knows, with numerals as one sign, and the set of those that it does not.
    fn valid_letters(&self, text: &str) -> (String, HashSet<char>) {
        let mut valid = String::with_capacity(text.len());
        let mut unknown = HashSet::new();
        for c in text.chars() {
            if self.letters.contains_key(&c) || is_diacritic(c) {
                valid.push(c);
            } else if is_numeral(c) {
                valid.push(NUMERAL);
            } else {
                unknown.insert(c);
            }
        }
        (valid, unknown)
    }

    /// Ids of the letters and, for each, of the diacritics that follow it.
    fn inputs(&self, text: &str) -> (Vec<i64>, Vec<i64>) {
        let mut ids = Vec::new();
        let mut hints = Vec::new();
        let mut signs = String::new();
        for c in text.trim_start_matches(is_diacritic).chars() {
            if is_diacritic(c) {
                signs.push(c);
                continue;
            }
            if !ids.is_empty() {
                hints.push(self.hint(&signs));
            }
            signs.clear();
            ids.push(self.letters.get(&c).copied().unwrap_or_default());
        }
        if !ids.is_empty() {
            hints.push(self.hint(&signs));
        }
        (ids, hints)
    }

    /// The model knows a vowel before a doubling as the doubling before the vowel.
    fn hint(&self, signs: &str) -> i64 {
        let reversed = || self.hints.get(&signs.chars().rev().collect::<String>());
        self.hints
            .get(signs)
            .or_else(|| (signs.chars().count() == 2).then(reversed).flatten())
            .or_else(|| self.hints.get(NO_HINT))
            .copied()
            .unwrap_or_default()
    }

    fn infer(&self, ids: &[i64], hints: &[i64]) -> Result<Vec<&String>, TashkeelError> {
        let shape = [1, ids.len()];
        let length = [ids.len() as i64];
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(ort::inputs! {
            "char_inputs" => TensorRef::from_array_view((shape, ids))?,
            "diac_inputs" => TensorRef::from_array_view((shape, hints))?,
            "input_lengths" => TensorRef::from_array_view(([1usize], &length[..]))?,
        })?;
        let (_, targets) = outputs[0].try_extract_tensor::<u8>()?;
        Ok(targets.iter().filter_map(|target| self.targets.get(target)).filter(|sign| *sign != PAD).collect())
    }
}

fn read_map<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, TashkeelError> {
    Ok(serde_json::from_slice(&files::read(path, MAX_MAP_BYTES)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_behind_sentences_or_words_or_letters() {
        let end = |text: String| end_of_piece(&text, MAX_PIECE_CHARS, is_diacritic);
        let word = "كلمة ";

        assert_eq!(end(word.repeat(100)), word.len() * 100);
        assert_eq!(end(format!("{}. {}", word.repeat(20), word.repeat(100))), word.len() * 20 + 1);
        assert_eq!(end(word.repeat(200)), word.len() * 100);
        assert_eq!(end("ك".repeat(501)), "ك".len() * 500);
        assert_eq!(end("كً".repeat(400)), "كً".len() * 250);
        assert_eq!(end(format!("ك{}", "كً".repeat(400))), "ك".len() + "كً".len() * 250);
    }
}
