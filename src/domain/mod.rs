//! Owns the values that a request is made of. Each is valid once it exists, so that nothing below checks it again. Refuses any IO.

mod deadline;
mod request;
mod script;
mod text;
mod voice_id;

pub use deadline::{Deadline, DeadlinePassed};
pub use request::{InvalidField, Prosody, Speaker, SynthesisRequest};
pub use script::{CastVoice, Passage, SaidText, Script};
pub use text::{InputText, TextError};
pub use voice_id::{InvalidVoiceId, VoiceId};
