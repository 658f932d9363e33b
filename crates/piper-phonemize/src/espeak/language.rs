//! Owns the processes that speak one language each. Choosing a language takes espeak-ng ten times as long as a text: it
//! reads the head of every voice file, then the dictionary. So it is done once, in a fork of the initialised child, and
//! each text is answered by a fork of that. The fork for the next text is made when the last one has ended and waits,
//! so that a text does not wait for it.
//!
//! No process works on two texts: what espeak-ng keeps of one text never reaches another, and a crash costs one answer.

use std::ffi::CString;
use std::io::{self, PipeReader, PipeWriter, Read, Write, pipe};
use std::num::NonZeroUsize;

use lru::LruCache;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::ffi::{Espeak, ForkEnd, fork_to, in_fork};
use super::protocol::{Request, Response, read_frame};

/// An initialised espeak-ng, and the processes of the languages that were used last.
pub struct Languages {
    espeak: Espeak,
    cpu_seconds: u64,
    processes: LruCache<String, LanguageProcess>,
}

/// How a text ended. What comes after its clauses is up to whoever asked, so that nothing can follow an answer that
/// looked whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildOutcome {
    /// Its clauses are on standard output.
    Answered,
    /// Nothing is.
    UnknownLanguage,
    /// Nothing is, or its clauses.
    Crashed,
}

/// A process that has a language set, seen from the child. Ends when this is dropped.
struct LanguageProcess {
    id: Pid,
    /// `None` only while it is dropped.
    requests: Option<PipeWriter>,
    outcomes: PipeReader,
}

/// What a language's process and its forks say of a text, in this order: a fork has taken it, and then how it ended.
const TAKEN: u8 = 0;
const ANSWERED: u8 = 1;
const UNKNOWN_LANGUAGE: u8 = 2;
const CRASHED: u8 = 3;

/// Exit codes of a fork: all clauses are written; there were no more texts to wait for; anything else.
const DONE: i32 = 0;
const NO_MORE_TEXTS: i32 = 1;
const FAILED: i32 = 2;

/// What one text may use. Far above what any text within the service's limits needs.
const MAX_ADDRESS_SPACE_BYTES: u64 = 1 << 30;

// === impl Languages ===

impl Languages {
    /// Keeps at most `limit` languages ready, the last used ones. A text may take so many seconds of processor time.
    pub fn new(espeak: Espeak, limit: usize, cpu_seconds: u64) -> Self {
        let limit = NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN);
        Self { espeak, cpu_seconds, processes: LruCache::new(limit) }
    }

    /// Has the text's clauses written to standard output.
    ///
    /// # Errors
    /// If the language's process is lost. Whether clauses are on standard output is then not known.
    pub fn answer(&mut self, request: &Request<'_>) -> io::Result<ChildOutcome> {
        if !self.processes.contains(request.language) {
            let process = self.start(request.language)?;
            self.processes.push(request.language.to_owned(), process);
        }
        let process = self.processes.get_mut(request.language).ok_or(io::ErrorKind::NotFound)?;
        process.answer(request)
    }

    fn start(&mut self, language: &str) -> io::Result<LanguageProcess> {
        let name = CString::new(language)?;
        let (their_requests, requests) = pipe()?;
        let (outcomes, their_outcomes) = pipe()?;
        let (processes, espeak, cpu_seconds) = (&mut self.processes, &self.espeak, self.cpu_seconds);
        let mut ours = Some((requests, outcomes));
        let id = fork_to(|| {
            // Pipes that are left open here would keep other processes from seeing that the child has closed them.
            drop(ours.take());
            processes.clear();
            let language_is_known = espeak.set_voice(&name);
            serve(language_is_known.then_some(espeak), cpu_seconds, their_requests, their_outcomes);
        })?;
        let (requests, outcomes) = ours.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(LanguageProcess { id, requests: Some(requests), outcomes })
    }
}

// === impl LanguageProcess ===

impl LanguageProcess {
    fn answer(&mut self, request: &Request<'_>) -> io::Result<ChildOutcome> {
        let requests = self.requests.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        requests.write_all(&request.encode())?;
        let mut taken = false;
        loop {
            let mut said = [0];
            self.outcomes.read_exact(&mut said)?;
            match said {
                [TAKEN] => taken = true,
                [ANSWERED] => return Ok(ChildOutcome::Answered),
                [UNKNOWN_LANGUAGE] => return Ok(ChildOutcome::UnknownLanguage),
                [CRASHED] if taken => return Ok(ChildOutcome::Crashed),
                // A fork was ended, by whomever, while it waited. The next one takes the text.
                [CRASHED] => {}
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }
}

impl Drop for LanguageProcess {
    fn drop(&mut self) {
        // Its waiting fork reads the end of the pipe and ends, and then so does it.
        drop(self.requests.take());
        let _ = waitpid(self.id, None);
    }
}

// === in the process of a language ===

/// Answers texts, each in a fork, until there are no more. Without an espeak-ng, the language is one that it does not
/// have.
fn serve(espeak: Option<&Espeak>, cpu_seconds: u64, mut requests: PipeReader, mut outcomes: PipeWriter) {
    loop {
        let answered = in_fork(|| {
            confine(cpu_seconds);
            answer_next(espeak, &mut requests, &mut outcomes)
        });
        let outcome = match answered {
            Ok(ForkEnd::Exited(DONE)) if espeak.is_none() => UNKNOWN_LANGUAGE,
            Ok(ForkEnd::Exited(DONE)) => ANSWERED,
            // Without the child, or without room for a fork, this process is of no use.
            Ok(ForkEnd::Exited(NO_MORE_TEXTS)) | Err(_) => return,
            Ok(ForkEnd::Exited(_) | ForkEnd::Killed) => CRASHED,
        };
        if outcomes.write_all(&[outcome]).is_err() {
            return;
        }
    }
}

/// Runs in a fork, which it ends with the code that it returns.
fn answer_next(espeak: Option<&Espeak>, requests: &mut PipeReader, outcomes: &mut PipeWriter) -> i32 {
    let answered = match read_frame(requests) {
        Ok(Some((tag, payload))) => outcomes.write_all(&[TAKEN]).and_then(|()| answer(espeak, tag, &payload)),
        Ok(None) => return NO_MORE_TEXTS,
        Err(error) => Err(error),
    };
    if answered.is_ok() { DONE } else { FAILED }
}

/// Writes all clauses at once and only when they are done, so that a crash of espeak-ng leaves nothing of them.
fn answer(espeak: Option<&Espeak>, tag: u8, payload: &[u8]) -> io::Result<()> {
    let Some(espeak) = espeak else { return Ok(()) };
    let request = Request::decode(tag, payload).map_err(io::Error::other)?;
    let text = CString::new(request.text)?;
    let mut frames = Vec::new();
    espeak.clauses(&text, |clause| frames.extend(Response::Clause(clause).encode()));
    let mut output = io::stdout().lock();
    output.write_all(&frames)?;
    output.flush()
}

/// Bounds what hostile text can make the C code use. A limit that the system refuses to set is no reason to refuse the
/// text.
fn confine(cpu_seconds: u64) {
    let limits = [
        (Resource::RLIMIT_CPU, cpu_seconds),
        (Resource::RLIMIT_AS, MAX_ADDRESS_SPACE_BYTES),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_CORE, 0),
    ];
    for (resource, limit) in limits {
        let _ = setrlimit(resource, limit, limit);
    }
}
