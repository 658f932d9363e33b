//! Owns the step from text to sentences of phonemes, equal to piper 1.8's: raw `[[ phonemes ]]`, Arabic vocalisation,
//! espeak-ng, and what stands in its place for voices with phonemes of another type.

use std::collections::BTreeSet;
use std::sync::Arc;

use piper_acoustic::{LanguageFiles, OnnxRuntime, PhonemeType, VoiceConfig};

use super::defuse::defused;
use super::espeak::{Clause, EspeakError, EspeakPool};
use super::hebrew::Hebrew;
use super::legible::{Silent, doubtful, legible, unheard};
use super::models::LazyModel;
use super::phonemes::{self, Sentence, is_sound, sounds};
use super::pinyin;
use super::respelling::respelled;
use super::tashkeel::Tashkeel;
use super::whole::{FINENESS, Fineness, joined, nearly_full};
use super::words::{Paragraphs, Word, words_of};

/// Turns text into phonemes. A clone shares the child processes and models.
#[derive(Clone)]
pub struct Phonemizer {
    espeak: EspeakPool,
    arabic: Arc<LazyModel<Tashkeel>>,
    hebrew: Arc<Hebrew>,
}

/// Why a text has no phonemes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhonemizeError {
    #[error(transparent)]
    Espeak(#[from] EspeakError),
    #[error("Arabic text cannot be vocalised: {0}")]
    Arabic(String),
    #[error("Hebrew text cannot be pointed: {0}")]
    Hebrew(String),
    /// Letters or digits for which the language has no sound.
    #[error("{count} letters or digits of the text have no sound in the voice's language")]
    Silent {
        count: usize,
        /// Byte of the text at which the first stands.
        at: usize,
    },
    #[error("the text says more in one place than espeak-ng can hold")]
    TooDense,
}

/// The only espeak-ng voice for which piper vocalises.
const ARABIC: &str = "ar";

// === impl Phonemizer ===

impl Phonemizer {
    /// Models that only some languages need are loaded when they are.
    pub fn new(espeak: EspeakPool, runtime: OnnxRuntime, files: LanguageFiles) -> Self {
        let load = |folder: &_, runtime: &_| Tashkeel::load(folder, runtime).map_err(|error| error.to_string());
        let arabic = LazyModel::new("tashkeel", runtime.clone(), files.tashkeel, load);
        Self { espeak, arabic: Arc::new(arabic), hebrew: Arc::new(Hebrew::new(runtime, files.nakdimon)) }
    }

    /// Whether texts for the voice can be turned into phonemes here.
    ///
    /// # Errors Why they cannot: espeak-ng does not have the language, or the model that it needs is not installed. Or
    /// the phonemizer did not answer.
    pub async fn check(&self, config: &VoiceConfig) -> Result<(), PhonemizeError> {
        match config.phoneme_type {
            PhonemeType::Text | PhonemeType::Pinyin => return Ok(()),
            PhonemeType::Hebrew => return self.hebrew.check().map_err(PhonemizeError::Hebrew),
            PhonemeType::Espeak => {}
        }
        if config.espeak_voice == ARABIC {
            self.arabic.folder().map_err(PhonemizeError::Arabic)?;
        }
        self.espeak.clauses(&config.espeak_voice, String::new()).await?;
        Ok(())
    }

