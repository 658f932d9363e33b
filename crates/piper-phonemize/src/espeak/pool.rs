//! Owns the phonemizer children as the service sees them: a bounded queue of texts, a task for each child, a new child
//! in place of one that died or hung. A text that fails is tried once more, because what ended it may have been none of
//! its doing: a kill, a pause, memory that was short for a moment. A text that was given up by its caller is not worked
//! on.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::sleep;

use super::child::CHILD_COMMAND;
use super::protocol::{HEADER_BYTES, Request, Response, decode_header};
use super::{Clause, EspeakError};

/// How the children are run.
#[derive(Debug, Clone)]
pub struct EspeakSettings {
    /// The program that takes the child's arguments: this binary.
    pub program: PathBuf,
    pub library: PathBuf,
    pub data: PathBuf,
    pub processes: usize,
    /// Languages that each process keeps ready.
    pub languages: usize,
    /// Texts that may wait for a child.
    pub queue_limit: usize,
    /// How long a child may work on one text before it is replaced, while this process runs. A quarter of it, in whole
    /// seconds, is the processor time that a text may take.
    pub timeout: Duration,
}

/// A handle to the children. They end when the last handle is dropped.
#[derive(Debug, Clone)]
pub struct EspeakPool {
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    language: String,
    text: String,
    reply: oneshot::Sender<Result<Vec<Clause>, EspeakError>>,
}

type Jobs = Arc<Mutex<mpsc::Receiver<Job>>>;

struct EspeakWorker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

const START_TIMEOUT: Duration = Duration::from_secs(20);
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// Far above what any text within the service's limits needs.
const MAX_CPU_SECONDS: u64 = 5;

// === impl EspeakSettings ===

impl EspeakSettings {
    /// So much less than the timeout that a text which never ends is found to be one, also on a machine that has little
    /// time for it.
    fn cpu_seconds(&self) -> u64 {
        (self.timeout.as_secs() / 4).clamp(1, MAX_CPU_SECONDS)
    }
}

// === impl EspeakPool ===

impl EspeakPool {
    /// Starts the children on the current tokio runtime, which must outlive the handle's use.
    ///
    /// # Errors
    /// [`EspeakError::Unavailable`] if a first child does not come up: the library or its data are missing or of no
    /// use.
    pub async fn start(settings: EspeakSettings) -> Result<Self, EspeakError> {
        let (jobs, queue) = mpsc::channel(settings.queue_limit.max(1));
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..settings.processes.max(1) {
            let worker = EspeakWorker::start(&settings).await?;
            tokio::spawn(supervise(settings.clone(), queue.clone(), worker));
        }
        Ok(Self { jobs })
    }

    /// Clauses of `text`, which must not contain U+0000, as espeak-ng speaks it in `language` (an espeak-ng voice name
    /// such as `en-us`).
    pub async fn clauses(&self, language: &str, text: String) -> Result<Vec<Clause>, EspeakError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { language: language.to_owned(), text, reply };
        self.jobs.send(job).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

fn stopped() -> EspeakError {
    EspeakError::Unavailable("it has stopped".to_owned())
}

/// Serves jobs with one child after another, until the queue closes.
async fn supervise(settings: EspeakSettings, queue: Jobs, first: EspeakWorker) {
    let mut children = Children { settings, worker: Some(first), backoff: FIRST_BACKOFF };
    while let Some(job) = next_job(&queue).await {
        let mut answer = children.answer(&job).await;
        if matches!(&answer, Err(error) if error.may_pass()) && !job.reply.is_closed() {
            let again = children.answer(&job).await;
            // Only a text that crashes twice is to blame for it.
            if again != Err(EspeakError::Crashed) {
                answer = again;
            }
        }
        let _ = job.reply.send(answer);
    }
}

/// One child after another.
struct Children {
    settings: EspeakSettings,
    /// `None`: the last one is lost.
    worker: Option<EspeakWorker>,
    /// After a child that did not start.
    backoff: Duration,
}

// === impl Children ===

impl Children {
    /// What the child says of the job, or a new one in the place of a lost one.
    async fn answer(&mut self, job: &Job) -> Result<Vec<Clause>, EspeakError> {
        let mut worker = match self.worker.take() {
            Some(worker) => worker,
            None => self.start().await?,
        };
        match while_awake(self.settings.timeout, worker.work(&job.language, &job.text)).await {
            Some(Ok(answer)) => {
                self.worker = Some(worker);
                answer
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "phonemizer child is lost and is replaced");
                worker.kill().await;
                Err(EspeakError::Unavailable("its process was lost".to_owned()))
            }
            None => {
                tracing::warn!("phonemizer child hangs and is replaced");
                worker.kill().await;
                Err(EspeakError::TimedOut(self.settings.timeout.as_millis()))
            }
        }
    }

