//! Owns speech of a text that is still being written: it is appended in any pieces, and each sentence is spoken as soon
//! as it is certain to have ended. What is said, sentence by sentence, is what the same text says that is sent whole.
//! Refuses sockets and what is written on them.
//!
//! - `session`: all texts of one connection, within its bounds; `context`: one text and its sound; `shared`: the text
//!   between its writer and its sound; `event`: what becomes of it.
//! - `text`: what was written and not said yet; `boundary`: where a sentence may end.
//! - `spoken`: one sentence on its way; `sound`: samples as the bytes that a caller wants; `trail`: what was heard
//!   when.
//! - `sessions`: how many there are, and of whom.

mod boundary;
mod context;
mod event;
mod session;
mod sessions;
mod shared;
mod sound;
mod spoken;
mod text;
mod trail;

pub use context::{Client, Opening};
pub use event::Event;
pub use session::{MAX_NAME_BYTES, Refused, Session};
pub use sessions::{NoSession, SessionLimits, SessionPermit, Sessions};
pub use spoken::{Said, SaidPart};
