//! Owns the single flight of downloads: a voice is downloaded once however many ask, and goes on when they are gone.
//! Downloads run on a thread of their own, which ends with the catalogue. A download that failed is not begun again at
//! once.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, oneshot, watch};

use super::error::VoiceFilesError;
use super::transfer::TransferProgress;
use crate::domain::VoiceId;

/// How a download ended.
pub type DownloadResult = Result<(), VoiceFilesError>;

/// Downloads under way.
#[derive(Debug)]
pub struct Downloads {
    shared: Arc<Mutex<DownloadsShared>>,
    /// Others wait for their turn.
    permits: Arc<Semaphore>,
    worker: Mutex<Option<DownloadThread>>,
    cool_down: Duration,
}

#[derive(Debug, Default)]
struct DownloadsShared {
    flying: HashMap<VoiceId, Flight>,
    failed: HashMap<VoiceId, (Instant, VoiceFilesError)>,
}

#[derive(Debug)]
struct Flight {
    outcome: watch::Receiver<Option<DownloadResult>>,
    progress: Arc<TransferProgress>,
}

/// The thread on which downloads run; ends when this is dropped.
#[derive(Debug)]
struct DownloadThread {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

/// Takes the flight off the list however its task ends.
struct Landing {
    shared: Arc<Mutex<DownloadsShared>>,
    id: VoiceId,
}

const AT_ONCE: usize = 4;

// === impl Downloads ===

impl Downloads {
    pub fn new(cool_down: Duration) -> Self {
        Self { shared: Arc::default(), permits: Arc::new(Semaphore::new(AT_ONCE)), worker: Mutex::new(None), cool_down }
    }

    /// Waits for the download of `id`, which `begin` makes if there is none.
    pub async fn join<F>(&self, id: &VoiceId, begin: impl FnOnce(Arc<TransferProgress>) -> F) -> DownloadResult
    where
        F: Future<Output = DownloadResult> + Send + 'static,
    {
        let mut outcome = self.take_off(id, begin)?;
        let landed = outcome.wait_for(Option::is_some).await;
        landed.ok().and_then(|outcome| outcome.clone()).unwrap_or_else(|| Err(stopped(id, "the download was stopped")))
    }

    /// Begins the download of `id`, if there is none, and does not wait for it.
    pub fn begin<F>(&self, id: &VoiceId, begin: impl FnOnce(Arc<TransferProgress>) -> F) -> DownloadResult
    where
        F: Future<Output = DownloadResult> + Send + 'static,
    {
        self.take_off(id, begin).map(drop)
    }

    /// How the last download of `id` failed, as long as that is remembered: until some other begins after the time that
    /// no new one is.
    pub fn failure(&self, id: &VoiceId) -> Option<VoiceFilesError> {
        lock(&self.shared).failed.get(id).map(|(_, error)| error.clone())
    }

    pub fn progress(&self, id: &VoiceId) -> Option<Arc<TransferProgress>> {
        lock(&self.shared).flying.get(id).map(|flight| flight.progress.clone())
    }

    /// Runs something else on the downloads' thread.
    pub fn handle(&self) -> io::Result<Handle> {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = &*worker {
            return Ok(worker.handle.clone());
        }
        let started = DownloadThread::start()?;
        let handle = started.handle.clone();
        *worker = Some(started);
        Ok(handle)
    }

    fn take_off<F>(
        &self,
        id: &VoiceId,
        begin: impl FnOnce(Arc<TransferProgress>) -> F,
    ) -> Result<watch::Receiver<Option<DownloadResult>>, VoiceFilesError>
    where
        F: Future<Output = DownloadResult> + Send + 'static,
    {
        let handle = self.handle().map_err(|error| stopped(id, &error.to_string()))?;
        let mut shared = lock(&self.shared);
        if let Some(flight) = shared.flying.get(id) {
            return Ok(flight.outcome.clone());
        }
        shared.failed.retain(|_, (when, _)| when.elapsed() < self.cool_down);
        if let Some((_, error)) = shared.failed.get(id) {
            return Err(error.clone());
        }
        let (sender, receiver) = watch::channel(None);
        let progress = Arc::new(TransferProgress::default());
        let download = begin(progress.clone());
        shared.flying.insert(id.clone(), Flight { outcome: receiver.clone(), progress });
        let landing = Landing { shared: self.shared.clone(), id: id.clone() };
        let permits = self.permits.clone();
        handle.spawn(async move {
            let _permit = permits.acquire().await;
            let outcome = download.await;
            landing.land(&outcome);
            // Whoever asked may be gone; the voice is here all the same.
            let _ = sender.send(Some(outcome));
        });
        Ok(receiver)
    }
}

// === impl DownloadThread ===

impl DownloadThread {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new().name("voices".to_owned()).spawn(move || {
            // An error is the sender gone: the same.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Self { handle, _stop: stop })
    }
}

// === impl Landing ===

impl Landing {
    fn land(self, outcome: &DownloadResult) {
        if let Err(error) = outcome {
            lock(&self.shared).failed.insert(self.id.clone(), (Instant::now(), error.clone()));
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        lock(&self.shared).flying.remove(&self.id);
    }
}

fn lock(shared: &Mutex<DownloadsShared>) -> MutexGuard<'_, DownloadsShared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stopped(id: &VoiceId, reason: &str) -> VoiceFilesError {
    VoiceFilesError::Io { voice: id.clone(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn id() -> VoiceId {
        VoiceId::parse("a").unwrap()
    }

    #[tokio::test]
    async fn a_download_goes_on_when_its_caller_is_gone() {
        let flights = Downloads::new(Duration::ZERO);
        let (open, gate) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let begin = |_| async move {
            let _ = gate.await;
            let _ = tell.send(());
            Ok(())
        };

        let id = id();
        tokio::select! {
            biased;
            _ = flights.join(&id, begin) => panic!("the gate is shut"),
            () = std::future::ready(()) => {}
        }
        open.send(()).unwrap();

        told.await.unwrap();
    }

    #[tokio::test]
    async fn callers_at_the_same_time_share_one_download() {
        let flights = Downloads::new(Duration::ZERO);
        let (open, gate) = oneshot::channel::<()>();
        let first = |_| async {
            let _ = gate.await;
            Ok(())
        };
        let second = |_| async { Err(VoiceFilesError::DiskFull(id())) };

        let id = id();
        let outcomes = tokio::join!(biased; flights.join(&id, first), flights.join(&id, second), async {
            open.send(()).unwrap();
        });

        assert_eq!(outcomes, (Ok(()), Ok(()), ()));
    }

    #[tokio::test]
    async fn a_failure_is_answered_again_without_another_try() {
        let flights = Downloads::new(Duration::from_hours(1));
        let begun = AtomicUsize::new(0);
        let begin = |_| {
            begun.fetch_add(1, Ordering::Relaxed);
            async { Err(VoiceFilesError::DiskFull(id())) }
        };

        let first = flights.join(&id(), begin).await;
        let second = flights.join(&id(), begin).await;

        assert_eq!(first, Err(VoiceFilesError::DiskFull(id())));
        assert_eq!(second, first);
        assert_eq!(begun.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_download_that_panics_is_an_error_and_the_next_one_is_begun() {
        let flights = Downloads::new(Duration::ZERO);

        let first = flights.join(&id(), |_| async { panic!("a bug") }).await;
        let second = flights.join(&id(), |_| async { Ok(()) }).await;

        assert!(matches!(first, Err(VoiceFilesError::Io { .. })));
        assert_eq!(second, Ok(()));
    }
}
