//! Owns when what is said: from how long each phoneme id lasts to the times of phonemes, words and sentences, and their places in the text.

use std::ops::Range;
use std::sync::Arc;

use super::plan::PlannedSentence;
use crate::engine::{Phoneme, VoiceConfig, Word, align, id_count};

/// Seconds from the beginning of the audio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub start: f64,
    pub end: f64,
}

/// A sentence, when it is said.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedSentence {
    pub span: Span,
    /// Bytes of the text, from its first word to the mark behind its last.
    pub text: Range<usize>,
    pub words: Vec<TimedWord>,
    pub phonemes: Vec<TimedPhoneme>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TimedWord {
    pub span: Span,
    /// Bytes of the text.
    pub text: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TimedPhoneme {
    pub span: Span,
    pub phoneme: Phoneme,
    /// Bytes of the text, those of its word. `None`: it is a pause, or stands between words.
    pub text: Option<Range<usize>>,
}

/// Where a sentence stands in the audio.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    pub start: f64,
    /// Of its own audio, in hertz.
    pub sample_rate: u32,
    /// How many samples each phoneme id lasts.
    pub durations: Arc<[u32]>,
}

/// The times of the sentences of `text`, whose `words` are known. Takes time: not for an async thread.
pub fn timed(
    text: &str,
    words: &[Word],
    sentences: &[PlannedSentence],
    placed: &[Placed],
    config: &VoiceConfig,
) -> Vec<TimedSentence> {
    let mut words = words;
    let mut timed: Vec<TimedSentence> = Vec::with_capacity(sentences.len());
    for (sentence, placed) in sentences.iter().zip(placed) {
        let said = align(&sentence.phonemes, words);
        let (own, rest) = words.split_at(said.len());
        words = rest;
        timed.push(one(&sentence.phonemes, own, &said, placed, config));
    }
    // Marks behind a sentence belong to it, up to where the next begins.
    let mut end = text.len();
    for sentence in timed.iter_mut().rev() {
        let from = sentence.text.end;
        if sentence.text.start < end && from <= end {
            sentence.text.end = from + text[from..end].trim_end().len();
            end = sentence.text.start;
        }
    }
    timed
}

fn one(
    phonemes: &[Phoneme],
    words: &[Word],
    said: &[Range<usize>],
    placed: &Placed,
    config: &VoiceConfig,
) -> TimedSentence {
    let spans = spans(phonemes, placed, config);
    let over = |range: &Range<usize>| {
        Some(Span { start: spans.get(range.start)?.start, end: spans.get(range.end.checked_sub(1)?)?.end })
    };
    let heard = words.iter().zip(said).filter(|(_, range)| !Range::is_empty(range));
    let timed_words: Vec<TimedWord> = heard
        .clone()
        .filter_map(|(word, range)| Some(TimedWord { span: over(range)?, text: word.text.clone() }))
        .collect();
    let word_of =
        |place: usize| heard.clone().find(|(_, range)| range.contains(&place)).map(|(word, _)| word.text.clone());
    let seconds: f64 =
        placed.durations.iter().map(|samples| f64::from(*samples)).sum::<f64>() / f64::from(placed.sample_rate);
    TimedSentence {
        span: Span { start: placed.start, end: placed.start + seconds },
        text: match (timed_words.first(), timed_words.last()) {
            (Some(first), Some(last)) => first.text.start..last.text.end,
            _ => 0..0,
        },
        words: timed_words,
        phonemes: phonemes
            .iter()
            .zip(&spans)
            .enumerate()
            .map(|(place, (phoneme, span))| TimedPhoneme {
                span: *span,
                phoneme: phoneme.clone(),
                text: word_of(place),
            })
            .collect(),
    }
}

