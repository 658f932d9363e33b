//! Owns the life of a phonemizer child: initialise espeak-ng once, then pass each text to the process of its language.
//! Ends when its standard input does, that is with the service. Refuses to work on a text in the process itself.

use std::io;
use std::path::PathBuf;

use nix::sys::signal::Signal;

use super::ffi::{Espeak, ignore};
use super::language::{ChildOutcome, Languages};
use super::protocol::{Request, Response, read_frame};

/// The first argument of a program that is started as a child; what [`ChildArgs`] describes follows.
pub const CHILD_COMMAND: &str = "phonemizer-child";

/// Where espeak-ng is, and how much of it is kept ready.
#[derive(Debug, Clone, clap::Args)]
pub struct ChildArgs {
    /// Shared library that exports `espeak_TextToPhonemesWithTerminator`.
    #[arg(long)]
    pub library: PathBuf,
    /// Folder `espeak-ng-data`.
    #[arg(long)]
    pub data: PathBuf,
    /// Languages that are kept ready.
    #[arg(long)]
    pub languages: usize,
    /// Processor time that one text may take.
    #[arg(long)]
    pub cpu_seconds: u64,
}

/// Serves texts from standard input until it ends.
pub fn run_child(args: &ChildArgs) -> io::Result<()> {
    ignore(&[Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    let mut output = io::stdout();
    let espeak = match Espeak::load(&args.library, &args.data) {
        Ok(espeak) => espeak,
        Err(reason) => return Response::Unavailable(reason).send(&mut output),
    };
    Response::Ready.send(&mut output)?;

    let mut input = io::stdin().lock();
    let mut languages = Languages::new(espeak, args.languages, args.cpu_seconds);
    while let Some((tag, payload)) = read_frame(&mut input)? {
        let request = Request::decode(tag, &payload).map_err(io::Error::other)?;
        match languages.answer(&request)? {
            ChildOutcome::Answered => Response::Done.send(&mut output)?,
            ChildOutcome::UnknownLanguage => Response::UnknownLanguage.send(&mut output)?,
            ChildOutcome::Crashed => Response::Crashed.send(&mut output)?,
        }
    }
    Ok(())
}
