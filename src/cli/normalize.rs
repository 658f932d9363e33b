//! Owns `normalize`: how a text is read before it is spoken.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::json;

use super::console::{print, text_of};
use super::settings_source::SettingsSource;
use super::voices::installed_config;
use crate::app::text_reader;
use crate::telemetry;
use crate::text::{Pronunciation, ReadToken, TextType, read_script, tokens};

#[derive(Debug, clap::Args)]
pub struct NormalizeArgs {
    /// Text to read; `-` reads standard input.
    text: String,
    /// Voice whose language it is read in.
    #[arg(long, value_name = "ID")]
    voice: Option<String>,
    /// Language to read in instead of a voice's, such as `en-us`.
    #[arg(long, value_name = "LANGUAGE", conflicts_with = "voice")]
    language: Option<String>,
    /// `plain`, `ssml` or `markdown`.
    #[arg(long, default_value = "plain", value_name = "TYPE", value_parser = text_type)]
    text_type: TextType,
    /// A lexicon in TTS_LEXICONS_DIR, by name; may be there several times.
    #[arg(long, value_name = "NAME")]
    lexicon: Vec<String>,
    /// One JSON object: {"said", "tokens": [{"written", "said", "class", "start_char", "end_char"}]}. Otherwise a line
    /// for each token, with tabs between.
    #[arg(long)]
    json: bool,
}

fn text_type(name: &str) -> Result<TextType, String> {
    TextType::parse(name).ok_or_else(|| format!("must be {}", TextType::NAMES))
}

pub fn run(args: &NormalizeArgs, source: SettingsSource<'_>) -> anyhow::Result<()> {
    let config = source.load_for_command()?;
    telemetry::init(&config.log)?;
    let language = match &args.language {
        Some(language) => language.clone(),
        None => installed_config(&config, args.voice.as_ref())?.espeak_voice,
    };
    let pronunciation = Pronunciation { lexicons: &args.lexicon, ..Pronunciation::default() };
    let script = text_reader(&config, usize::MAX)?.read(&text_of(&args.text)?, args.text_type, pronunciation)?;
    let read = read_script(&script, |_| Some(&language))?;
    print(|out| {
        if args.json {
            writeln!(out, "{}", as_json(&read.said(), &tokens(&read)))
        } else {
            write!(out, "{}", lines(&tokens(&read)))
        }
    })
}

fn as_json(said: &str, tokens: &[ReadToken]) -> serde_json::Value {
    let token = |ReadToken { written, said, class, start_char, end_char }: &ReadToken| json!({"written": written, "said": said, "class": class, "start_char": start_char, "end_char": end_char});
    json!({"said": said, "tokens": tokens.iter().map(token).collect::<Vec<_>>()})
}

fn lines(tokens: &[ReadToken]) -> String {
    let mut lines = String::new();
    for ReadToken { written, said, class, start_char, end_char } in tokens {
        let one_line = |text: &str| text.replace(['\n', '\r', '\t'], " ");
        // Writing to a string does not fail.
        let _ = writeln!(lines, "{}\t{}\t{class}\t{start_char}\t{end_char}", one_line(written), one_line(said));
    }
    lines
}