/// When each phoneme is said. The pad behind a phoneme is part of it; one that the voice lacks takes no time.
fn spans(phonemes: &[Phoneme], placed: &Placed, config: &VoiceConfig) -> Vec<Span> {
    let mut ends = placed.durations.iter().scan(0u64, |end, samples| {
        *end += u64::from(*samples);
        Some(*end)
    });
    let seconds = |samples: u64| placed.start + samples as f64 / f64::from(placed.sample_rate);
    let mut reached = id_count(None, config).checked_sub(1).and_then(|last| ends.nth(last)).unwrap_or(0);
    let mut spans = Vec::with_capacity(phonemes.len());
    for phoneme in phonemes {
        let start = reached;
        let ids = id_count(Some(phoneme), config);
        reached = ids.checked_sub(1).and_then(|last| ends.nth(last)).unwrap_or(start);
        spans.push(Span { start: seconds(start), end: seconds(reached) });
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::KeyBuilder;
    use crate::engine::{ModelInput, phoneme_ids};

    fn config() -> VoiceConfig {
        let json = r#"{"audio":{"sample_rate":8000},"espeak":{"voice":"de"},"num_symbols":130,
            "phoneme_id_map":{"^":[1],"_":[0],"$":[2],"a":[14],"b":[15],".":[9]," ":[3]}}"#;
        VoiceConfig::parse(json.as_bytes()).unwrap()
    }

    fn phonemes(text: &str) -> Vec<Phoneme> {
        text.chars().map(|c| c.to_string().into()).collect()
    }

    fn planned(text: &str) -> PlannedSentence {
        let phonemes = phonemes(text);
        let ids = phoneme_ids(&phonemes, &config()).ids;
        let input = ModelInput { ids, speaker: 0, noise_scale: 0.0, length_scale: 1.0, noise_w: 0.0, seed: 0 };
        PlannedSentence { key: KeyBuilder::new("test").finish(), input, phonemes }
    }

    /// Each id lasts a tenth of a second.
    fn placed(sentence: &PlannedSentence, start: f64) -> Placed {
        Placed { start, sample_rate: 8_000, durations: vec![800; sentence.input.ids.len()].into() }
    }

    fn tenths(span: Span) -> (i64, i64) {
        ((span.start * 10.0).round() as i64, (span.end * 10.0).round() as i64)
    }

    #[test]
    fn words_last_as_long_as_their_phonemes() {
        let text = "ab, b. “Ba!”";
        let words =
            [(0..2, "ab"), (4..5, "b"), (10..12, "ba")].map(|(text, alone)| Word { text, alone: phonemes(alone) });
        let sentences = [planned("ab b."), planned("ba")];
        let placed = [placed(&sentences[0], 0.0), placed(&sentences[1], 5.0)];

        let timed = timed(text, &words, &sentences, &placed, &config());

        // Begin and its pad are two ids, and each phoneme is two.
        let spans: Vec<_> = timed.iter().flat_map(|sentence| &sentence.words).map(|word| tenths(word.span)).collect();
        assert_eq!(spans, [(2, 6), (8, 10), (52, 56)]);
        assert_eq!(timed.iter().map(|sentence| tenths(sentence.span)).collect::<Vec<_>>(), [(0, 13), (50, 57)]);
        assert_eq!(timed.iter().map(|sentence| &text[sentence.text.clone()]).collect::<Vec<_>>(), ["ab, b. “", "Ba!”"]);
        let of_words: Vec<_> = timed[0].phonemes.iter().map(|phoneme| phoneme.text.clone()).collect();
        assert_eq!(of_words, [Some(0..2), Some(0..2), None, Some(4..5), None]);
    }

    #[test]
    fn a_phoneme_that_the_voice_lacks_takes_no_time() {
        let sentence = planned("axb");
        let words = [Word { text: 0..3, alone: phonemes("axb") }];
        let placed = placed(&sentence, 0.0);

        let timed = timed("axb", &words, &[sentence], &[placed], &config());

        let spans: Vec<_> = timed[0].phonemes.iter().map(|phoneme| tenths(phoneme.span)).collect();
        assert_eq!(spans, [(2, 4), (4, 4), (4, 6)]);
    }
}
