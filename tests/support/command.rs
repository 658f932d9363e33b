//! Owns the program as a command: a clean environment, what it printed, how it ended.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::wait::until_within;

/// A run of the program to be.
pub struct Program {
    command: Command,
    input: Vec<u8>,
    limit: Duration,
}

/// A run of the program that is over.
#[derive(Debug)]
pub struct Finished {
    /// `None`: ended by a signal.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

// === impl Program ===

impl Program {
    /// With these arguments, in the project's folder, without any variable of whoever runs the tests, and without the
    /// network.
    pub fn new(arguments: &[&str]) -> Self {
        Self::under(&[], arguments)
    }

    /// As [`Program::new`], run by another program that takes this one as its last arguments.
    pub fn under(wrapper: &[&str], arguments: &[&str]) -> Self {
        let line = [wrapper, &[env!("CARGO_BIN_EXE_tts-batch-api")], arguments].concat();
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).env_clear().current_dir(env!("CARGO_MANIFEST_DIR")).env("TTS_OFFLINE", "true");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, input: Vec::new(), limit: super::wait::LIMIT }
    }

    pub fn variable(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// What it reads from standard input; without this, nothing.
    pub fn input(mut self, input: impl AsRef<[u8]>) -> Self {
        input.as_ref().clone_into(&mut self.input);
        self
    }

    /// Longer than this, and the run counts as hung.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub fn spawn(mut self) -> Child {
        let program = self.command.get_program().to_owned();
        self.command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()))
    }

    /// Runs it to its end.
    pub fn finish(self) -> Finished {
        let (input, limit) = (self.input.clone(), self.limit);
        let mut child = self.spawn();
        let stdout = read_on(child.stdout.take().expect("piped"));
        let stderr = read_on(child.stderr.take().expect("piped"));
        // A program that ends without reading its input is no fault of the test.
        let _ = child.stdin.take().expect("piped").write_all(&input);

        let status = exit_within(&mut child, limit);
        let stderr = String::from_utf8(stderr.join().unwrap()).expect("errors are UTF-8");
        Finished {
            code: status.unwrap_or_else(|| panic!("still running; it said: {stderr}")).code(),
            stdout: stdout.join().unwrap(),
            stderr,
        }
    }
}

/// How the process ended; killed, and `None`, if it did not within the limit.
pub fn exit_within(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let status = until_within(limit, || child.try_wait().expect("a child can be waited for"));
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    status
}

fn read_on(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        pipe.read_to_end(&mut all).expect("a pipe can be read");
        all
    })
}

// === impl Finished ===

impl Finished {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("the output is UTF-8")
    }

    pub fn error_lines(&self) -> Vec<&str> {
        self.stderr.lines().collect()
    }
}