    async fn start(&mut self) -> Result<EspeakWorker, EspeakError> {
        match EspeakWorker::start(&self.settings).await {
            Ok(worker) => {
                self.backoff = FIRST_BACKOFF;
                Ok(worker)
            }
            Err(error) => {
                tracing::error!(%error, "phonemizer child did not start");
                sleep(self.backoff).await;
                self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
                Err(error)
            }
        }
    }
}

/// What `work` gives, or `None` once `limit` has passed. A pause of this process, be it by a signal or of the whole
/// machine, counts as one of the steps at most, since the children stood still too.
async fn while_awake<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    const STEPS: u32 = 20;
    let passed = async {
        for _ in 0..STEPS {
            sleep(limit / STEPS).await;
        }
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = passed => None,
    }
}

/// The next job whose caller still waits; `None` when every handle is gone.
async fn next_job(queue: &Jobs) -> Option<Job> {
    let mut queue = queue.lock().await;
    loop {
        let job = queue.recv().await?;
        if !job.reply.is_closed() {
            return Some(job);
        }
    }
}

// === impl EspeakWorker ===

impl EspeakWorker {
    async fn start(settings: &EspeakSettings) -> Result<Self, EspeakError> {
        let unavailable = |error: std::io::Error| EspeakError::Unavailable(error.to_string());
        // A process group of its own: a signal from the terminal is for the service, which ends its children when it
        // has drained.
        let mut child = Command::new(&settings.program)
            .arg0("tts-batch-api")
            .arg(CHILD_COMMAND)
            .arg("--library")
            .arg(&settings.library)
            .arg("--data")
            .arg(&settings.data)
            .arg("--languages")
            .arg(settings.languages.to_string())
            .arg("--cpu-seconds")
            .arg(settings.cpu_seconds().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_clear()
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(unavailable)?;
        let (Some(input), Some(output), Some(mut errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(EspeakError::Unavailable("its pipes are missing".to_owned()));
        };
        // What espeak-ng complains of may quote the text. There is not everywhere a /dev/null to send it to.
        tokio::spawn(async move { tokio::io::copy(&mut errors, &mut tokio::io::sink()).await });
        let mut worker = Self { child, input, output: BufReader::new(output) };

        match while_awake(START_TIMEOUT, worker.receive()).await {
            Some(Ok(Response::Ready)) => Ok(worker),
            Some(Ok(Response::Unavailable(reason))) => Err(EspeakError::Unavailable(reason)),
            Some(Ok(_)) => Err(EspeakError::Unavailable("it speaks another protocol".to_owned())),
            Some(Err(error)) => Err(unavailable(error)),
            None => {
                worker.kill().await;
                Err(EspeakError::Unavailable("it did not start in time".to_owned()))
            }
        }
    }

    /// The answer to one text. An error means that the child is of no more use.
    async fn work(&mut self, language: &str, text: &str) -> std::io::Result<Result<Vec<Clause>, EspeakError>> {
        self.input.write_all(&Request { language, text }.encode()).await?;
        let mut clauses = Vec::new();
        loop {
            match self.receive().await? {
                Response::Clause(clause) => clauses.push(clause),
                Response::Done => return Ok(Ok(clauses)),
                Response::UnknownLanguage => {
                    return Ok(Err(EspeakError::UnknownLanguage(language.to_owned())));
                }
                Response::Crashed => return Ok(Err(EspeakError::Crashed)),
                Response::Ready | Response::Unavailable(_) => {
                    return Err(std::io::Error::other("unexpected frame"));
                }
            }
        }
    }

    async fn receive(&mut self) -> std::io::Result<Response> {
        let mut header = [0; HEADER_BYTES];
        self.output.read_exact(&mut header).await?;
        let (tag, length) = decode_header(header).map_err(std::io::Error::other)?;
        let mut payload = vec![0; length];
        self.output.read_exact(&mut payload).await?;
        Response::decode(tag, &payload).map_err(std::io::Error::other)
    }

    /// Ends the child and its forks, which share a process group.
    async fn kill(&mut self) {
        if let Some(group) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(group), nix::sys::signal::Signal::SIGKILL);
        }
        let _ = self.child.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_of_the_process_is_not_time_that_a_child_took() {
        let limit = Duration::from_secs(20);
        let paused = async {
            sleep(Duration::from_secs(2)).await;
            tokio::time::advance(Duration::from_hours(1)).await;
            sleep(Duration::from_secs(10)).await;
        };

        assert_eq!(while_awake(limit, paused).await, Some(()));
        assert_eq!(while_awake(limit, std::future::pending::<()>()).await, None);
    }
}
