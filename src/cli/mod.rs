//! Owns the command line: arguments, what the commands print, exit codes. Commands call the same service that the
//! routes call.

mod batch;
mod doctor;
mod exit;
mod healthcheck;
mod link;
mod markup;
mod normalize;
mod phonemize;
mod speak;
mod voices;

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::{Shell, generate};
use futures_util::FutureExt;
use piper_phonemize::{CHILD_COMMAND, ChildArgs, run_child};

use crate::app::Application;
use crate::config::{Config, ConfigError, Environment, ProcessEnvironment};
use crate::files;
use crate::telemetry;
use exit::Panicked;

const PROGRAM: &str = "tts-batch-api";

/// For voices that are being loaded when the process ends: ONNX Runtime does not bear its end in the middle of that.
const LAST_READS: Duration = Duration::from_secs(5);

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
    match &arguments.command {
        None | Some(Command::Serve) => serve(arguments)?,
        Some(Command::Speak(args)) => speak::run(args, arguments)?,
        Some(Command::Batch(args)) => batch::run(args, arguments)?,
        Some(Command::Warm(args)) => batch::warm(args, arguments)?,
        Some(Command::Link(args)) => link::run(args, arguments)?,
        Some(Command::Normalize(args)) => normalize::run(args, arguments)?,
        Some(Command::Phonemize(args)) => phonemize::run(args, arguments)?,
        Some(Command::Voices(args)) => voices::run(args, arguments)?,
        Some(Command::Doctor) => return Ok(doctor::run(arguments)),
        Some(Command::Healthcheck) => healthcheck::run(arguments)?,
        Some(Command::Completions { shell }) => print(|out| {
            generate(*shell, &mut Arguments::command(), PROGRAM, out);
            Ok(())
        })?,
        Some(Command::Man) => print(|out| clap_mangen::Man::new(Arguments::command()).render(out))?,
        Some(Command::PhonemizerChild(args)) => run_child(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    let config = arguments.load(&ProcessEnvironment)?;
    telemetry::init(&config.log)?;
    in_system(async {
        // Before the first caller a panic can quote nobody: its message may be told.
        let built = AssertUnwindSafe(Application::build(&config)).catch_unwind().await;
        built.map_err(|panic| Panicked::at_start(&*panic))??.run().await
    })
}

/// Puts out what `write` writes, all at once.
fn print(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> anyhow::Result<()> {
    let mut out = Vec::new();
    write(&mut out)?;
    Ok(std::io::stdout().write_all(&out)?)
}

/// Runs `work` where actors can live.
fn in_system<T>(work: impl Future<Output = T>) -> T {
    let system = actix::System::new();
    let result = system.block_on(async {
        let result = work.await;
        // Actors that were only just started begin before their system ends: they set timers when they do.
        tokio::task::yield_now().await;
        result
    });
    files::finish(LAST_READS);
    // Dropping it would wait for each of its blocking threads, and one that reads from a disk that hangs never ends.
    std::mem::forget(system);
    result
}

// === impl Arguments ===

impl Arguments {
    fn load(&self, environment: &dyn Environment) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref(), environment)
    }

    /// Settings for commands that work without callers: no token is asked for, only warnings are logged, and Redis is
    /// waited for.
    fn load_for_command(&self) -> Result<Config, ConfigError> {
        struct WithoutCallers;

        impl Environment for WithoutCallers {
            fn variables(&self) -> Vec<(String, String)> {
                let defaults = [
                    ("ALLOWED_USER_TOKEN", "unused"),
                    ("TTS_LOG_FORMAT", "pretty"),
                    ("TTS_LOG_LEVEL", "warn"),
                    ("TTS_REDIS_TIMEOUT_MS", "10000"),
                    ("TTS_REDIS_WRITE_TIMEOUT_MS", "10000"),
                    // A whole book.
                    ("TTS_MAX_ANSWER_BYTES", "1099511627776"),
                ];
                let defaults = defaults.map(|(name, value)| (name.to_owned(), value.to_owned()));
                defaults.into_iter().chain(ProcessEnvironment.variables()).collect()
            }
        }

        self.load(&WithoutCallers)
    }
}

/// The text of an argument; `-` reads standard input.
fn text_of(argument: &str) -> std::io::Result<String> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_end_waits_for_no_thread_that_hangs() {
        let (_gate, shut) = mpsc::channel::<()>();
        let (ended, end) = mpsc::channel();

        std::thread::spawn(move || {
            let hangs = async { drop(tokio::task::spawn_blocking(move || shut.recv())) };
            in_system(hangs);
            ended.send(()).unwrap();
        });

        assert!(end.recv_timeout(Duration::from_mins(1)).is_ok());
    }
}
