//! Owns `phonemize`: what the engine makes of a text before the network.

use std::io::Write;

use piper_acoustic::{OnnxRuntime, RuntimeFiles, VoiceConfig};
use piper_phonemize::{EspeakPool, PhonemeIds, Phonemizer, phoneme_ids};
use serde_json::json;

use super::exit::VoiceMissing;
use super::{Arguments, in_system, text_of};
use crate::app::{espeak_settings, runtime_settings, voice_settings};
use crate::domain::{InputText, VoiceId};
use crate::telemetry;
use crate::voices::{Catalogue, VoiceSettings};

#[derive(Debug, clap::Args)]
pub struct PhonemizeArgs {
    /// Text to phonemize; `-` reads standard input, each line a text.
    text: String,
    #[arg(long, value_name = "ID")]
    voice: Option<String>,
    /// Phonemize for this espeak-ng voice instead of the voice's own.
    #[arg(long, value_name = "LANGUAGE")]
    espeak: Option<String>,
    /// One JSON object a text: {"text", "sentences": [{"phonemes", "ids", "missing"}]}.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &PhonemizeArgs, arguments: &Arguments) -> anyhow::Result<()> {
    let config = arguments.load_for_command()?;
    telemetry::init(&config.log)?;
    let files = RuntimeFiles::find(&runtime_settings(&config))?;
    let catalogue = Catalogue::open(&VoiceSettings { allowed: vec!["*".to_owned()], ..voice_settings(&config)? })?;
    let name = args.voice.as_ref().or(config.voices.default.as_ref()).or(config.voices.allowed.first());
    let voice = name.and_then(|name| catalogue.installed(&VoiceId::parse(name).ok()?));
    let voice = voice.ok_or_else(|| VoiceMissing::Named(config.voices.models_dir.display().to_string()))?;
    let mut voice = VoiceConfig::parse(&std::fs::read(&voice.config)?)?;
    if let Some(language) = &args.espeak {
        voice.espeak_voice.clone_from(language);
    }

    let input = text_of(&args.text)?;
    let texts: Vec<&str> = if args.text == "-" { input.lines().collect() } else { vec![&input] };
    let runtime = OnnxRuntime::new(&files.onnxruntime);
    in_system(async {
        let espeak = EspeakPool::start(espeak_settings(&config, &files)).await?;
        let phonemizer = Phonemizer::new(espeak, runtime, files.tashkeel);
        for text in texts {
            print(text, &phonemizer, &voice, args.json).await?;
        }
        Ok(())
    })
}

async fn print(text: &str, phonemizer: &Phonemizer, voice: &VoiceConfig, as_json: bool) -> anyhow::Result<()> {
    let sentences = match InputText::parse(text, usize::MAX) {
        Ok(text) => phonemizer.sentences(text.as_str(), voice).await?,
        Err(_) if text.trim().is_empty() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut out = std::io::stdout().lock();
    if as_json {
        let sentences: Vec<_> = sentences
            .iter()
            .map(|sentence| {
                let PhonemeIds { ids, missing } = phoneme_ids(sentence, voice);
                json!({"phonemes": sentence, "ids": ids, "missing": missing})
            })
            .collect();
        writeln!(out, "{}", json!({"text": text, "sentences": sentences}))?;
        return Ok(());
    }
    for sentence in sentences {
        writeln!(out, "{}", sentence.concat())?;
    }
    Ok(())
}
