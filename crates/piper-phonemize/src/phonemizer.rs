//! Owns the step from text to sentences of phonemes, equal to piper 1.8's: raw `[[ phonemes ]]`, Arabic vocalisation, espeak-ng.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use piper_acoustic::OnnxRuntime;
use piper_acoustic::{PhonemeType, VoiceConfig};
use tokio::sync::watch;

use super::defuse::defused;
use super::espeak::{EspeakError, EspeakPool};
use super::phonemes::{self, Sentence};
use super::tashkeel::Tashkeel;
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
    loaded: OnceLock<watch::Receiver<Option<LoadedModel>>>,
}

/// The model, or why there is none.
type LoadedModel = Result<Arc<Tashkeel>, String>;

/// The only espeak-ng voice for which piper vocalises.
const ARABIC: &str = "ar";

// === impl Phonemizer ===

impl Phonemizer {
    pub fn new(espeak: EspeakPool, runtime: OnnxRuntime, tashkeel: Option<PathBuf>) -> Self {
        Self { espeak, arabic: Arc::new(Arabic { runtime, folder: tashkeel, loaded: OnceLock::new() }) }
    }

    /// Whether texts for the voice can be turned into phonemes here.
    ///
    /// # Errors Why they cannot: espeak-ng does not have the language, or the model that it needs is not installed. Or
    /// the phonemizer did not answer.
    pub async fn check(&self, config: &VoiceConfig) -> Result<(), PhonemizeError> {
        if config.phoneme_type == PhonemeType::Text {
            return Ok(());
        }
        if config.espeak_voice == ARABIC && self.arabic.folder.is_none() {
            return Err(not_installed());
        }
        self.espeak.clauses(&config.espeak_voice, String::new()).await?;
        Ok(())
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
        let model = self.arabic.model().await?;
        let text = text.to_owned();
        let vocalised = tokio::task::spawn_blocking(move || model.vocalise(&text)).await;
        let vocalised = vocalised.map_err(|_| PhonemizeError::Arabic("the model stopped".to_owned()))?;
        vocalised.map_err(|error| PhonemizeError::Arabic(error.to_string()))
    }
}

// === impl Arabic ===

impl Arabic {
    async fn model(&self) -> Result<Arc<Tashkeel>, PhonemizeError> {
        let folder = self.folder.as_ref().ok_or_else(not_installed)?;
        let mut loaded = self.loaded.get_or_init(|| load(folder.clone(), self.runtime.clone())).clone();
        let loaded = loaded.wait_for(Option::is_some).await.ok().and_then(|loaded| loaded.clone());
        loaded.unwrap_or_else(|| Err("loading its model panicked".to_owned())).map_err(PhonemizeError::Arabic)
    }
}

/// On a thread that nobody joins: the disk may hang.
fn load(folder: PathBuf, runtime: OnnxRuntime) -> watch::Receiver<Option<LoadedModel>> {
    let (sender, receiver) = watch::channel(None);
    let load = move || {
        let loaded = Tashkeel::load(&folder, &runtime).map(Arc::new).map_err(|error| error.to_string());
        sender.send_replace(Some(loaded));
    };
    // Without a thread the sender is dropped, which tells those who wait.
    let _ = std::thread::Builder::new().name("tashkeel".to_owned()).spawn(load);
    receiver
}

fn not_installed() -> PhonemizeError {
    PhonemizeError::Arabic("its model is not installed".to_owned())
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
