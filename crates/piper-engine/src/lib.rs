//! Text to speech with [Piper](https://github.com/OHF-Voice/piper1-gpl) voices, on CPU, in a few calls:
//! [`Voice::load`], [`Voice::speak`], and an iterator of sound. Refuses HTTP, caching and scheduling; a service takes
//! `piper-acoustic` and `piper-phonemize` instead, of which this is made.
//!
//! ```no_run
//! use piper_engine::{Voice, serve_if_child};
//!
//! // First of all: espeak-ng runs in children of this program.
//! serve_if_child();
//! let voice = Voice::load("en_US-joe-medium.onnx")?;
//! for chunk in voice.speak("The first sound is there before the rest is computed.")? {
//!     let samples: Vec<f32> = chunk?.samples;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! espeak-ng and, for the first load of a voice and for voices of another structure, ONNX Runtime are looked for in
//! `runtime/` beside the program, in `runtime/` of the working directory, then on the system. The library of espeak-ng
//! that the piper-tts wheel ships is a part of CPython, and a program that loads it exports four symbols, as this
//! crate's `build.rs` has its examples do.

mod speech;
mod voice;

use std::path::PathBuf;

use piper_acoustic::{InferError, LoadError, RuntimeMissing};
use piper_phonemize::{EspeakError, PhonemizeError};

pub use speech::{Chunk, Speech};
pub use voice::{Voice, serve_if_child};

/// Why a voice cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    #[error(transparent)]
    Runtime(#[from] RuntimeMissing),
    #[error(transparent)]
    OnnxRuntime(#[from] piper_acoustic::RuntimeError),
    #[error("{}: {source}", .path.display())]
    Load { path: PathBuf, source: LoadError },
    #[error("the phonemizer's children cannot be started: {0}")]
    Children(#[source] std::io::Error),
    /// Most likely, the program does not begin with [`serve_if_child`].
    #[error("the phonemizer did not start: {0}")]
    Phonemizer(#[from] EspeakError),
    #[error("the voice's language cannot be spoken: {0}")]
    Language(#[source] PhonemizeError),
    #[error("voices block, and so are used on threads that belong to no async runtime")]
    InsideRuntime,
}

/// Why a text is not spoken.
#[derive(Debug, thiserror::Error)]
pub enum SpeakError {
    #[error("the text contains the character U+0000")]
    Nul,
    #[error(transparent)]
    Phonemize(#[from] PhonemizeError),
    #[error(transparent)]
    Infer(#[from] InferError),
    #[error("voices block, and so are used on threads that belong to no async runtime")]
    InsideRuntime,
}
