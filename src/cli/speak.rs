//! Owns `speak`: a text into an audio file, by the same service as the routes.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::exit::VoiceMissing;
use super::{Arguments, in_system, text_of};
use crate::app::Speaker;
use crate::audio::AudioFormat;
use crate::domain::{Deadline, InputText, InvalidField, Prosody, Speaker as SpeakerName, SynthesisRequest, VoiceId};
use crate::speech::{AudioSpec, Caching};
use crate::telemetry::init_logs;

#[derive(Debug, clap::Args)]
pub struct SpeakArgs {
    /// Text to speak; `-` reads standard input.
    text: String,
    /// File to write; its ending chooses the format. Standard output without it, as WAV.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[arg(long, value_name = "ID")]
    voice: Option<String>,
    /// Name or number of a speaker of the voice.
    #[arg(long)]
    speaker: Option<String>,
    /// 0.25 to 4.
    #[arg(long, default_value_t = 1.0)]
    speed: f32,
    /// 0 to 4.
    #[arg(long, default_value_t = 1.0)]
    volume: f32,
    /// Noise in the timbre, 0 to 2; the voice's own by default.
    #[arg(long)]
    noise_scale: Option<f32>,
    /// Noise in durations, 0 to 2; the voice's own by default.
    #[arg(long)]
    noise_w: Option<f32>,
    /// Silence between sentences.
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    sentence_silence: u32,
    /// In hertz, 8000 to 48000; the voice's own by default.
    #[arg(long, value_parser = clap::value_parser!(u32).range(8_000..=48_000))]
    sample_rate: Option<u32>,
}

/// The file to write, opened before anything is spoken. Removed again if nothing is.
struct OutputFile<'a> {
    path: &'a Path,
    file: File,
    is_new: bool,
    is_finished: bool,
}

/// A book may be spoken from the command line; the limits of callers are not for it.
const TIME_LIMIT: Duration = Duration::from_hours(24);

pub fn run(args: &SpeakArgs, arguments: &Arguments) -> anyhow::Result<()> {
    let config = arguments.load_for_command()?;
    init_logs(&config.log)?;
    let text = InputText::parse(&text_of(&args.text)?, usize::MAX)?;
    let spec = AudioSpec { format: args.format()?, sample_rate: args.sample_rate };
    let prosody = args.prosody()?;
    let output = args.output.as_deref().map(OutputFile::create).transpose()?;
    let no_voice = || VoiceMissing::Any(config.voices.models_dir.display().to_string());
    let audio = in_system(async {
        let speaker = Speaker::start(&config).await?;
        let voice = match &args.voice {
            Some(name) => VoiceId::parse(name)?,
            None => speaker.default_voice.ok_or_else(no_voice)?,
        };
        let request = SynthesisRequest {
            voice,
            speaker: args.speaker.clone().map(SpeakerName::Name),
            text,
            prosody,
            deadline: Deadline::after(TIME_LIMIT),
        };
        let asked = speaker.speech.identify(request, spec).await?;
        let speech = speaker.speech.speak(asked, Caching::Forbidden).await?;
        anyhow::Ok(speech.answer.audio)
    })?;
    match output {
        Some(file) => file.finish(&audio)?,
        None => std::io::stdout().write_all(&audio)?,
    }
    Ok(())
}

// === impl OutputFile ===

impl<'a> OutputFile<'a> {
    /// What is in the file stays until the speech is there.
    fn create(path: &'a Path) -> io::Result<Self> {
        let is_new = !path.exists();
        let file = File::options().write(true).create(true).truncate(false).open(path)?;
        Ok(Self { path, file, is_new, is_finished: false })
    }

    fn finish(mut self, audio: &[u8]) -> io::Result<()> {
        // Only a file has a length; a device or a pipe may be named as well.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(audio)?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for OutputFile<'_> {
    fn drop(&mut self) {
        if self.is_new && !self.is_finished {
            // An empty file is no speech. One that cannot be removed says so by its length.
            let _ = std::fs::remove_file(self.path);
        }
    }
}

// === impl SpeakArgs ===

impl SpeakArgs {
    fn format(&self) -> Result<AudioFormat, InvalidField> {
        let Some(path) = &self.output else { return Ok(AudioFormat::Wav) };
        path.extension()
            .and_then(|ending| AudioFormat::parse(ending.to_str()?))
            .ok_or(InvalidField { field: "--output", expected: AudioFormat::NAMES })
    }

    fn prosody(&self) -> Result<Prosody, InvalidField> {
        let mut prosody = Prosody::default()
            .with_speed(self.speed)?
            .with_volume(self.volume)?
            .with_sentence_silence_ms(self.sentence_silence)?;
        if let Some(noise_scale) = self.noise_scale {
            prosody = prosody.with_noise_scale(noise_scale)?;
        }
        if let Some(noise_w) = self.noise_w {
            prosody = prosody.with_noise_w(noise_w)?;
        }
        Ok(prosody)
    }
}
