//! Owns `link`: an address that speaks, signed as the service signs it.

use std::io::Write as _;
use std::time::Duration;

use super::console::{print, text_of};
use super::markup::MarkupArgs;
use super::settings_source::SettingsSource;
use crate::app::text_reader;
use crate::audio::AudioFormat;
use crate::config::{Config, ConfigError, read_tokens};
use crate::domain::{InvalidField, Prosody, VoiceId};
use crate::links::{LinkError, Links, Parameters, USUAL_LIFETIME};
use crate::telemetry;
use crate::text::{Pronunciation, TextType};

#[derive(Debug, clap::Args)]
pub struct LinkArgs {
    /// Text that the address speaks; `-` reads standard input.
    text: String,
    /// For how long it is good, up to TTS_LINK_MAX_SECONDS; an hour by default.
    #[arg(long, value_name = "SECONDS")]
    expires_in: Option<u64>,
    /// The token of TTS_TOKENS_FILE that it is counted to, by its name; without it, that of ALLOWED_USER_TOKEN.
    #[arg(long, value_name = "NAME")]
    token: Option<String>,
    /// `voice`, or `voice#speaker`; the default voice by default.
    #[arg(long, value_name = "ID")]
    voice: Option<String>,
    /// Name or number of a speaker of the voice.
    #[arg(long)]
    speaker: Option<String>,
    /// 0.25 to 4; TTS_SPEED by default.
    #[arg(long)]
    speed: Option<f32>,
    /// wav by default.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// In hertz, 8000 to 48000; the voice's own by default.
    #[arg(long, value_parser = clap::value_parser!(u32).range(8_000..=48_000))]
    sample_rate: Option<u32>,
    /// Send the sound as it is made.
    #[arg(long)]
    stream: bool,
    #[command(flatten)]
    markup: MarkupArgs,
}

pub fn run(args: &LinkArgs, source: SettingsSource<'_>) -> anyhow::Result<()> {
    let config = source.load_for_command()?;
    telemetry::init(&config.log)?;
    let parameters = args.parameters(&config)?;
    let links =
        Links::new(&config.signing).map_err(|error| ConfigError::new("TTS_LINK_SECRETS_FILE", error.to_string()))?;
    let lifetime = args.expires_in.map_or(USUAL_LIFETIME, Duration::from_secs);
    let link = links.make(parameters, args.token_name(&config)?, lifetime).map_err(|error| match error {
        LinkError::Off => config.error("TTS_LINK_SECRETS", "is required: what addresses are signed with").into(),
        other => anyhow::Error::from(other),
    })?;
    print(|out| writeln!(out, "{}", link.url))
}

// === impl LinkArgs ===

impl LinkArgs {
    /// What the address says. What could not be had would be found by whoever plays it.
    fn parameters(&self, config: &Config) -> anyhow::Result<Parameters> {
        let text = text_of(&self.text)?;
        let text_type = self.markup.text_type();
        let reader = text_reader(config, config.synthesis.max_text_chars)?;
        reader.read(&text, text_type, Pronunciation::default())?;
        if let Some(voice) = &self.voice {
            VoiceId::parse(voice.split('#').next().unwrap_or_default())?;
        }
        if let Some(speed) = self.speed {
            Prosody::default().with_speed(speed)?;
        }
        if let Some(name) = &self.format {
            AudioFormat::parse(name).ok_or(InvalidField { field: "format", expected: AudioFormat::NAMES })?;
        }
        let given = [
            ("text", Some(text)),
            ("text_type", Some(text_type.name().to_owned()).filter(|_| text_type != TextType::default())),
            ("voice_id", self.voice.clone()),
            ("speaker", self.speaker.clone()),
            ("speed", self.speed.map(|speed| speed.to_string())),
            ("response_format", self.format.clone()),
            ("sample_rate", self.sample_rate.map(|rate| rate.to_string())),
            ("stream", self.stream.then(|| "true".to_owned())),
        ];
        Ok(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }

    fn token_name(&self, config: &Config) -> anyhow::Result<&str> {
        const KEY: &str = "TTS_TOKENS_FILE";
        let Some(name) = &self.token else { return Ok("") };
        let tokens = config.tokens_file.as_deref().map(read_tokens).transpose();
        let tokens = tokens.map_err(|error| ConfigError::new(KEY, error.to_string()))?.unwrap_or_default();
        if tokens.iter().any(|token| token.name == *name) {
            return Ok(name);
        }
        Err(ConfigError::new(KEY, "has no token of that name").into())
    }
}
