//! Owns reading SSML (Speech Synthesis Markup Language 1.1, a W3C recommendation), as far as Piper's voices can follow
//! it: `speak`, `p`, `s`, `break`, `sub`, `phoneme` (`ipa`), `say-as`, `prosody` (`rate`, `volume`), `voice`, `mark`.
//! What else stands there is refused with its place, so that nothing is passed over in silence. No document type and no
//! entities but those of XML itself are read.

mod builder;
mod problem;

use quick_xml::events::Event;
use quick_xml::reader::Reader;

use crate::domain::{InputText, Script};
use builder::Builder;
pub use problem::Problem;

/// Why a document cannot be said, and where in it. Holds nothing of what it says but names of elements and attributes
/// that this page knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct SsmlError {
    pub line: usize,
    pub column: usize,
    pub problem: Problem,
}

/// The script of a document.
pub fn parse(source: InputText) -> Result<Script, SsmlError> {
    let text = source.as_str();
    let mut reader = Reader::from_str(text);
    // Which the reader passes over without counting it.
    let byte_order_mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let in_text = |position: u64| byte_order_mark + position as usize;
    let mut builder = Builder::new();
    loop {
        let start = in_text(reader.buffer_position());
        let event = reader.read_event();
        let place = start..in_text(reader.buffer_position());
        let at = |problem| error_at(text, start, problem);
        match event.map_err(|_| error_at(text, in_text(reader.error_position()), Problem::Malformed))? {
            Event::Eof => break,
            event => builder.take(&event, text, place).map_err(at)?,
        }
    }
    let end = |problem| error_at(text, text.len(), problem);
    let (passages, voices) = builder.finish().map_err(end)?;
    Ok(Script::new(source, passages, voices))
}

fn error_at(text: &str, at: usize, problem: Problem) -> SsmlError {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count() + 1;
    SsmlError { line, column: before[line_start..].chars().count() + 1, problem }
}

#[cfg(test)]
mod tests;
