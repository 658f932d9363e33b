//! Owns the periodic tasks of a running service: the folders of voices, the compiled voices, the files of named
//! tokens and of secrets that addresses are signed with. Each is read on a thread of its own, so that a disk that hangs
//! keeps none of the others waiting, nor the end of the process.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use piper_acoustic::remove_leftovers;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::files::Detached;
use crate::http::Callers;
use crate::links::Links;
use crate::resilience::{NotReadyReason, Readiness};
use crate::voices::Catalogue;

/// Looks after files that change.
pub struct Upkeep {
    pub catalogue: Catalogue,
    pub callers: Callers,
    pub links: Links,
    pub compiled_dir: Option<PathBuf>,
    pub readiness: Readiness,
    /// `None`: only on SIGHUP.
    pub interval: Option<Duration>,
}

/// Work on files that is done now and then.
struct Chore {
    name: &'static str,
    thread: Detached,
    /// Why what it reads could not be read the last time, by what that is.
    troubles: Troubles,
}

/// Each is told once, and again when it is another or somebody asks. A clone holds the same.
#[derive(Clone, Default)]
struct Troubles(Arc<Mutex<BTreeMap<&'static str, String>>>);

/// Until one that is not done is left to itself.
const PATIENCE: Duration = Duration::from_secs(10);

// === impl Upkeep ===

impl Upkeep {
    /// Finds voices that were put into the folder or taken out of it, and tokens that were added or withdrawn: now and
    /// then, and on SIGHUP, which also fetches the catalogue again.
    pub fn start(self) -> std::io::Result<()> {
        let hangup = signal(SignalKind::hangup())?;
        actix::spawn(self.run(hangup));
        Ok(())
    }

    async fn run(self, mut hangup: Signal) {
        let [rescan, reload, clean] =
            ["looking for voices", "reading tokens and secrets", "cleaning the folder of compiled voices"]
                .map(Chore::new);
        let mut refreshing = None::<JoinHandle<()>>;
        self.clean(&clean).await;
        loop {
            let next = async {
                match self.interval {
                    Some(interval) => tokio::time::sleep(interval).await,
                    None => std::future::pending().await,
                }
            };
            let asked = tokio::select! {
                _ = hangup.recv() => true,
                () = next => false,
            };
            if asked {
                rescan.troubles.forget();
                reload.troubles.forget();
            }
            tokio::join!(self.rescan(&rescan), self.reload(&reload));
            self.clean(&clean).await;
            show_readiness(&self.catalogue, &self.readiness);
            if asked && refreshing.as_ref().is_none_or(JoinHandle::is_finished) {
                refreshing = Some(actix::spawn(refresh(self.catalogue.clone(), self.readiness.clone())));
            }
        }
    }

    async fn rescan(&self, chore: &Chore) {
        let (catalogue, troubles) = (self.catalogue.clone(), chore.troubles.clone());
        let rescan = move || {
            let Some(found) = troubles.tell("voices", catalogue.rescan()) else { return };
            for voice in found.added {
                tracing::info!(%voice, "voice found");
            }
            for voice in found.removed {
                tracing::info!(%voice, "voice gone");
            }
        };
        chore.run(rescan).await;
    }

    async fn reload(&self, chore: &Chore) {
        let (callers, links, troubles) = (self.callers.clone(), self.links.clone(), chore.troubles.clone());
        let reload = move || {
            troubles.tell("tokens", callers.reload());
            troubles.tell("secrets of addresses", links.reload());
        };
        chore.run(reload).await;
    }

    /// Removes compiled voices that nobody uses.
    async fn clean(&self, chore: &Chore) {
        let Some(compiled) = self.compiled_dir.clone() else { return };
        let models = self.catalogue.installed_models();
        chore.run(move || remove_leftovers(&compiled, &models)).await;
    }
}

async fn refresh(catalogue: Catalogue, readiness: Readiness) {
    if let Err(error) = catalogue.refresh().await {
        tracing::warn!(%error, "the catalogue stays as it was");
    }
    show_readiness(&catalogue, &readiness);
}

fn show_readiness(catalogue: &Catalogue, readiness: &Readiness) {
    readiness.set(NotReadyReason::NoVoices, catalogue.is_empty());
}

// === impl Troubles ===

impl Troubles {
    /// What was read, if it was.
    fn tell<T>(&self, what: &'static str, read: Result<T, impl Display>) -> Option<T> {
        let error = read.as_ref().err().map(ToString::to_string);
        match (self.is_news(what, error.as_deref()), error) {
            (true, Some(error)) => tracing::warn!(error, "{what} stay as they were"),
            (true, None) => tracing::info!("{what} are read again"),
            (false, _) => {}
        }
        read.ok()
    }

    fn is_news(&self, what: &'static str, error: Option<&str>) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match error {
            Some(error) => told.insert(what, error.to_owned()),
            None => told.remove(what),
        };
        before.as_deref() != error
    }

    fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

// === impl Chore ===

impl Chore {
    fn new(name: &'static str) -> Self {
        Self { name, thread: Detached::new("upkeep", 1), troubles: Troubles::default() }
    }

    /// Waits for `work`, unless it takes long; not begun again before it is done.
    async fn run(&self, work: impl FnOnce() + Send + 'static) {
        let Some(done) = self.thread.try_run(work) else {
            return tracing::warn!(chore = self.name, "upkeep still waits for a disk");
        };
        match timeout(PATIENCE, done).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(chore = self.name, %error, "upkeep ended early"),
            Err(_) => tracing::warn!(chore = self.name, "upkeep waits for a disk, which may hang"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_once_and_its_end_too_and_again_to_whoever_asks() {
        let troubles = Troubles::default();
        let is_news = |error: Option<&str>| troubles.is_news("voices", error);

        assert_eq!(
            [None, Some("gone"), Some("gone"), Some("slow"), None, None].map(is_news),
            [false, true, false, true, true, false]
        );
        assert!(is_news(Some("gone")) && troubles.is_news("tokens", Some("gone")));
        troubles.forget();
        assert!(is_news(Some("gone")));
    }
}
