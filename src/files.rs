//! Files on disks that may hang: reading them on threads that nobody joins, so that neither a caller nor the end of the
//! process waits for a file system that went away. Refuses to know what is in a file.

use std::collections::HashMap;
use std::fs::File;
use std::hash::Hash;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

pub use piper_acoustic::files::{open, read};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

/// Threads for work that may never end, so many at once. A clone shares them.
#[derive(Debug, Clone)]
pub struct Detached {
    name: &'static str,
    permits: Arc<Semaphore>,
}

/// Work by key, on threads of [`Detached`]: whoever wants what is under way waits for that.
#[derive(Debug)]
pub struct SingleFlight<K, T> {
    threads: Detached,
    under_way: Arc<Mutex<HashMap<K, watch::Receiver<Option<T>>>>>,
}

/// The work panicked, or no thread could be started for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its thread ended early")]
pub struct EndedEarly;

/// Counts a thread for as long as it works.
struct Working;

/// Threads of all [`Detached`] that work.
static WORKING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

// === impl Detached ===

impl Detached {
    pub fn new(name: &'static str, at_once: usize) -> Self {
        Self { name, permits: Arc::new(Semaphore::new(at_once)) }
    }

    /// Runs `work` when a thread is free. What has begun goes on when the caller leaves.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, EndedEarly> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| EndedEarly)?;
        self.start(permit, work).await.map_err(|_| EndedEarly)
    }

    /// The same, if a thread is free now.
    pub fn try_run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<impl Future<Output = Result<T, EndedEarly>>> {
        let result = self.start(self.permits.clone().try_acquire_owned().ok()?, work);
        Some(async { result.await.map_err(|_| EndedEarly) })
    }

    fn start<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        let run = move || {
            let working = (permit, Working::begin());
            let result = work();
            drop(working);
            // Whoever asked may be gone.
            let _ = sender.send(result);
        };
        if let Err(error) = std::thread::Builder::new().name(self.name.to_owned()).spawn(run) {
            tracing::error!(%error, "no thread could be started to read files");
        }
        receiver
    }
}

// === impl SingleFlight ===

impl<K, T> SingleFlight<K, T>
where
    K: Hash + Eq + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    pub fn new(threads: Detached) -> Self {
        Self { threads, under_way: Arc::default() }
    }

    /// What `work` gives, or the work for `key` that is under way.
    pub async fn join(&self, key: &K, work: impl FnOnce() -> T + Send + 'static) -> Result<T, EndedEarly> {
        let mut result = self.result(key, work);
        let result = result.wait_for(Option::is_some).await.map_err(|_| EndedEarly)?;
        result.clone().ok_or(EndedEarly)
    }

    fn result(&self, key: &K, work: impl FnOnce() -> T + Send + 'static) -> watch::Receiver<Option<T>> {
        let mut under_way = lock(&self.under_way);
        if let Some(result) = under_way.get(key) {
            return result.clone();
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.clone(), receiver.clone());
        let (threads, others, key) = (self.threads.clone(), self.under_way.clone(), key.clone());
        tokio::spawn(async move {
            let result = threads.run(work).await;
            lock(&others).remove(&key);
            // Without a result the sender is dropped, which tells those who wait.
            if let Ok(result) = result {
                sender.send_replace(Some(result));
            }
        });
        receiver
    }
}

// === impl Working ===

impl Working {
    fn begin() -> Self {
        *lock(&WORKING.0) += 1;
        Self
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        *lock(&WORKING.0) -= 1;
        WORKING.1.notify_all();
    }
}

/// Waits until no thread of a [`Detached`] works, for so long at most: a process should not end in the middle of what
/// will be done at once.
pub fn finish(patience: Duration) {
    let (working, changed) = &WORKING;
    // Whether they are done or not, this was all.
    drop(changed.wait_timeout_while(lock(working), patience, |working| *working > 0));
}

/// What is in a file, or in a pipe such as a shell makes of `<(...)`, and can be read in time.
pub fn read_in_time(path: &Path, limit: u64, patience: Duration) -> io::Result<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    let path = path.to_owned();
    let read = move || {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
        // Whoever asked may have given up.
        let _ = sender.send(read.map(|_| bytes));
    };
    std::thread::Builder::new().name("file".to_owned()).spawn(read)?;
    let late = || format!("it could not be read within {} s", patience.as_secs());
    let bytes = receiver.recv_timeout(patience).map_err(|_| io::Error::new(io::ErrorKind::TimedOut, late()))??;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Work that hangs until the sender is dropped.
    fn hanging() -> (mpsc::Sender<()>, impl FnOnce() -> &'static str) {
        let (gate, shut) = mpsc::channel::<()>();
        (gate, move || {
            let _ = shut.recv();
            "hung"
        })
    }

    #[tokio::test]
    async fn what_hangs_keeps_its_own_thread_and_no_other() {
        let threads = Detached::new("test", 2);
        let (gate, hangs) = hanging();
        let hung = threads.try_run(hangs).unwrap();

        assert_eq!(threads.run(|| 1).await, Ok(1));
        let (second_gate, hangs) = hanging();
        drop(threads.try_run(hangs).unwrap());
        assert!(threads.try_run(|| 2).is_none(), "there are more threads than were allowed");

        drop(second_gate);
        assert_eq!(threads.run(|| 3).await, Ok(3));
        drop(gate);
        assert_eq!(hung.await, Ok("hung"));
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_gives_its_thread_back() {
        let threads = Detached::new("test", 1);

        assert_eq!(threads.run(|| -> u8 { panic!("a bug") }).await, Err(EndedEarly));
        assert_eq!(threads.run(|| 1).await, Ok(1));
    }

    #[tokio::test]
    async fn one_key_that_hangs_is_worked_on_once_and_others_do_not_wait() {
        let flights = SingleFlight::new(Detached::new("test", 2));
        let (gate, hangs) = hanging();
        let first = flights.join(&"slow", hangs);
        let second = flights.join(&"slow", || "again");
        let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
        tokio::select! {
            biased;
            _ = &mut first => panic!("it hangs"),
            _ = &mut second => panic!("it was done twice"),
            fast = flights.join(&"fast", || "done") => assert_eq!(fast, Ok("done")),
        }

        drop(gate);

        assert_eq!(tokio::join!(first, second), (Ok("hung"), Ok("hung")));
        assert_eq!(flights.join(&"slow", || "again").await, Ok("again"));
    }

    #[test]
    fn a_pipe_is_read_and_one_that_says_nothing_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = |name: &str| {
            let path = folder.path().join(name);
            nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
            path
        };
        let (silent, written) = (pipe("silent"), pipe("written"));
        let long = Duration::from_mins(1);

        let errors = [(silent.as_path(), Duration::from_millis(1)), (Path::new("/dev/zero"), long)]
            .map(|(path, patience)| read_in_time(path, 10, patience).unwrap_err().kind());
        let read = std::thread::scope(|scope| {
            scope.spawn(|| std::fs::write(&written, "settings").unwrap());
            read_in_time(&written, 10, long).unwrap()
        });

        assert_eq!(errors, [io::ErrorKind::TimedOut, io::ErrorKind::FileTooLarge]);
        assert_eq!(read, b"settings");
    }
}
