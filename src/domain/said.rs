//! Owns text as it is said, in pieces that know where they stand in what the caller wrote.

use std::fmt;
use std::ops::Range;

use text_normalization::{Class, SayAs};

/// Text as the phonemizer takes it, and where it comes from. Its `Debug` shows the length alone.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SaidText {
    text: String,
    pieces: Vec<SaidPiece>,
}

#[derive(Clone, PartialEq, Eq)]
struct SaidPiece {
    /// Bytes of what is said. Empty: what stands in the source is not said.
    said: Range<usize>,
    /// Bytes of the source. Empty: what is said was added.
    source: Range<usize>,
    origin: Origin,
}

/// Why a piece is said.
#[derive(Clone, PartialEq, Eq)]
pub enum Origin {
    /// It stands so in the source.
    Verbatim,
    /// A character that the source writes with others, such as `&amp;`.
    Decoded,
    /// A lexicon or SSML has it said instead.
    Instead,
    /// SSML says how it is to be read, which it is not yet.
    As(SayAs),
    /// It was read, and is shown to readers so.
    Read { class: Class, shown: Box<str> },
}

/// A piece as others see it.
pub struct PieceView<'a> {
    /// Bytes of what is said.
    pub place: Range<usize>,
    pub said: &'a str,
    /// Bytes of the source.
    pub source: Range<usize>,
    pub origin: &'a Origin,
}

/// Other words for some of what is said.
pub struct Edit {
    /// Bytes of what was said. Empty: the words are added there.
    pub place: Range<usize>,
    pub said: String,
    /// `None`: a lexicon has it said so.
    pub class: Option<Class>,
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
        self.push(text, at..at + text.len(), Origin::Verbatim);
    }

    /// Adds a character that is written otherwise at `source`.
    pub fn push_decoded(&mut self, text: &str, source: Range<usize>) {
        self.push(text, source, Origin::Decoded);
    }

    /// Adds what is said instead of what stands at `source`.
    pub fn push_replaced(&mut self, text: &str, source: Range<usize>) {
        self.push(text, source, Origin::Instead);
    }

    /// Adds what stands at `source` and is to be read in a way of its own.
    pub fn push_as(&mut self, text: &str, source: Range<usize>, how: SayAs) {
        self.push(text, source, Origin::As(how));
    }

    /// Has what was added last stand for more of the source: up to `end`.
    pub fn extend_last_to(&mut self, end: usize) {
        if let Some(last) = self.pieces.last_mut() {
            last.source.end = last.source.end.max(end);
        }
    }

    fn push(&mut self, text: &str, source: Range<usize>, origin: Origin) {
        let start = self.text.len();
        self.text.push_str(text);
        self.pieces.push(SaidPiece { said: start..self.text.len(), source, origin });
    }

    pub fn parts(&self) -> impl Iterator<Item = PieceView<'_>> {
        self.pieces.iter().map(|piece| PieceView {
            place: piece.said.clone(),
            said: &self.text[piece.said.clone()],
            source: piece.source.clone(),
            origin: &piece.origin,
        })
    }

    /// What is said as it was written, with where that begins.
    pub fn verbatim_parts(&self) -> impl Iterator<Item = (usize, &str)> {
        let parts = self.parts().filter(|part| *part.origin == Origin::Verbatim);
        parts.map(|part| (part.place.start, part.said))
    }

    /// Whether something of it is to be read in a way of its own.
    pub fn has_ways(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece.origin, Origin::As(_)))
    }

    /// Pieces of which something is said at `said`, and those that are silent within.
    fn touched(&self, said: &Range<usize>) -> impl Iterator<Item = &SaidPiece> {
        let first = self.pieces.partition_point(|piece| piece.said.end <= said.start);
        self.pieces[first..].iter().take_while(|piece| piece.said.start < said.end)
    }

    /// Where in the source stands what is said at `said`: exactly, or the whole of what it is said instead of.
    pub fn source_of(&self, said: &Range<usize>) -> Range<usize> {
        let mut source: Option<Range<usize>> = None;
        for piece in self.touched(said) {
            let place = piece.source_of(said);
            source = Some(source.map_or(place.clone(), |source| source.start..place.end));
        }
        source.unwrap_or_else(|| {
            let at = self.pieces.iter().rfind(|piece| piece.said.end <= said.start).map_or(0, |piece| piece.source.end);
            at..at
        })
    }

    /// Whether nothing in the source is said at `said`: a pause or an end was added.
    pub fn is_added(&self, said: &Range<usize>) -> bool {
        self.touched(said).all(|piece| piece.source.is_empty())
    }

    /// What stands at `said` as a reader would have it: what was written, and what is said where that is markup.
    pub fn shown(&self, said: &Range<usize>, source: &str) -> String {
        let show = |piece: &'_ SaidPiece| -> String {
            let own = &self.text[said.start.max(piece.said.start)..said.end.min(piece.said.end)];
            match &piece.origin {
                Origin::Verbatim | Origin::Decoded => own.to_owned(),
                Origin::Read { shown, .. } => shown.to_string(),
                Origin::Instead | Origin::As(_) => {
                    let written = source.get(piece.source.clone());
                    let written = written.filter(|written| !written.is_empty() && !written.contains(['<', '&']));
                    written.filter(|_| !piece.said.is_empty()).unwrap_or(own).to_owned()
                }
            }
        };
        self.touched(said).map(show).collect()
    }

    /// The same with other words, which stand in order and apart.
    pub fn edited(&self, edits: &[Edit], source: &str) -> Self {
        let mut result = Self::default();
        let mut reached = 0;
        for edit in edits {
            self.copy(reached..edit.place.start, &mut result);
            let written = self.source_of(&edit.place);
            let origin = match edit.class {
                None => Origin::Instead,
                Some(class) => Origin::Read { class, shown: self.as_shown(edit, class, source).into() },
            };
            result.push(&edit.said, written, origin);
            reached = edit.place.end;
        }
        self.copy(reached..self.text.len(), &mut result);
        result
    }

    /// Adds what is said at `place` to `other`.
    fn copy(&self, place: Range<usize>, other: &mut Self) {
        let first = self.pieces.partition_point(|piece| piece.said.end < place.start);
        let is_end = place.end == self.text.len();
        for piece in &self.pieces[first..] {
            let own = place.start.max(piece.said.start)..place.end.min(piece.said.end);
            let is_silent = piece.said.is_empty() && (piece.said.start < place.end || is_end);
            if own.start > own.end || piece.said.start > place.end {
                break;
            }
            if !own.is_empty() || is_silent {
                other.push(&self.text[own.clone()], piece.source_of(&own), piece.origin.clone());
            }
        }
    }

    /// What is said of a part of the source, whose first byte is then the source's. What was added between two bytes
    /// belongs to the first. `None`: an end of it lies within something that is said instead of what stands there.
    pub fn part(&self, place: &Range<usize>) -> Option<Self> {
        let mut part = Self::default();
        for SaidPiece { said, source, origin } in &self.pieces {
            let own = source.start.max(place.start)..source.end.min(place.end);
            let is_whole = own == *source;
            let is_own = if source.is_empty() {
                is_whole && (source.start > place.start || source.start == 0)
            } else {
                !own.is_empty()
            };
            if !is_own {
                continue;
            }
            let said = match origin {
                Origin::Verbatim => said.start + own.start - source.start..said.start + own.end - source.start,
                _ if is_whole => said.clone(),
                _ => return None,
            };
            part.push(&self.text[said], own.start - place.start..own.end - place.start, origin.clone());
        }
        Some(part)
    }

    /// What was read, for readers: as it was written, but for marks that they would not see.
    fn as_shown(&self, edit: &Edit, class: Class, source: &str) -> String {
        let shown = self.shown(&edit.place, source);
        let is_reference = shown.starts_with('&') && shown.ends_with(';');
        let is_marks = is_reference || !shown.contains(char::is_alphanumeric);
        match class {
            _ if edit.place.is_empty() => String::new(),
            Class::Markup if is_marks || edit.said.is_empty() => edit.said.clone(),
            _ => shown,
        }
    }
}

