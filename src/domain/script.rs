//! Owns the script of a text, which is what is to be said: passages in order, each with a voice, a rate, a volume and
//! the pause before it, and where everything that is said stands in what the caller wrote. A plain text is one passage
//! that says what stands there.

use std::ops::Range;
use std::sync::Arc;

use text_normalization::Classes;

use super::{Edit, InputText, SaidText, Speaker, VoiceId};

/// A text and how it is said. A clone shares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    source: InputText,
    passages: Arc<[Passage]>,
    /// Voices beside the request's own, by the numbers of the passages less one.
    voices: Arc<[CastVoice]>,
    reading: Reading,
}

/// What of a script is still to be read, in the languages of its voices: numbers, dates, money, markup and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// What is read; other parts are said as they are written.
    pub classes: Classes,
    /// It is known to be Markdown.
    pub is_markdown: bool,
    /// What it may grow to.
    pub max_chars: usize,
}

/// A voice that a text itself names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CastVoice {
    pub voice: VoiceId,
    pub speaker: Option<Speaker>,
}

/// What is said in one manner and without a pause that the caller asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    pub said: SaidText,
    /// 0 is the request's voice, others are those that the text names.
    pub voice: usize,
    /// Factors on the request's own.
    pub rate: f32,
    pub volume: f32,
    pub pause_before_ms: u32,
    /// Places that the caller named, by bytes of what is said.
    pub marks: Vec<(String, usize)>,
}

// === impl Script ===

impl Script {
    pub fn plain(source: InputText) -> Self {
        let mut said = SaidText::default();
        said.push_verbatim(source.as_str(), 0);
        Self { source, passages: [Passage::of(said)].into(), voices: [].into(), reading: Reading::NONE }
    }

    /// Passages must name no voices that are not there.
    pub fn new(source: InputText, passages: Vec<Passage>, voices: Vec<CastVoice>) -> Self {
        Self { source, passages: passages.into(), voices: voices.into(), reading: Reading::NONE }
    }

    pub fn with_reading(self, reading: Reading) -> Self {
        Self { reading, ..self }
    }

    /// What the caller wrote.
    pub fn source(&self) -> &InputText {
        &self.source
    }

    pub fn passages(&self) -> &[Passage] {
        &self.passages
    }

    pub fn voices(&self) -> &[CastVoice] {
        &self.voices
    }

    pub fn reading(&self) -> Reading {
        self.reading
    }

    /// Whether what is said depends on the languages of its voices.
    pub fn is_to_be_read(&self) -> bool {
        !self.reading.classes.is_empty() || self.passages.iter().any(|passage| passage.said.has_ways())
    }

    /// With other names for its voices.
    pub fn cast<E>(self, name: impl Fn(&VoiceId) -> Result<VoiceId, E>) -> Result<Self, E> {
        let cast = |voice: &CastVoice| Ok(CastVoice { voice: name(&voice.voice)?, speaker: voice.speaker.clone() });
        let voices = self.voices.iter().map(cast).collect::<Result<_, E>>()?;
        Ok(Self { voices, ..self })
    }

    /// With other words for some of what is said: those that `find` gives for each passage, in order and apart.
    pub fn reworded(self, find: impl Fn(&Passage) -> Vec<Edit>) -> Self {
        let source = self.source.as_str();
        let reword = |passage: &Passage| {
            let edits = find(passage);
            let marks = passage.marks.iter().map(|(name, at)| (name.clone(), Edit::moved(&edits, *at))).collect();
            Passage { said: passage.said.edited(&edits, source), marks, ..passage.clone() }
        };
        let passages = self.passages.iter().map(reword).collect();
        Self { passages, ..self }
    }

