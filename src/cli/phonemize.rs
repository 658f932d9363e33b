//! Owns `phonemize`: what the engine makes of a text before the network.

use std::io::Write;

use piper_acoustic::{OnnxRuntime, RuntimeFiles, VoiceConfig};
use piper_phonemize::{EspeakPool, PhonemeIds, Phonemizer, phoneme_ids};
use serde_json::json;

use super::console::text_of;
use super::markup::MarkupArgs;
use super::settings_source::SettingsSource;
use super::system::in_system;
use super::voices::installed_config;
use crate::app::{espeak_settings, runtime_settings, text_reader};
use crate::telemetry;
use crate::text::{Normalize, Pronunciation, TextReader, read_script};

#[derive(Debug, clap::Args)]
pub struct PhonemizeArgs {
    /// Text to phonemize; `-` reads standard input, each line a text.
    text: String,
    #[arg(long, value_name = "ID")]
    voice: Option<String>,
    /// Phonemize for this espeak-ng voice instead of the voice's own.
    #[arg(long, value_name = "LANGUAGE")]
    espeak: Option<String>,
    #[command(flatten)]
    markup: MarkupArgs,
    /// Phonemize what piper would: numbers, dates, markup and the like are not put into words.
    #[arg(long)]
    no_normalize: bool,
    /// One JSON object a text: {"text", "said", "sentences": [{"phonemes", "ids", "missing"}]}. Otherwise a line for
    /// each sentence, and before them one of what is said, where that is not what is written.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &PhonemizeArgs, source: SettingsSource<'_>) -> anyhow::Result<()> {
    let config = source.load_for_command()?;
    telemetry::init(&config.log)?;
    let files = RuntimeFiles::find(&runtime_settings(&config))?;
    let mut voice = installed_config(&config, args.voice.as_ref())?;
    if let Some(language) = &args.espeak {
        voice.espeak_voice.clone_from(language);
    }

    let input = text_of(&args.text)?;
    let texts: Vec<&str> = if args.text == "-" { input.lines().collect() } else { vec![&input] };
    let reader = text_reader(&config, usize::MAX)?;
    let runtime = OnnxRuntime::new(&files.onnxruntime);
    in_system(async {
        let espeak = EspeakPool::start(espeak_settings(&config, &files)).await?;
        let phonemizer = Phonemizer::new(espeak, runtime, files.languages);
        for text in texts {
            print(text, &reader, &phonemizer, &voice, args).await?;
        }
        Ok(())
    })
}

async fn print(
    text: &str,
    reader: &TextReader,
    phonemizer: &Phonemizer,
    voice: &VoiceConfig,
    args: &PhonemizeArgs,
) -> anyhow::Result<()> {
    let normalize = args.no_normalize.then_some(Normalize::All(false));
    let script =
        match reader.read(text, args.markup.text_type(), Pronunciation { normalize, ..Pronunciation::default() }) {
            Ok(script) => Some(read_script(&script, |_| voice.language())?),
            Err(_) if text.trim().is_empty() => None,
            Err(error) => return Err(error.into()),
        };
    let said = script.map_or_else(String::new, |script| script.said());
    let sentences = phonemizer.sentences(&said, voice).await?;
    let mut out = std::io::stdout().lock();
    if args.json {
        let sentences: Vec<_> = sentences
            .iter()
            .map(|sentence| {
                let PhonemeIds { ids, missing } = phoneme_ids(sentence, voice);
                json!({"phonemes": sentence, "ids": ids, "missing": missing})
            })
            .collect();
        writeln!(out, "{}", json!({"text": text, "said": said, "sentences": sentences}))?;
        return Ok(());
    }
    if said != text {
        writeln!(out, "{}", said.trim_end())?;
    }
    for sentence in sentences {
        writeln!(out, "{}", sentence.concat())?;
    }
    Ok(())
}
