//! Owns the events of a text that is spoken as it is written.

use bytes::Bytes;

use super::spoken::Said;

/// What becomes of a text, in order.
#[derive(Debug, PartialEq)]
pub enum Event<E> {
    /// A stream of sound begins, at so many hertz. It ends where the text is flushed or ends.
    Begun {
        sample_rate: u32,
    },
    Audio(Bytes),
    /// When what is said that begins in the sound that follows.
    Said(Said),
    /// Everything up to a flush was sent: so many seconds since the text began.
    Flushed {
        id: u64,
        seconds: f64,
    },
    /// What was not sent will not be. Of what was, how many seconds it is and how many characters of the text were
    /// begun.
    Cleared {
        id: u64,
        seconds: f64,
        characters: usize,
    },
    /// Everything was sent. Nothing follows.
    Ended {
        seconds: f64,
    },
    /// It cannot go on. Nothing follows.
    Failed(E),
}

// === impl Event ===

impl<E> Event<E> {
    pub fn audio_bytes(&self) -> usize {
        match self {
            Self::Audio(bytes) => bytes.len(),
            _ => 0,
        }
    }
}
