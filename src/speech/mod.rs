//! Owns one request from text to audio: cache, admission, phonemes, sentences, joining, storing. The only module that knows both the cache
//! and the pool. Refuses JSON and headers.

mod error;
mod plan;
mod service;
mod speaking;

pub use error::SpeechError;
pub use service::{AudioSpec, CacheUse, Caching, Speech, SpeechService, SpeechSettings};
pub use speaking::{Speaking, SpokenPart};
