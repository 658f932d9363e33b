//! Owns one request from text to audio: cache, admission, phonemes, sentences, joining, storing. The only module that
//! knows both the cache and the pool. Refuses JSON and headers.
//!
//! Speech is made and kept sentence by sentence. A request asks L1 for its finished answer; failing that for its plan,
//! the list of its sentences, and for those, in L1 and L2; only what is in neither is made. Nothing is made twice at
//! once (`flights`).
//!
//! - `service`: the order of things; `sources`: what is known; `work`: making the rest; `permit`: its permit of the
//!   pool; `sentence`: one sentence, part by part; `assembly`: all of them, in order; `output`: what becomes of their
//!   samples; `stream`: the answer on its way. `types`: what is asked, and what comes of it.
//! - `following`: speech that tells when it says what as it comes; `division`: whether a text says the same in two
//!   parts.
//! - `level`: how loud voices are made, which is measured on `samples`.
//! - `timing`: when what is said; `subtitles`: the same to be read along.
//! - `error`: why there is no speech; `public_error`: what callers are told of that.
//! - `speakers`: who of a voice speaks.
//! - `keys`: what determines what; `plan`: from phonemes to sentences; `entries`: sentences and plans as the cache
//!   keeps them.

mod assembly;
mod division;
mod entries;
mod error;
mod flights;
mod following;
mod keys;
mod level;
mod output;
mod permit;
mod plan;
mod public_error;
mod reading;
mod samples;
mod sentence;
mod service;
mod sources;
mod speakers;
mod stream;
mod subtitles;
mod timing;
mod types;
mod work;

#[cfg(fuzzing)]
pub use entries::{Plan, sentence_from_entry};
pub use error::SpeechError;
pub use following::Following;
pub use public_error::PublicError;
pub use samples::{sample_text, sample_word};
pub use service::SpeechService;
pub use speakers::check_speakers;
pub use stream::SpeechStream;
pub use subtitles::{SubtitleFormat, subtitles};
pub use types::{
    AudioSpec, CacheUse, Caching, Phonemized, ResolvedRequest, Span, SpeechSettings, TimedPhoneme, TimedSentence,
    TimedSpeech, TimedWord, WholeSpeech,
};
