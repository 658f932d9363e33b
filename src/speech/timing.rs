//! Owns the times of sentences, words and phonemes, and their places in the text: computes them from how long each
//! phoneme id lasts.

use std::ops::Range;
use std::sync::Arc;

use piper_acoustic::VoiceConfig;
use piper_phonemize::{Phoneme, Word, align, id_count};

use super::plan::PlannedSentence;
use super::types::{Span, TimedPhoneme, TimedSentence, TimedWord};
use super::work::Prepared;
use crate::domain::{SaidText, SynthesisRequest};

/// Where a sentence stands in the audio.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    pub start: f64,
    /// Of its own audio, in hertz.
    pub sample_rate: u32,
    /// How many samples each phoneme id lasts.
    pub durations: Arc<[u32]>,
}

/// A sentence whose words are known by what is said, before that is looked up in what was written.
struct AlignedSentence<'a> {
    sentence: &'a PlannedSentence,
    placed: &'a Placed,
    spans: Vec<Span>,
    /// Bytes of what its passage says, and phonemes.
    words: Vec<(Range<usize>, Range<usize>)>,
}

/// When the sentences of a request are said, and when the places come that its text names. `words` are those of each
/// passage. Takes time: not for an async thread.
pub fn timed(
    request: &SynthesisRequest,
    words: &[Vec<Word>],
    prepared: &Prepared,
    placed: &[Placed],
) -> (Vec<TimedSentence>, Vec<(String, f64)>) {
    let (mut sentences, mut marks) = (Vec::new(), Vec::new());
    let mut reached = 0.0;
    for (index, passage) in request.script.passages().iter().enumerate() {
        let own = prepared.sentences.iter().zip(placed).filter(|(sentence, _)| sentence.passage == index);
        let mut rest = words.get(index).map_or(&[][..], Vec::as_slice);
        let heard: Vec<AlignedSentence<'_>> = own
            .map(|(sentence, placed)| {
                let (_, voice) = prepared.voice_of(request, sentence);
                let heard = AlignedSentence::new(sentence, placed, &mut rest, voice.config());
                reached = heard.span().end;
                heard
            })
            .collect();
        let starts: Vec<(usize, f64)> = heard.iter().flat_map(AlignedSentence::starts).collect();
        for (name, at) in &passage.marks {
            let start = starts.iter().find(|(text, _)| text >= at).map_or(reached, |(_, start)| *start);
            marks.push((name.clone(), start));
        }
        let source = request.script.source().as_str();
        for (at, own) in heard.iter().enumerate() {
            let end = heard[at + 1..].iter().find_map(AlignedSentence::start).unwrap_or(passage.said.as_str().len());
            sentences.push(own.timed(&passage.said, source, end));
        }
    }
    (sentences, marks)
}

/// The same sentence by sentence, as they come.
#[derive(Debug, Default)]
pub struct Times {
    /// Sentences that were told of.
    told: usize,
    /// The passage of the last, and how many of its words and marks are taken.
    passage: usize,
    words: usize,
    marked: usize,
    /// Where the last ended.
    reached: f64,
    marks: Vec<(String, f64)>,
}

// === impl Times ===

impl Times {
    /// When the next sentence is said. `words` are those of each passage. Takes time: not for an async thread.
    pub fn next(
        &mut self,
        request: &SynthesisRequest,
        words: &[Vec<Word>],
        prepared: &Prepared,
        placed: &Placed,
    ) -> Option<TimedSentence> {
        let sentence = prepared.sentences.get(self.told)?;
        let passage = request.script.passages().get(sentence.passage)?;
        self.pass(request, sentence.passage);
        let of_passage = words.get(sentence.passage).map_or(&[][..], Vec::as_slice);
        let mut rest = &of_passage[self.words..];
        let (_, voice) = prepared.voice_of(request, sentence);
        let heard = AlignedSentence::new(sentence, placed, &mut rest, voice.config());
        (self.told, self.words) = (self.told + 1, of_passage.len() - rest.len());
        for (name, at) in &passage.marks[self.marked..] {
            let Some(start) = heard.starts().find_map(|(text, start)| (text >= *at).then_some(start)) else { break };
            self.marks.push((name.clone(), start));
            self.marked += 1;
        }
        self.reached = heard.span().end;
        let end = rest.first().map_or(passage.said.as_str().len(), |word| word.text.start);
        Some(heard.timed(&passage.said, request.script.source().as_str(), end))
    }

