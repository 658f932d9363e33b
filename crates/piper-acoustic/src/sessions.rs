//! Owns the sessions of a model in ONNX Runtime's own format. Any number of threads may run it: each run takes a
//! session. A few are kept for the next runs; more than that only live while they run, so that memory does not grow
//! with the number of workers. All compute from the same bytes, which nobody else can change: a mapped file could be
//! truncated, which would end the process.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ort::session::{InMemorySession, RunOptions, SessionInputs, SessionOutputs};
use self_cell::self_cell;

use super::cancel::Cancel;
use super::errors::InferError;
use super::runtime::OnnxRuntime;

pub struct OnnxSessions {
    model: Bytes,
    runtime: OnnxRuntime,
    idle: Mutex<Vec<SharingSession>>,
}

self_cell!(
    /// A session, and the model whose weights it computes from.
    struct SharingSession {
        owner: Bytes,
        #[covariant]
        dependent: InMemorySession,
    }
);

/// Sessions that are kept when nothing runs.
const KEPT: usize = 2;

// === impl OnnxSessions ===

impl OnnxSessions {
    /// Makes the first session, which shows that the model can be run.
    pub fn new(model: Bytes, runtime: &OnnxRuntime) -> Result<Self, ort::Error> {
        let first = session(model.clone(), runtime)?;
        Ok(Self { model, runtime: runtime.clone(), idle: Mutex::new(vec![first]) })
    }

    pub fn has_input(&self, name: &str) -> Result<bool, ort::Error> {
        let session = self.take()?;
        let has = session.borrow_dependent().inputs().iter().any(|input| input.name() == name);
        self.give_back(session);
        Ok(has)
    }

    /// Bytes of the weights.
    pub fn weights(&self) -> u64 {
        self.model.len() as u64
    }

    /// Lets go of what is kept.
    pub fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many sessions are kept for this number of threads.
    pub fn kept(workers: usize) -> u64 {
        workers.min(KEPT) as u64
    }

    /// Runs the model and reads its outputs.
    pub fn run<T>(
        &self,
        inputs: SessionInputs<'_, '_, 0>,
        cancel: &Cancel,
        read: impl FnOnce(&SessionOutputs<'_>) -> Result<T, ort::Error>,
    ) -> Result<T, InferError> {
        let mut session = self.take()?;
        let result = run(&mut session, inputs, cancel, read);
        self.give_back(session);
        Ok(result?)
    }

    fn take(&self) -> Result<SharingSession, ort::Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| session(self.model.clone(), &self.runtime), Ok)
    }

    fn give_back(&self, session: SharingSession) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(session);
        }
    }
}

fn session(model: Bytes, runtime: &OnnxRuntime) -> Result<SharingSession, ort::Error> {
    SharingSession::try_new(model, |bytes| runtime.builder()?.commit_from_memory_directly(bytes))
}

fn run<T>(
    session: &mut SharingSession,
    inputs: SessionInputs<'_, '_, 0>,
    cancel: &Cancel,
    read: impl FnOnce(&SessionOutputs<'_>) -> Result<T, ort::Error>,
) -> Result<T, ort::Error> {
    // Gives the arena's memory back after each run: it would keep the peak of the longest sentence for good.
    let mut options = RunOptions::new()?;
    options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
    let options = Arc::new(options);
    let stop = options.clone();
    let _cancelled = cancel.on_cancel(move || {
        // A run that cannot be stopped ends by itself.
        let _ = stop.terminate();
    });
    session.with_dependent_mut(|_, session| read(&session.run_with_options(inputs, &options)?))
}
