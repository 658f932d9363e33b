//! Owns exit codes, those of `sysexits.h`, and the one line on standard error that goes with them.

use std::any::Any;
use std::process::ExitCode;

use piper_acoustic::{RuntimeError, RuntimeMissing};
use piper_phonemize::{EspeakError, PhonemizeError};

use super::batch::{BatchFailed, NotKept, ServerError, UnusableFile};
use super::healthcheck::NotAlive;
use super::speak::NowhereToGo;
use super::voices::VoiceMissing;
use crate::config::ConfigError;
use crate::domain::{InvalidField, InvalidVoiceId, TextError};
use crate::links::LinkError;
use crate::speech::SpeechError;
use crate::telemetry::TelemetryError;
use crate::text::TextReadError;
use crate::voices::{CatalogueError, VoiceFilesError};

/// The command was used wrongly, or a setting is wrong.
const USAGE: u8 = 64;
/// The input text or file is wrong.
const DATA: u8 = 65;
/// Something that the command needs is not there.
const UNAVAILABLE: u8 = 69;
const SOFTWARE: u8 = 70;
const IO: u8 = 74;

/// The program has a fault.
#[derive(Debug, thiserror::Error)]
#[error("ended by a panic{0}; please report it")]
pub struct Panicked(String);

/// Prints help or what is wrong with the arguments.
pub fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}

/// Prints the error and its causes in one line.
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("tts-batch-api: {}", format!("{error:#}").replace('\n', " "));
    ExitCode::from(code(error))
}

pub fn unavailable() -> ExitCode {
    ExitCode::from(UNAVAILABLE)
}

fn code(error: &anyhow::Error) -> u8 {
    if error.is::<ConfigError>()
        || error.is::<NowhereToGo>()
        || matches!(error.downcast_ref(), Some(TelemetryError::Traces(_)))
    {
        return USAGE;
    }
    if error.is::<BatchFailed>() || error.is::<UnusableFile>() {
        return DATA;
    }
    if error.is::<ServerError>() || error.is::<NotKept>() {
        return UNAVAILABLE;
    }
    if error.is::<LinkError>()
        || error.is::<TextError>()
        || error.is::<TextReadError>()
        || error.is::<InvalidField>()
        || error.is::<InvalidVoiceId>()
    {
        return DATA;
    }
    if error.is::<RuntimeMissing>() || error.is::<RuntimeError>() || error.is::<EspeakError>() {
        return UNAVAILABLE;
    }
    if error.is::<VoiceMissing>() || error.is::<CatalogueError>() || error.is::<NotAlive>() {
        return UNAVAILABLE;
    }
    if matches!(error.downcast_ref(), Some(PhonemizeError::Silent { .. } | PhonemizeError::TooDense)) {
        return DATA;
    }
    match error.downcast_ref::<VoiceFilesError>() {
        Some(VoiceFilesError::VerificationFailed { .. }) => return DATA,
        Some(VoiceFilesError::DiskFull(_) | VoiceFilesError::Io { .. }) => return IO,
        Some(_) => return UNAVAILABLE,
        None => {}
    }
    match error.downcast_ref::<SpeechError>() {
        Some(
            SpeechError::UnknownVoice(_)
            | SpeechError::NoFiles(_)
            | SpeechError::VoiceLoading(_)
            | SpeechError::VoiceFailed { .. }
            | SpeechError::VoiceUnusable { .. }
            | SpeechError::NoRoom(_)
            | SpeechError::NoPhonemizer
            | SpeechError::UnknownLanguage,
        ) => UNAVAILABLE,
        Some(
            SpeechError::Unspeakable
            | SpeechError::Silent { .. }
            | SpeechError::UnknownSpeaker { .. }
            | SpeechError::InvalidBlend
            | SpeechError::NoBlend(_)
            | SpeechError::NoTimestamps(_)
            | SpeechError::TooMuchSilence
            | SpeechError::TooLarge,
        ) => DATA,
        None if error.is::<std::io::Error>() => IO,
        _ => SOFTWARE,
    }
}

// === impl Panicked ===

impl Panicked {
    /// With the panic's message.
    pub fn at_start(panic: &(dyn Any + Send)) -> Self {
        let message = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
        Self(format!(" at the start: {}", message.unwrap_or("no message")))
    }

    /// Without it, as it may quote a text. The log says where it was.
    pub fn at_work() -> Self {
        Self(String::new())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn a_panic_at_the_start_says_why() {
        for panic in [catch_unwind(|| panic!("no provider")), catch_unwind(|| panic!("no {}", "provider"))] {
            let error = Panicked::at_start(&*panic.unwrap_err()).to_string();

            assert_eq!(error, "ended by a panic at the start: no provider; please report it");
        }
    }
}
