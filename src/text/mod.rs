//! Owns the markup that callers may write, and how it becomes a [`Script`](crate::domain::Script): SSML, and lexicons,
//! which say how words are pronounced. Refuses to know how a script is spoken.
//!
//! - `reader`: a text as a script, within its limit; `reading`: a script in the words of its voices' languages.
//! - `ssml`: a document as passages; `values`: what its attributes mean; `entities`: what those of XML stand for.
//! - `lexicon`: words and what is said instead; `pls`: the same as the W3C writes it; `lexicons`: those that the
//!   operator keeps in a folder.

mod entities;
mod lexicon;
mod lexicons;
mod pls;
mod reader;
mod reading;
mod ssml;
mod values;

pub use lexicons::{Lexicons, LexiconsError};
#[cfg(fuzzing)]
pub use pls::parse as parse_pls;
pub use reader::{Pronunciation, TextReadError, TextReader, TextType};
pub use reading::{Normalize, ReadToken, ReadingDefaults, read_script, tokens};
