//! Owns the step from text to sentences of phonemes, equal to piper 1.8's: raw `[[ phonemes ]]`, Arabic vocalisation, espeak-ng.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use piper_acoustic::OnnxRuntime;
use piper_acoustic::{PhonemeType, VoiceConfig};

use super::defuse::defused;
use super::espeak::{EspeakError, EspeakPool};
use super::phonemes::{self, Sentence};
use super::tashkeel::{Tashkeel, TashkeelError};
use super::words::{Paragraphs, Word, words_of};

/// Turns text into phonemes. A clone shares the child processes and models.
#[derive(Clone)]
pub struct Phonemizer {
    espeak: EspeakPool,
    arabic: Arc<Arabic>,
}

/// Why a text has no phonemes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhonemizeError {
    #[error(transparent)]
    Espeak(#[from] EspeakError),
    #[error("Arabic text cannot be vocalised: {0}")]
    Arabic(String),
}

/// The vocalisation model, loaded at first use.
struct Arabic {
    runtime: OnnxRuntime,
    folder: Option<PathBuf>,
    loaded: OnceLock<Result<Tashkeel, TashkeelError>>,
}

/// The only espeak-ng voice for which piper vocalises.
const ARABIC: &str = "ar";

// === impl Phonemizer ===

impl Phonemizer {
    pub fn new(espeak: EspeakPool, runtime: OnnxRuntime, tashkeel: Option<PathBuf>) -> Self {
        Self { espeak, arabic: Arc::new(Arabic { runtime, folder: tashkeel, loaded: OnceLock::new() }) }
    }

    /// Sentences of `text`, which must not contain U+0000, in the language of the voice. As with piper, one in the middle may be empty.
    pub async fn sentences(&self, text: &str, config: &VoiceConfig) -> Result<Vec<Sentence>, PhonemizeError> {
        if config.phoneme_type == PhonemeType::Text {
            return Ok(vec![phonemes::decompose(text).collect()]);
        }

        let parts = split_at_blocks(text);
        let mut sentences: Vec<Sentence> = Vec::new();
        let mut after_block = false;
        for (index, part) in parts.iter().enumerate() {
            if let Some(raw) = raw_phonemes(part) {
                let blank_before = index > 0 && parts[index - 1].ends_with(' ');
                let blank_after = parts.get(index + 1).is_some_and(|next| next.starts_with(' '));
                if sentences.is_empty() {
                    sentences.push(Sentence::new());
                }
                if let Some(current) = sentences.last_mut() {
                    current.extend(blank_before.then(|| phonemes::phoneme(' ')));
                    current.extend(raw.chars().map(phonemes::phoneme));
                    current.extend(blank_after.then(|| phonemes::phoneme(' ')));
                }
                after_block = true;
                continue;
            }

            let mut spoken = self.spoken(part, config).await?.into_iter();
            if after_block
                && let Some(current) = sentences.last_mut()
                && let Some(first) = spoken.next()
            {
                current.extend(first);
            }
            sentences.extend(spoken);
            after_block = false;
        }
        if sentences.last().is_some_and(Vec::is_empty) {
            sentences.pop();
        }
        Ok(sentences)
    }

    /// The words of `text`, and how each is said alone. A block of raw phonemes counts as a word.
    pub async fn words(&self, text: &str, config: &VoiceConfig) -> Result<Vec<Word>, PhonemizeError> {
        let mut words = Vec::new();
        for part in split_at_blocks(text) {
            let start = part.as_ptr().addr() - text.as_ptr().addr();
            if let Some(raw) = raw_phonemes(part) {
                words.push(Word {
                    text: start..start + part.len(),
                    alone: raw.chars().map(phonemes::phoneme).collect(),
                });
                continue;
            }
            let places = words_of(part);
            let alone = self.said_alone(places.iter().map(|place| &part[place.clone()]), config).await?;
            let shifted = places.into_iter().map(|place| start + place.start..start + place.end);
            words.extend(shifted.zip(alone).map(|(text, alone)| Word { text, alone }));
        }
        Ok(words)
    }

