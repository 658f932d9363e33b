//! Owns the values that a request is made of. Each is valid once it exists, so that nothing below checks it again.
//! Refuses any IO.

mod deadline;
mod invalid_field;
mod level;
mod request;
mod said;
mod script;
mod speaker;
mod text;
mod voice_id;

pub use deadline::{Deadline, DeadlinePassed};
pub use invalid_field::InvalidField;
pub use level::{Level, Lufs};
pub use request::{Prosody, SynthesisRequest};
pub use said::{Edit, Origin, PieceView, SaidText};
pub use script::{CastVoice, Passage, Reading, Script};
pub use speaker::Speaker;
pub use text::{InputText, TextError};
/// What of a text is read, and how a part of it may be.
pub use text_normalization::{Class, Classes, SayAs};
pub use voice_id::{InvalidVoiceId, VoiceId};
