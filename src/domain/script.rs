//! Owns what is to be said of a text: passages in order, each with a voice, a rate, a volume and the pause before it, and where everything
//! that is said stands in what the caller wrote. A plain text is one passage that says what stands there.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::{InputText, Speaker, VoiceId};

/// A text and how it is said. A clone shares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    source: InputText,
    passages: Arc<[Passage]>,
    /// Voices beside the request's own, by the numbers of the passages less one.
    voices: Arc<[CastVoice]>,
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

/// Text as the phonemizer takes it, and where it comes from. Its `Debug` shows the length alone.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SaidText {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, PartialEq, Eq)]
struct Piece {
    /// Bytes of what is said.
    said: Range<usize>,
    /// Bytes of the source.
    source: Range<usize>,
    /// It is said as it stands there.
    is_verbatim: bool,
}

// === impl Script ===

impl Script {
    pub fn plain(source: InputText) -> Self {
        let mut said = SaidText::default();
        said.push_verbatim(source.as_str(), 0);
        Self { source, passages: [Passage::of(said)].into(), voices: [].into() }
    }

    /// Passages must name no voices that are not there.
    pub fn new(source: InputText, passages: Vec<Passage>, voices: Vec<CastVoice>) -> Self {
        Self { source, passages: passages.into(), voices: voices.into() }
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

    /// With other names for its voices.
    pub fn cast<E>(self, name: impl Fn(&VoiceId) -> Result<VoiceId, E>) -> Result<Self, E> {
        let cast = |voice: &CastVoice| Ok(CastVoice { voice: name(&voice.voice)?, speaker: voice.speaker.clone() });
        let voices = self.voices.iter().map(cast).collect::<Result<_, E>>()?;
        Ok(Self { voices, ..self })
    }

    /// With other words for some of what is said.
    pub fn reworded(self, reword: impl Fn(&SaidText) -> SaidText) -> Self {
        let passages = self.passages.iter().map(|passage| Passage { said: reword(&passage.said), ..passage.clone() });
        Self { passages: passages.collect(), ..self }
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

// === impl Passage ===

impl Passage {
    /// In the request's own manner.
    pub fn of(said: SaidText) -> Self {
        Self { said, voice: 0, rate: 1.0, volume: 1.0, pause_before_ms: 0, marks: Vec::new() }
    }
}

// === impl SaidText ===

impl SaidText {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Adds what is said as it stands in the source, from byte `at` on.
    pub fn push_verbatim(&mut self, text: &str, at: usize) {
        self.push(text, at..at + text.len(), true);
    }

    /// Adds what is said instead of what stands at `source`.
    pub fn push_replaced(&mut self, text: &str, source: Range<usize>) {
        self.push(text, source, false);
    }

    /// Has what was added last stand for more of the source: up to `end`.
    pub fn extend_last_to(&mut self, end: usize) {
        if let Some(last) = self.pieces.last_mut() {
            last.source.end = last.source.end.max(end);
        }
    }

    fn push(&mut self, text: &str, source: Range<usize>, is_verbatim: bool) {
        let start = self.text.len();
        self.text.push_str(text);
        self.pieces.push(Piece { said: start..self.text.len(), source, is_verbatim });
    }

    /// Where in the source stands what is said at `said`: exactly, or the whole of what it is said instead of.
    pub fn source_of(&self, said: &Range<usize>) -> Range<usize> {
        let touched = self.pieces.iter().filter(|piece| piece.said.start < said.end && said.start < piece.said.end);
        let mut source: Option<Range<usize>> = None;
        for piece in touched {
            let place = if piece.is_verbatim {
                let from = said.start.max(piece.said.start) - piece.said.start;
                let to = said.end.min(piece.said.end) - piece.said.start;
                piece.source.start + from..piece.source.start + to
            } else {
                piece.source.clone()
            };
            source = Some(source.map_or(place.clone(), |source| source.start..place.end));
        }
        source.unwrap_or(0..0)
    }

    /// What stands at `said` as a reader would have it: what was written, and what is said where that is markup.
    pub fn shown(&self, said: &Range<usize>, source: &str) -> String {
        let touched = self.pieces.iter().filter(|piece| piece.said.start < said.end && said.start < piece.said.end);
        let show = |piece: &Piece| {
            let own = said.start.max(piece.said.start)..said.end.min(piece.said.end);
            let written = source.get(piece.source.clone()).filter(|_| !piece.is_verbatim);
            written.filter(|written| !written.is_empty() && !written.contains(['<', '&'])).unwrap_or(&self.text[own])
        };
        touched.map(show).collect()
    }

    /// The same with other words where `replace` finds some: by bytes of a text, in order and apart, and what is said there instead. Only what
    /// is said as it was written is looked at.
    pub fn replaced<S: AsRef<str>>(&self, replace: impl Fn(&str) -> Vec<(Range<usize>, S)>) -> Self {
        let mut result = Self::default();
        for piece in &self.pieces {
            let text = &self.text[piece.said.clone()];
            if !piece.is_verbatim {
                result.push_replaced(text, piece.source.clone());
                continue;
            }
            let mut reached = 0;
            for (place, instead) in replace(text) {
                if reached < place.start {
                    result.push_verbatim(&text[reached..place.start], piece.source.start + reached);
                }
                let source = piece.source.start + place.start..piece.source.start + place.end;
                result.push_replaced(instead.as_ref(), source);
                reached = place.end;
            }
            if reached < text.len() {
                result.push_verbatim(&text[reached..], piece.source.start + reached);
            }
        }
        result
    }
}

impl fmt::Debug for SaidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SaidText({} bytes)", self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> SaidText {
        let mut said = SaidText::default();
        said.push_verbatim("Ask the ", 10);
        said.push_replaced("World Wide Web Consortium", 26..29);
        said.push_verbatim(" now", 35);
        said
    }

    #[test]
    fn what_is_said_is_found_where_it_was_written() {
        let said = said();

        assert_eq!(said.as_str(), "Ask the World Wide Web Consortium now");
        assert_eq!(said.source_of(&(4..7)), 14..17);
        assert_eq!(said.source_of(&(8..13)), 26..29);
        assert_eq!(said.source_of(&(34..37)), 36..39);
        assert_eq!(said.source_of(&(4..37)), 14..39);
        assert_eq!(said.shown(&(4..37), "<speak ..>Ask the <sub ..>W3C</sub> now"), "the W3C now");
    }

    #[test]
    fn only_what_is_said_as_written_is_replaced() {
        let find = |text: &str| text.match_indices('e').map(|(at, _)| (at..at + 1, "EE")).collect();

        let reworded = said().replaced(find);

        assert_eq!(reworded.as_str(), "Ask thEE World Wide Web Consortium now");
        assert_eq!(reworded.source_of(&(6..8)), 16..17);
        assert_eq!(reworded.source_of(&(35..38)), 36..39);
    }

    #[test]
    fn a_plain_text_says_what_stands_there() {
        let text = InputText::parse("Hi there", 100).unwrap();
        let script = Script::plain(text);

        assert!(script.is_plain());
        assert_eq!(script.passages()[0].said.source_of(&(3..8)), 3..8);
        let reworded = script.clone().reworded(|said| said.replaced(|_| vec![(0..2, "Hello")]));
        assert!(!reworded.is_plain());
        assert_eq!(reworded.said_chars(), 11);
        assert_eq!(format!("{:?}", script.passages()[0].said), "SaidText(8 bytes)");
    }
}