    async fn said_alone(
        &self,
        words: impl Iterator<Item = &str> + Clone,
        config: &VoiceConfig,
    ) -> Result<Vec<Sentence>, PhonemizeError> {
        if config.phoneme_type == PhonemeType::Text {
            return Ok(words.map(|word| phonemes::decompose(word).collect()).collect());
        }
        let paragraphs = Paragraphs::of(words);
        if paragraphs.text.is_empty() {
            return Ok(Vec::new());
        }
        let clauses = self.espeak.clauses(&config.espeak_voice, paragraphs.text.clone()).await?;
        Ok(paragraphs.phonemes(&clauses))
    }

    async fn spoken(&self, text: &str, config: &VoiceConfig) -> Result<Vec<Sentence>, PhonemizeError> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let text = match config.espeak_voice.as_str() {
            ARABIC => self.vocalised(text).await?,
            _ => text.to_owned(),
        };
        let clauses = self.espeak.clauses(&config.espeak_voice, defused(&text)).await?;
        Ok(phonemes::sentences(&clauses, config))
    }

    async fn vocalised(&self, text: &str) -> Result<String, PhonemizeError> {
        let arabic = self.arabic.clone();
        let text = text.to_owned();
        tokio::task::spawn_blocking(move || arabic.vocalise(&text))
            .await
            .map_err(|_| PhonemizeError::Arabic("the model stopped".to_owned()))?
    }
}

// === impl Arabic ===

impl Arabic {
    fn vocalise(&self, text: &str) -> Result<String, PhonemizeError> {
        let Some(folder) = &self.folder else {
            return Err(PhonemizeError::Arabic("its model is not installed".to_owned()));
        };
        let failed = |error: &TashkeelError| PhonemizeError::Arabic(error.to_string());
        let model = self.loaded.get_or_init(|| Tashkeel::load(folder, &self.runtime));
        model.as_ref().map_err(failed)?.vocalise(text).map_err(|error| failed(&error))
    }
}

// === raw phonemes ===

/// Splits at `[[ ... ]]` blocks, which do not span lines. Text stands before, between and after them, if only an empty one.
fn split_at_blocks(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut search = 0;
    while let Some(open) = text[search..].find("[[").map(|at| search + at) {
        let line_end = text[open..].find('\n').map_or(text.len(), |at| open + at);
        match text[open + 2..line_end].find("]]").map(|at| open + 2 + at) {
            Some(close) => {
                parts.push(&text[begin..open]);
                parts.push(&text[open..close + 2]);
                begin = close + 2;
                search = begin;
            }
            // Nor does any other that opens on this line.
            None => search = line_end,
        }
    }
    parts.push(&text[begin..]);
    parts
}

/// What stands in a block. As in piper, a text that merely begins like a block counts as one and loses its last two characters.
fn raw_phonemes(part: &str) -> Option<&str> {
    let inner = part.strip_prefix("[[")?;
    let end = inner.char_indices().rev().nth(1).map_or(0, |(at, _)| at);
    // Python counts the separators U+001C to U+001F among the blanks.
    Some(inner[..end].trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_split_from_the_text_around_them() {
        assert_eq!(split_at_blocks("a [[ b ]] c"), ["a ", "[[ b ]]", " c"]);
        assert_eq!(split_at_blocks("[[a]][[b]]"), ["", "[[a]]", "", "[[b]]", ""]);
        assert_eq!(split_at_blocks("[[[a]]]"), ["", "[[[a]]", "]"]);
    }

    #[test]
    fn blocks_that_are_open_or_span_lines_are_text() {
        for text in ["a [[ b", "[[a\nb]]", "[ [a]]", "]][["] {
            assert_eq!(split_at_blocks(text), [text]);
        }
    }

    #[test]
    fn a_block_is_its_inside_without_blanks() {
        assert_eq!(raw_phonemes("[[ a b ]]"), Some("a b"));
        assert_eq!(raw_phonemes("[[\u{1c}é\u{3000}]]"), Some("é"));
        assert_eq!(raw_phonemes("[[]]"), Some(""));
        assert_eq!(raw_phonemes("[[ unclosed"), Some("unclos"));
        assert_eq!(raw_phonemes("[["), Some(""));
        assert_eq!(raw_phonemes("text"), None);
    }
}
