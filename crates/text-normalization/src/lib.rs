//! Text normalization for speech: what is written becomes what is said. Numbers, dates, money, measures, abbreviations,
//! addresses and markup are found by their semiotic class and put into the words of the text's language; everything
//! else stays as it is, to the last character.
//!
//! ```
//! use text_normalization::Normalizer;
//!
//! let english = Normalizer::for_language("en-US").expect("English has a table");
//! assert_eq!(english.say("Dr. Smith paid $5.20."), "Doctor Smith paid 5 dollars and 20 cents.");
//! ```
//!
//! A function of text and language alone, without IO. Refuses how words are pronounced: it gives text, for a phonemizer
//! that reads plain prose and plain cardinals well.

mod classes;
mod language;
mod normalizer;
mod number;
mod numerals;
mod pattern;
mod plurals;
mod rbnf;
mod rewrite;
mod say_as;
mod table;
mod token;

pub use classes::{Class, Classes};
pub use normalizer::{Normalizer, Options};
pub use rewrite::Rewrite;
pub use say_as::{DateFormat, SayAs};
