//! Owns the life of a phonemizer child: initialise espeak-ng once, then answer each text in a fork of that pristine state. Ends when its
//! standard input does, that is with the service. Refuses to work on a text in the process itself.

use std::ffi::CString;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;

use super::ffi::{Espeak, ForkEnd, ignore, in_fork};
use super::protocol::{HEADER_BYTES, Request, Response, decode_header};

/// Where espeak-ng is.
#[derive(Debug, Clone, clap::Args)]
pub struct ChildArgs {
    /// Shared library that exports `espeak_TextToPhonemesWithTerminator`.
    #[arg(long)]
    pub library: PathBuf,
    /// Folder `espeak-ng-data`.
    #[arg(long)]
    pub data: PathBuf,
}

/// What one text may use. Far above what any text within the service's limits needs.
const MAX_CPU_SECONDS: u64 = 10;
const MAX_ADDRESS_SPACE_BYTES: u64 = 1 << 30;

/// Serves texts from standard input until it ends.
pub fn run_child(args: &ChildArgs) -> io::Result<()> {
    ignore(&[Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    let mut input = io::stdin().lock();
    let espeak = match Espeak::load(&args.library, &args.data) {
        Ok(espeak) => espeak,
        Err(reason) => return send(&Response::Unavailable(reason)),
    };
    send(&Response::Ready)?;

    let mut payload = Vec::new();
    while let Some(tag) = read_frame(&mut input, &mut payload)? {
        let request = Request::decode(tag, &payload).map_err(io::Error::other)?;
        match in_fork(|| answer(&espeak, &request))? {
            ForkEnd::Finished => {}
            ForkEnd::Died => send(&Response::Crashed)?,
        }
    }
    Ok(())
}

/// Runs in a fork. Each frame is written whole and only after the call into C that made it, so that a crash leaves no torn frame.
fn answer(espeak: &Espeak, request: &Request<'_>) {
    confine();
    let (Ok(language), Ok(text)) = (CString::new(request.language), CString::new(request.text)) else {
        std::process::abort();
    };
    let outcome = if espeak.set_voice(&language) {
        let mut sent = Ok(());
        espeak.clauses(&text, |clause| {
            if sent.is_ok() {
                sent = send(&Response::Clause(clause));
            }
        });
        sent.and_then(|()| send(&Response::Done))
    } else {
        send(&Response::UnknownLanguage)
    };
    if outcome.is_err() {
        std::process::abort();
    }
}

/// Bounds what hostile text can make the C code use. A limit that the system refuses to set is no reason to refuse the text.
fn confine() {
    let limits = [
        (Resource::RLIMIT_CPU, MAX_CPU_SECONDS),
        (Resource::RLIMIT_AS, MAX_ADDRESS_SPACE_BYTES),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_CORE, 0),
    ];
    for (resource, limit) in limits {
        let _ = setrlimit(resource, limit, limit);
    }
}

fn read_frame(input: &mut impl Read, payload: &mut Vec<u8>) -> io::Result<Option<u8>> {
    let mut header = [0; HEADER_BYTES];
    match input.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let (tag, length) = decode_header(header).map_err(io::Error::other)?;
    payload.resize(length, 0);
    input.read_exact(payload)?;
    Ok(Some(tag))
}

fn send(response: &Response) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(&response.encode())?;
    output.flush()
}