impl SaidPiece {
    /// Of what is said at `said`, as far as that is in it.
    fn source_of(&self, said: &Range<usize>) -> Range<usize> {
        if self.origin != Origin::Verbatim {
            return self.source.clone();
        }
        let from = said.start.max(self.said.start) - self.said.start;
        let to = said.end.min(self.said.end) - self.said.start;
        self.source.start + from..self.source.start + to
    }
}

impl fmt::Debug for SaidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SaidText({} bytes)", self.text.len())
    }
}

// === impl Edit ===

impl Edit {
    /// Where byte `at` of what was said is afterwards.
    pub fn moved(edits: &[Self], at: usize) -> usize {
        let mut moved = at;
        for Self { place, said, .. } in edits.iter().take_while(|edit| edit.place.start < at) {
            let end = place.end.min(at);
            // Within what is said otherwise it is at the beginning of that.
            moved = moved - (end - place.start) + if place.end <= at { said.len() } else { 0 };
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "12345678: Ask the <sub ..>W3C</sub> now";

    fn said() -> SaidText {
        let mut said = SaidText::default();
        said.push_verbatim("Ask the ", 10);
        said.push_replaced("World Wide Web Consortium", 26..29);
        said.push_verbatim(" now", 35);
        said
    }

    fn edit(place: Range<usize>, said: &str, class: Option<Class>) -> Edit {
        Edit { place, said: said.to_owned(), class }
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
    fn other_words_keep_their_places() {
        let edits = [edit(6..7, "EE", None), edit(35..36, "OO", None)];

        let edited = said().edited(&edits, SOURCE);

        assert_eq!(edited.as_str(), "Ask thEE World Wide Web Consortium nOOw");
        assert_eq!(edited.source_of(&(6..8)), 16..17);
        assert_eq!(edited.source_of(&(36..38)), 37..38);
        assert_eq!([0, 6, 7, 8, 34, 36, 37].map(|at| Edit::moved(&edits, at)), [0, 6, 8, 9, 35, 38, 39]);
    }

    #[test]
    fn what_was_added_stands_at_no_place_and_is_not_shown() {
        let text = "## Price\n$5.20 & **more** to come";
        let mut said = SaidText::default();
        said.push_verbatim(text, 0);
        let markup = Some(Class::Markup);
        let edits = [
            edit(0..3, "", markup),
            edit(8..8, ".", markup),
            edit(9..14, "5 dollars and 20 cents", Some(Class::Money)),
            edit(15..16, "and", Some(Class::Symbol)),
            edit(17..19, "", markup),
            edit(23..25, "", markup),
        ];

        let edited = said.edited(&edits, text);

        assert_eq!(edited.as_str(), "Price.\n5 dollars and 20 cents and more to come");
        assert_eq!(edited.shown(&(0..edited.as_str().len()), text), "Price\n$5.20 & more to come");
        assert!(edited.is_added(&(5..6)) && !edited.is_added(&(4..6)));
        assert_eq!(edited.source_of(&(5..6)), 8..8);
        assert_eq!(edited.source_of(&(7..8)), 9..14);
        let more = edited.as_str().find("more").unwrap();
        assert_eq!(&text[edited.source_of(&(more..more + 4))], "more");
    }
}