    /// What passages say, a line each.
    pub fn said(&self) -> String {
        self.passages.iter().map(|passage| passage.said.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// What is said of the bytes `place` of the source, as a script of that part alone. `None`: an end of it lies
    /// within something that is said instead of what stands there, or nothing stands there.
    pub fn part(&self, place: Range<usize>) -> Option<Self> {
        let source = InputText::parse(self.source.as_str().get(place.clone())?, usize::MAX).ok()?;
        let mut passages = Vec::new();
        for passage in &*self.passages {
            let whole = &passage.said;
            let said = whole.part(&place)?;
            if said.is_empty() {
                continue;
            }
            let mut passage = Passage { said, ..passage.clone() };
            // The pause is before the passage's beginning, which may be in another part.
            if passage.pause_before_ms > 0 && whole.part(&(0..place.start))?.as_str().trim() != "" {
                passage.pause_before_ms = 0;
            }
            passages.push(passage);
        }
        Some(Self { source, passages: passages.into(), voices: self.voices.clone(), reading: self.reading })
    }

    /// How many characters are said.
    pub fn said_chars(&self) -> usize {
        self.passages.iter().map(|passage| passage.said.as_str().chars().count()).sum()
    }

    /// Whether it says the source as it stands, in the request's own manner.
    pub fn is_plain(&self) -> bool {
        match &self.passages[..] {
            [passage] => {
                let Passage { said, voice, rate, volume, pause_before_ms, marks } = passage;
                *voice == 0
                    && *rate == 1.0
                    && *volume == 1.0
                    && *pause_before_ms == 0
                    && marks.is_empty()
                    && said.as_str() == self.source.as_str()
            }
            _ => false,
        }
    }
}

// === impl Reading ===

impl Reading {
    pub const NONE: Self = Self { classes: Classes::NONE, is_markdown: false, max_chars: usize::MAX };
}

// === impl Passage ===

impl Passage {
    /// In the request's own manner.
    pub fn of(said: SaidText) -> Self {
        Self { said, voice: 0, rate: 1.0, volume: 1.0, pause_before_ms: 0, marks: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_says_what_the_whole_says_there_and_is_cut_within_nothing_that_is_replaced() {
        let text = InputText::parse("I am W3C. Hi", 100).unwrap();
        let edit = |place, said: &str| Edit { place, said: said.to_owned(), class: None };
        let script = Script::plain(text).reworded(|_| vec![edit(5..8, "the consortium"), edit(9..9, "!")]);

        let part = |place| script.part(place).map(|part| part.passages()[0].said.as_str().to_owned());
        assert_eq!(part(0..9).as_deref(), Some("I am the consortium.!"));
        assert_eq!(part(5..9).as_deref(), Some("the consortium.!"));
        assert_eq!(part(9..12).as_deref(), Some(" Hi"));
        assert_eq!(part(0..6), None);
        assert_eq!(part(6..12), None);
        assert_eq!(part(9..10), None);
        assert!(script.part(10..12).unwrap().is_plain());
        let part = script.part(5..12).unwrap();
        assert_eq!(part.passages()[0].said.source_of(&(17..19)), 5..7);
    }

    #[test]
    fn a_pause_is_in_the_part_with_the_beginning_of_its_passage() {
        let text = InputText::parse("One.\n\n Two. Three.", 100).unwrap();
        let passage = |place: Range<usize>, pause_before_ms| {
            let mut said = SaidText::default();
            said.push_verbatim(&text.as_str()[place.clone()], place.start);
            Passage { pause_before_ms, ..Passage::of(said) }
        };
        let script = Script::new(text.clone(), vec![passage(0..5, 0), passage(6..18, 300)], Vec::new());

        let pauses = |place| -> Vec<u32> {
            script.part(place).unwrap().passages().iter().map(|passage| passage.pause_before_ms).collect()
        };
        assert_eq!(pauses(0..18), [0, 300]);
        assert_eq!(pauses(7..11), [300]);
        assert_eq!(pauses(12..18), [0]);
    }

    #[test]
    fn a_plain_text_says_what_stands_there() {
        let text = InputText::parse("Hi there", 100).unwrap();
        let script = Script::plain(text);

        assert!(script.is_plain());
        assert_eq!(script.passages()[0].said.source_of(&(3..8)), 3..8);
        let hello = |_: &Passage| vec![Edit { place: 0..2, said: "Hello".to_owned(), class: None }];
        let reworded = script.clone().reworded(hello);
        assert!(!reworded.is_plain());
        assert_eq!(reworded.said_chars(), 11);
        assert_eq!(format!("{:?}", script.passages()[0].said), "SaidText(8 bytes)");
    }
}