    /// When all places come that the text names, after its last sentence.
    pub fn marks(mut self, request: &SynthesisRequest) -> Vec<(String, f64)> {
        self.pass(request, request.script.passages().len());
        self.marks
    }

    /// Goes on with another passage: what no word follows in its own comes where that ended.
    fn pass(&mut self, request: &SynthesisRequest, passage: usize) {
        while self.passage < passage {
            let marks = request.script.passages().get(self.passage).map_or(&[][..], |passage| &passage.marks);
            self.marks.extend(marks.iter().skip(self.marked).map(|(name, _)| (name.clone(), self.reached)));
            (self.passage, self.words, self.marked) = (self.passage + 1, 0, 0);
        }
    }
}

// === impl AlignedSentence ===

impl<'a> AlignedSentence<'a> {
    /// Takes its words off the rest.
    fn new(sentence: &'a PlannedSentence, placed: &'a Placed, rest: &mut &[Word], config: &VoiceConfig) -> Self {
        let said = align(&sentence.phonemes, rest);
        let (own, after) = rest.split_at(said.len());
        *rest = after;
        let words =
            own.iter().map(|word| word.text.clone()).zip(said).filter(|(_, said)| !Range::is_empty(said)).collect();
        Self { sentence, placed, spans: spans(&sentence.phonemes, placed, config), words }
    }

    fn span(&self) -> Span {
        let Placed { start, sample_rate, durations } = self.placed;
        let samples: u64 = durations.iter().copied().map(u64::from).sum();
        Span { start: *start, end: start + samples as f64 / f64::from(*sample_rate) }
    }

    /// Where its words begin in what is said, and when.
    fn starts(&self) -> impl Iterator<Item = (usize, f64)> {
        self.words.iter().filter_map(|(text, own)| Some((text.start, self.spans.get(own.start)?.start)))
    }

    /// Where its first word begins in what is said.
    fn start(&self) -> Option<usize> {
        self.words.first().map(|(text, _)| text.start)
    }

    /// `end` is where the next sentence begins in what is said.
    fn timed(&self, said: &SaidText, source: &str, end: usize) -> TimedSentence {
        let mut words: Vec<TimedWord> = Vec::new();
        for (index, (text, phonemes)) in self.words.iter().enumerate() {
            let (Some(first), Some(last)) = (self.spans.get(phonemes.start), self.spans.get(phonemes.end - 1)) else {
                continue;
            };
            if said.is_added(text) {
                // What nobody wrote is part of what was said before.
                if let Some(word) = words.last_mut() {
                    word.span.end = last.end;
                }
                continue;
            }
            let place = said.source_of(text);
            let next = self.words.get(index + 1).map_or(end, |(next, _)| next.start).max(text.end);
            let with_marks = said.shown(&(text.start..next), source);
            match words.last_mut() {
                // Several words are said instead of one.
                Some(word) if word.place == place && word.text == with_marks.trim_end() => word.span.end = last.end,
                Some(word) if word.place == place => {
                    word.span.end = last.end;
                    word.with_marks = with_marks;
                }
                _ => {
                    let span = Span { start: first.start, end: last.end };
                    words.push(TimedWord { span, place, text: said.shown(text, source), with_marks });
                }
            }
        }
        let start = self.start().unwrap_or(end);
        let marks = said.as_str().get(start..end).unwrap_or_default().trim_end().len();
        let place_of =
            |at: usize| self.words.iter().find(|(_, own)| own.contains(&at)).map(|(text, _)| said.source_of(text));
        let phonemes = self.sentence.phonemes.iter().zip(&self.spans).enumerate();
        TimedSentence {
            span: self.span(),
            place: said.source_of(&(start..start + marks)),
            text: said.shown(&(start..start + marks), source),
            words,
            phonemes: phonemes
                .map(|(at, (phoneme, span))| TimedPhoneme {
                    span: *span,
                    phoneme: phoneme.clone(),
                    place: place_of(at),
                })
                .collect(),
        }
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
    use piper_acoustic::ModelInput;
    use piper_phonemize::phoneme_ids;

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
        let input = ModelInput {
            ids,
            speaker: 0,
            blend: Vec::new(),
            noise_scale: 0.0,
            length_scale: 1.0,
            noise_w: 0.0,
            seed: 0,
        };
        PlannedSentence { key: KeyBuilder::new("test").finish(), passage: 0, input, phonemes }
    }

