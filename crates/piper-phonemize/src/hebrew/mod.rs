//! Owns Hebrew for voices of the phoneme type `hebrew`, as piper-tts 1.8.0 reads it: the points that written Hebrew
//! leaves out are put back by a model, unless the text has some, and pointed words are read by rules. A text is one
//! sentence; marks, digits and other scripts are not heard.

mod nakdimon;
mod rules;

use std::path::PathBuf;

use piper_acoustic::OnnxRuntime;

use super::models::{LazyModel, end_of_piece};
use super::phonemes::{Sentence, phoneme};
use nakdimon::{Nakdimon, is_point};
use rules::pronounced;

/// Hebrew text to phonemes.
pub struct Hebrew {
    model: LazyModel<Nakdimon>,
}

/// The model takes a step for each letter: this is how much is computed for a caller who has left, and how long others
/// wait for their turn. Longer than any sentence, as what stands around a word says how it is read.
const MAX_PIECE_CHARS: usize = 1_000;

// === impl Hebrew ===

impl Hebrew {
    /// `folder` holds the model, if it is installed.
    pub fn new(runtime: OnnxRuntime, folder: Option<PathBuf>) -> Self {
        let load = |folder: &_, runtime: &_| Nakdimon::load(folder, runtime).map_err(|error| error.to_string());
        Self { model: LazyModel::new("nakdimon", runtime, folder, load) }
    }

    /// # Errors
    /// Its model is not installed.
    pub fn check(&self) -> Result<(), String> {
        self.model.folder().map(|_| ())
    }

    /// Phonemes of `text`, which is one sentence. Words of another script have none.
    pub async fn sentence(&self, text: &str) -> Result<Sentence, String> {
        let words: Vec<String> = self.pronounced(text).await?.into_iter().flatten().collect();
        Ok(words.join(" ").chars().map(phoneme).collect())
    }

    /// Phonemes of each of its words, between blanks.
    pub async fn words(&self, text: &str) -> Result<Vec<Sentence>, String> {
        let words = self.pronounced(text).await?.into_iter();
        Ok(words.map(|word| word.unwrap_or_default().chars().map(phoneme).collect()).collect())
    }

    async fn pronounced(&self, text: &str) -> Result<Vec<Option<String>>, String> {
        Ok(if text.contains(is_point) { pronounced(text) } else { pronounced(&self.pointed(text).await?) })
    }

    async fn pointed(&self, text: &str) -> Result<String, String> {
        let model = self.model.get().await?;
        let mut pointed = String::with_capacity(2 * text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(end_of_piece(rest, MAX_PIECE_CHARS, |_| false));
            let (model, piece) = (model.clone(), piece.to_owned());
            let piece = tokio::task::spawn_blocking(move || model.pointed(&piece)).await;
            let piece = piece.map_err(|_| "the model stopped".to_owned())?;
            pointed += &piece.map_err(|error| error.to_string())?;
            rest = others;
        }
        Ok(pointed)
    }
}