    /// Sentences of `text`, which must not contain U+0000, in the language of the voice. As with piper, one in the
    /// middle may be empty.
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
                    current.extend(raw_sounds(raw, config));
                    current.extend(blank_after.then(|| phonemes::phoneme(' ')));
                }
                after_block = true;
                continue;
            }

            let start = part.as_ptr().addr() - text.as_ptr().addr();
            let mut spoken = self.spoken(part, start, config).await?.into_iter();
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
        if config.phoneme_type != PhonemeType::Espeak && !sentences.iter().flatten().any(is_sound) {
            unheard(text).map_or(Ok(()), |silent| Err(silent_at(0, silent)))?;
        }
        Ok(sentences.into_iter().map(|sentence| respelled(sentence, config)).collect())
    }

    /// The words of `text`, and how each is said alone. A block of raw phonemes counts as a word.
    pub async fn words(&self, text: &str, config: &VoiceConfig) -> Result<Vec<Word>, PhonemizeError> {
        let mut words = Vec::new();
        for part in split_at_blocks(text) {
            let start = part.as_ptr().addr() - text.as_ptr().addr();
            if let Some(raw) = raw_phonemes(part) {
                words.push(Word { text: start..start + part.len(), alone: respelled(raw_sounds(raw, config), config) });
                continue;
            }
            let places = words_of(part);
            let silent = self.silent(part, config).await?;
            let written = places.iter().map(|place| {
                legible(&part[place.clone()], &silent).map_err(|silent| silent_at(start + place.start, silent))
            });
            let written = written.collect::<Result<Vec<_>, _>>()?;
            let alone = self.said_alone(written.iter().map(String::as_str), config).await?;
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
        match config.phoneme_type {
            PhonemeType::Text => return Ok(words.map(|word| phonemes::decompose(word).collect()).collect()),
            PhonemeType::Hebrew => {
                let words = words.collect::<Vec<_>>().join(" ");
                return self.hebrew.words(&words).await.map_err(PhonemizeError::Hebrew);
            }
            PhonemeType::Pinyin => return Ok(words.map(|word| pinyin::sentences(word).concat()).collect()),
            PhonemeType::Espeak => {}
        }
        let paragraphs = Paragraphs::of(words);
        if paragraphs.text.is_empty() {
            return Ok(Vec::new());
        }
        let clauses = self.whole(&config.espeak_voice, &paragraphs.text, &FINENESS).await?;
        Ok(paragraphs.phonemes(&clauses))
    }

    /// Sentences of what stands at byte `start` of a text.
    async fn spoken(&self, text: &str, start: usize, config: &VoiceConfig) -> Result<Vec<Sentence>, PhonemizeError> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        match config.phoneme_type {
            PhonemeType::Hebrew => {
                let sentence = self.hebrew.sentence(text).await.map_err(PhonemizeError::Hebrew)?;
                return Ok((!sentence.is_empty()).then_some(sentence).into_iter().collect());
            }
            PhonemeType::Pinyin => return Ok(pinyin::sentences(text)),
            PhonemeType::Espeak | PhonemeType::Text => {}
        }
        let silent = self.silent(text, config).await?;
        let mut text = legible(text, &silent).map_err(|silent| silent_at(start, silent))?;
        if config.espeak_voice == ARABIC {
            text = self.vocalised(&text).await?;
        }
        let clauses = self.whole(&config.espeak_voice, &defused(&text), &FINENESS).await?;
        Ok(phonemes::sentences(&clauses, config))
    }

    /// Letters and digits of `text` that have no sound in the language of the voice.
    async fn silent(&self, text: &str, config: &VoiceConfig) -> Result<BTreeSet<char>, PhonemizeError> {
        let mut doubtful = doubtful(text);
        if doubtful.is_empty() || config.phoneme_type != PhonemeType::Espeak {
            return Ok(BTreeSet::new());
        }
        let letters: Vec<String> = doubtful.iter().map(char::to_string).collect();
        let alone = self.said_alone(letters.iter().map(String::as_str), config).await?;
        let mut alone = alone.iter();
        doubtful.retain(|_| alone.next().is_none_or(|said| !said.iter().any(is_sound)));
        Ok(doubtful)
    }

    /// Clauses of `text`, of which nothing is lost. What nearly fills espeak-ng's buffers is said again in pieces, and
    /// what these are still too long for in finer ones.
    async fn whole(&self, language: &str, text: &str, fineness: &[Fineness]) -> Result<Vec<Clause>, PhonemizeError> {
        let mut clauses = self.espeak.clauses(language, text.to_owned()).await?;
        let nearly_full = nearly_full(text, &clauses);
        if nearly_full.is_empty() {
            return Ok(clauses);
        }
        let (fineness, finer) = fineness.split_first().ok_or(PhonemizeError::TooDense)?;
        let pieces: Vec<Vec<&str>> = nearly_full.iter().map(|(_, source)| fineness.pieces(source)).collect();
        let paragraphs = Paragraphs::of(pieces.iter().flatten().copied());
        let said = Box::pin(self.whole(language, &paragraphs.text, finer)).await?;
        let mut said = paragraphs.grouped(&said).into_iter();
        for ((index, _), pieces) in nearly_full.iter().zip(&pieces) {
            let in_pieces = joined(said.by_ref().take(pieces.len()));
            let whole = &mut clauses[*index].phonemes;
            if sounds(&in_pieces) > sounds(whole) {
                *whole = in_pieces;
            }
        }
        Ok(clauses)
    }

    async fn vocalised(&self, text: &str) -> Result<String, PhonemizeError> {
        let model = self.arabic.get().await.map_err(PhonemizeError::Arabic)?;
        let text = text.to_owned();
        let vocalised = tokio::task::spawn_blocking(move || model.vocalise(&text)).await;
        let vocalised = vocalised.map_err(|_| PhonemizeError::Arabic("the model stopped".to_owned()))?;
        vocalised.map_err(|error| PhonemizeError::Arabic(error.to_string()))
    }
}

fn silent_at(start: usize, Silent { count, at }: Silent) -> PhonemizeError {
    PhonemizeError::Silent { count, at: start + at }
}

// === raw phonemes ===

/// Splits at `[[ ... ]]` blocks, which do not span lines. Text stands before, between and after them, if only an empty
/// one.
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

/// What stands in a block. As in piper, a text that merely begins like a block counts as one and loses its last two
/// characters.
fn raw_phonemes(part: &str) -> Option<&str> {
    let inner = part.strip_prefix("[[")?;
    let end = inner.char_indices().rev().nth(1).map_or(0, |(at, _)| at);
    // Python counts the separators U+001C to U+001F among the blanks.
    Some(inner[..end].trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)))
}

/// What stands in a block, as the voice's phonemes: code points, or for Chinese syllables.
fn raw_sounds(raw: &str, config: &VoiceConfig) -> Sentence {
    match config.phoneme_type {
        PhonemeType::Pinyin => pinyin::written(raw),
        _ => raw.chars().map(phonemes::phoneme).collect(),
    }
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
