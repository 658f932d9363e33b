//! Owns which voices there are, where their files lie, and how they come here: the only map from a voice id to a path.
//! Refuses to load a voice into memory.
//!
//! A voice is `NAME.onnx` beside `NAME.onnx.json`. Those that are in the models folder are served, whoever put them
//! there. Others come from a source in the layout of the public piper-voices repository: its `voices.json` lists sizes
//! and checksums, and what does not match them never gets a voice's name. What was downloaded is recorded in
//! `voices.lock` and verified each time that it is loaded.
//!
//! No address and no path ever comes from a caller: an id is looked up, and only the configured source is asked.

mod card;
mod catalogue;
mod default;
mod digest;
mod disk;
mod download;
mod downloads;
mod error;
mod file_names;
mod folder;
mod folders;
mod guard;
mod ignored;
mod info;
mod language;
mod leftovers;
mod lockfile;
mod loudness;
mod measured;
mod names;
mod offer;
mod published;
mod quality;
mod settings;
mod snapshot;
mod source;
mod supply;
mod transfer;
mod upload;
mod verify;

pub use catalogue::{Catalogue, Rescan};
pub use default::DefaultVoice;
pub use digest::VoiceDigest;
pub use download::Existing;
pub use error::{CatalogueError, VoiceFilesError};
pub use ignored::Ignored;
pub use info::VoiceInfo;
pub use language::{LanguageTag, VoicesByLanguage, language_name};
pub use offer::VoiceStanding;
pub use quality::{Assessment, MeasuredQuality};
pub use settings::{InvalidSource, Retries, VoiceSettings, VoiceSource};
pub use supply::Verified;
pub use transfer::TransferProgress;
pub use upload::{Upload, UploadedFile};
