//! Text to the phoneme ids that Piper voices were trained on, equal to piper-tts 1.8.0's: espeak-ng in child processes,
//! vocalised Arabic, Hebrew by a model and rules, Chinese by tables, raw phonemes in double brackets. Refuses to know
//! how ids become samples; of a voice it needs the settings alone.

mod alignment;
mod defuse;
mod espeak;
mod hebrew;
mod ids;
mod legible;
mod models;
mod phonemes;
mod phonemizer;
mod pinyin;
mod respelling;
mod tashkeel;
mod whole;
mod words;

pub use alignment::align;
pub use espeak::{CHILD_COMMAND, ChildArgs, EspeakError, EspeakPool, EspeakSettings, run_child};
pub use ids::{PhonemeIds, id_count, phoneme_ids};
pub use phonemes::{Phoneme, Sentence, bounded};
pub use phonemizer::{PhonemizeError, Phonemizer};
pub use words::Word;
