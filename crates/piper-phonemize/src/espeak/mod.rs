//! Owns espeak-ng: text in, clauses of IPA out. The C library crashes on some texts, keeps global state and is not
//! thread-safe, so it runs in child processes of this binary, one fork for each text. A crash costs that one answer,
//! and an answer depends on its text alone.
//!
//! ```text
//! service ── child ──┬── process with English set ── fork: one text
//!                    └── process with German set ─── fork: one text
//! ```
//!
//! - `ffi`: the library's calls and the fork; all unsafe code of this folder.
//! - `child`: what a child process does; `language`: its processes for languages, and the forks in which texts are
//!   answered.
//! - `protocol`: the frames on its pipes.
//! - `pool`: the supervised children, as the service sees them.

mod child;
mod ffi;
mod language;
mod pool;
mod protocol;

pub use child::{CHILD_COMMAND, ChildArgs, run_child};
pub use pool::{EspeakPool, EspeakSettings};
pub use protocol::Clause;

/// Why a text was not phonemized.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EspeakError {
    /// Twice, in a process of its own each time.
    #[error("espeak-ng crashed on this text")]
    Crashed,
    #[error("espeak-ng did not finish this text in {0} ms")]
    TimedOut(u128),
    #[error("espeak-ng has no voice for language {0}")]
    UnknownLanguage(String),
    #[error("the phonemizer is not available: {0}")]
    Unavailable(String),
}

impl EspeakError {
    /// Whether another try may end otherwise.
    fn may_pass(&self) -> bool {
        !matches!(self, Self::UnknownLanguage(_))
    }
}