    /// Each id lasts a tenth of a second.
    fn placed(sentence: &PlannedSentence, start: f64) -> Placed {
        Placed { start, sample_rate: 8_000, durations: vec![800; sentence.input.ids.len()].into() }
    }

    /// Of sentences that say `said` one after the other, half a second apart.
    fn timed(said: &SaidText, source: &str, words: &[Word], sentences: &[PlannedSentence]) -> Vec<TimedSentence> {
        let placed: Vec<Placed> = sentences.iter().zip([0.0, 5.0]).map(|(one, start)| placed(one, start)).collect();
        let mut rest = words;
        let heard: Vec<AlignedSentence<'_>> = sentences
            .iter()
            .zip(&placed)
            .map(|(one, placed)| AlignedSentence::new(one, placed, &mut rest, &config()))
            .collect();
        let ends = heard.iter().skip(1).filter_map(AlignedSentence::start).chain([said.as_str().len()]);
        heard.iter().zip(ends).map(|(heard, end)| heard.timed(said, source, end)).collect()
    }

    fn verbatim(text: &str) -> SaidText {
        let mut said = SaidText::default();
        said.push_verbatim(text, 0);
        said
    }

    fn tenths(span: Span) -> (i64, i64) {
        ((span.start * 10.0).round() as i64, (span.end * 10.0).round() as i64)
    }

    #[test]
    fn words_last_as_long_as_their_phonemes() {
        let text = "ab, b. “Ba!”";
        let words =
            [(0..2, "ab"), (4..5, "b"), (10..12, "ba")].map(|(text, alone)| Word { text, alone: phonemes(alone) });

        let timed = timed(&verbatim(text), text, &words, &[planned("ab b."), planned("ba")]);

        // Begin and its pad are two ids, and each phoneme is two.
        let spans: Vec<_> = timed.iter().flat_map(|sentence| &sentence.words).map(|word| tenths(word.span)).collect();
        assert_eq!(spans, [(2, 6), (8, 10), (52, 56)]);
        assert_eq!(timed.iter().map(|sentence| tenths(sentence.span)).collect::<Vec<_>>(), [(0, 13), (50, 57)]);
        assert_eq!(timed.iter().map(|sentence| sentence.text.as_str()).collect::<Vec<_>>(), ["ab, b. “", "Ba!”"]);
        assert_eq!(timed[0].words[0].with_marks, "ab, ");
        let of_words: Vec<_> = timed[0].phonemes.iter().map(|phoneme| phoneme.place.clone()).collect();
        assert_eq!(of_words, [Some(0..2), Some(0..2), None, Some(4..5), None]);
    }

    #[test]
    fn words_that_are_said_instead_of_one_are_that_one() {
        let source = "a <sub>X1</sub>, b";
        let mut said = SaidText::default();
        said.push_verbatim("a ", 0);
        said.push_replaced("ab ba", 7..9);
        said.push_verbatim(", b", 15);
        let words = [(0..1, "a"), (2..4, "ab"), (5..7, "ba"), (9..10, "b")]
            .map(|(text, alone)| Word { text, alone: phonemes(alone) });

        let timed = timed(&said, source, &words, &[planned("a ab ba b")]);

        let words: Vec<_> = timed[0].words.iter().map(|word| (word.text.as_str(), tenths(word.span))).collect();
        assert_eq!(words, [("a", (2, 4)), ("X1", (6, 16)), ("b", (18, 20))]);
        assert_eq!(timed[0].words[1].place, 7..9);
        assert_eq!(timed[0].text, "a X1, b");
    }

    #[test]
    fn a_phoneme_that_the_voice_lacks_takes_no_time() {
        let words = [Word { text: 0..3, alone: phonemes("axb") }];

        let timed = timed(&verbatim("axb"), "axb", &words, &[planned("axb")]);

        let spans: Vec<_> = timed[0].phonemes.iter().map(|phoneme| tenths(phoneme.span)).collect();
        assert_eq!(spans, [(2, 4), (4, 4), (4, 6)]);
    }
}
