//! Owns the command line: arguments, what the commands print, exit codes. Commands call the same service that the
//! routes call.

mod batch;
mod console;
mod doctor;
mod exit;
mod healthcheck;
mod link;
mod markup;
mod normalize;
mod phonemize;
mod settings_source;
mod speak;
mod system;
mod voices;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::{Shell, generate};
use futures_util::FutureExt;
use piper_phonemize::{CHILD_COMMAND, ChildArgs, run_child};

use crate::app::Application;
use crate::config::ProcessEnvironment;
use crate::telemetry;
use console::print;
use exit::Panicked;
use settings_source::SettingsSource;
use system::in_system;

const PROGRAM: &str = "tts-batch-api";

/// Text-to-speech service for Piper voices.
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version)]
pub struct Arguments {
    /// File with settings (TOML); the environment overrides it.
    #[arg(long, global = true, env = "TTS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve over HTTP (the default).
    Serve,
    /// Speak a text into a file.
    Speak(speak::SpeakArgs),
    /// Speak many texts into a folder, here or by a server; goes on where it was.
    Batch(batch::BatchArgs),
    /// Speak many texts so that they are in the cache.
    Warm(batch::WarmArgs),
    /// Print an address that speaks a text, signed with TTS_LINK_SECRETS.
    Link(link::LinkArgs),
    /// Print how a text is read before it is spoken, token by token.
    Normalize(normalize::NormalizeArgs),
    /// Print the phonemes and phoneme ids of a text.
    Phonemize(phonemize::PhonemizeArgs),
    /// List, fetch, verify and remove voices.
    Voices(voices::VoicesArgs),
    /// Check that the service could run here, and say what to do where it could not.
    Doctor,
    /// Ask the service that runs with these settings whether it lives; for containers.
    Healthcheck,
    /// Print a script that completes this program's arguments in a shell.
    Completions { shell: Shell },
    /// Print this program's manual page.
    Man,
    /// Turn texts from standard input into phonemes; started by the service.
    #[command(name = CHILD_COMMAND, hide = true)]
    PhonemizerChild(ChildArgs),
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    // What is said of a panic is written too before the end.
    let outcome = catch_unwind(AssertUnwindSafe(|| execute(&arguments)));
    telemetry::finish();
    outcome.unwrap_or_else(|_| Err(Panicked::at_work().into())).unwrap_or_else(|error| exit::report(&error))
}

fn execute(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let source = SettingsSource { file: arguments.config.as_deref() };
    match &arguments.command {
        None | Some(Command::Serve) => serve(source)?,
        Some(Command::Speak(args)) => speak::run(args, source)?,
        Some(Command::Batch(args)) => batch::run(args, source)?,
        Some(Command::Warm(args)) => batch::warm(args, source)?,
        Some(Command::Link(args)) => link::run(args, source)?,
        Some(Command::Normalize(args)) => normalize::run(args, source)?,
        Some(Command::Phonemize(args)) => phonemize::run(args, source)?,
        Some(Command::Voices(args)) => voices::run(args, source)?,
        Some(Command::Doctor) => return Ok(doctor::run(source)),
        Some(Command::Healthcheck) => healthcheck::run(source)?,
        Some(Command::Completions { shell }) => print(|out| {
            generate(*shell, &mut Arguments::command(), PROGRAM, out);
            Ok(())
        })?,
        Some(Command::Man) => print(|out| clap_mangen::Man::new(Arguments::command()).render(out))?,
        Some(Command::PhonemizerChild(args)) => run_child(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn serve(source: SettingsSource<'_>) -> anyhow::Result<()> {
    let config = source.load(&ProcessEnvironment)?;
    telemetry::init(&config.log)?;
    in_system(async {
        // Before the first caller a panic can quote nobody: its message may be told.
        let built = AssertUnwindSafe(Application::build(&config)).catch_unwind().await;
        built.map_err(|panic| Panicked::at_start(&*panic))??.run().await
    })
}
