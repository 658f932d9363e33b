//! Owns the messages of callers.

use serde::Deserialize;

/// What a caller says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WyomingMessage {
    Describe,
    Ping(Option<String>),
    /// To be spoken at once. Within a stream it repeats the whole text, for servers that know no streams.
    Synthesize {
        text: String,
        manner: SynthesizeOptions,
    },
    /// A text begins that comes in chunks.
    Start(SynthesizeOptions),
    Chunk(String),
    /// All chunks were sent.
    Stop,
    /// Of no concern.
    Unknown,
}

/// How a text shall be spoken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SynthesizeOptions {
    pub voice: VoiceSelector,
    /// `text` or `ssml`.
    pub format: Option<String>,
}

/// Who shall speak: a voice by its name, or one of a language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct VoiceSelector {
    pub name: Option<String>,
    pub speaker: Option<String>,
    pub language: Option<String>,
}

/// What messages carry, as far as it matters here.
#[derive(Default, Deserialize)]
pub struct Data {
    text: Option<String>,
    voice: Option<VoiceSelector>,
    text_format: Option<String>,
}

// === impl WyomingMessage ===

impl WyomingMessage {
    const NAMES: [&str; 6] =
        ["describe", "ping", "synthesize", "synthesize-start", "synthesize-chunk", "synthesize-stop"];

    pub fn is_known(kind: &str) -> bool {
        Self::NAMES.contains(&kind)
    }

    /// `None`: the data lacks what such a message must have.
    pub fn of(kind: &str, data: Data) -> Option<Self> {
        let Data { text, voice, text_format } = data;
        let manner = SynthesizeOptions { voice: voice.unwrap_or_default(), format: text_format };
        Some(match kind {
            "describe" => Self::Describe,
            "ping" => Self::Ping(text),
            "synthesize" => Self::Synthesize { text: text?, manner },
            "synthesize-start" => Self::Start(manner),
            "synthesize-chunk" => Self::Chunk(text?),
            "synthesize-stop" => Self::Stop,
            _ => Self::Unknown,
        })
    }
}

// === impl Data ===

impl Data {
    /// This, and of `other` what this does not say.
    pub fn over(self, other: Self) -> Self {
        Self {
            text: self.text.or(other.text),
            voice: self.voice.or(other.voice),
            text_format: self.text_format.or(other.text_format),
        }
    }
}
