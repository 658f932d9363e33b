//! An engine that does what a test says: waits at a gate, panics or fails on marked inputs, and counts.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};

use piper_acoustic::{
    Cancel, Engine, InferError, LoadError, LoadedVoice, ModelInput, SentenceHelper, VoiceConfig, VoiceFiles,
};

use crate::support::onnxruntime;

/// Marks, by the noise scale of a request: it reaches the engine unchanged and means nothing to the fake.
pub const PANIC: f32 = 1.5;
pub const FAIL: f32 = 1.25;

/// What each voice is expected to take.
pub const VOICE_BYTES: u64 = 100;

/// Voices, by the name of their file.
pub const GOOD: &str = "good";
pub const ALSO_GOOD: &str = "also-good";
pub const THIRD: &str = "third";
pub const FOURTH: &str = "fourth";
pub const FIFTH: &str = "fifth";
pub const SIXTH: &str = "sixth";
pub const BROKEN: &str = "broken";
pub const PANICKING: &str = "panicking";
/// Takes more once it is loaded than is expected of a voice.
pub const LARGE: &str = "large";
pub const LARGE_BYTES: u64 = 2 * VOICE_BYTES;

/// Holds back the threads that pass while it is closed. A clone is the same gate.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

/// Opens the gate when it is dropped, also by a test that fails: a thread that waits for ever would keep the test from
/// ending.
#[must_use]
pub struct Closed(Gate);

/// What the engine was asked, and the gates that it passes.
#[derive(Default)]
pub struct Script {
    /// Before each inference ends.
    pub inference_gate: Gate,
    /// Before each load ends.
    pub load_gate: Gate,
    pub loads: AtomicUsize,
    loading: AtomicUsize,
    pub most_loading: AtomicUsize,
    pub inferences: AtomicUsize,
    /// Inferences that have begun and not ended.
    pub inside: AtomicUsize,
    pub most_inside: AtomicUsize,
    pub longest_input: AtomicUsize,
    /// How often a worker came to help another, and whether it panics then.
    pub helps: AtomicUsize,
    pub help_panics: AtomicBool,
    noise_scales: Mutex<Vec<f32>>,
    threads: Mutex<BTreeSet<PathBuf>>,
}

pub struct FakeEngine(Arc<Script>);

struct FakeVoice {
    script: Arc<Script>,
    config: VoiceConfig,
    bytes: u64,
}

/// Counts one out, also when a panic passes.
struct Inside<'a>(&'a Script);

// === impl Gate ===

impl Gate {
    pub fn close(&self) -> Closed {
        self.set(true);
        Closed(self.clone())
    }

    fn pass(&self) {
        let (closed, changed) = &*self.0;
        let closed = closed.lock().unwrap();
        drop(changed.wait_while(closed, |closed| *closed).unwrap());
    }

    fn set(&self, to: bool) {
        let (closed, changed) = &*self.0;
        *closed.lock().unwrap() = to;
        changed.notify_all();
    }
}

impl Closed {
    pub fn open(self) {
        drop(self);
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

// === impl Script ===

impl Script {
    /// Threads that computed something and live.
    pub fn living_threads(&self) -> usize {
        self.threads.lock().unwrap().iter().filter(|thread| thread.exists()).count()
    }

    /// How many inferences had begun before the first that is marked so.
    pub fn before(&self, noise_scale: f32) -> Option<usize> {
        self.noise_scales.lock().unwrap().iter().position(|begun| *begun == noise_scale)
    }

    /// The marks of all inferences, in the order in which they began.
    pub fn begun(&self) -> Vec<f32> {
        self.noise_scales.lock().unwrap().clone()
    }

    fn enter(&self, input: &ModelInput) -> Inside<'_> {
        self.noise_scales.lock().unwrap().push(input.noise_scale);
        self.threads.lock().unwrap().insert(this_thread());
        self.inferences.fetch_add(1, SeqCst);
        self.longest_input.fetch_max(input.ids.len(), SeqCst);
        let inside = self.inside.fetch_add(1, SeqCst) + 1;
        self.most_inside.fetch_max(inside, SeqCst);
        Inside(self)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, SeqCst);
    }
}

/// The calling thread's folder, which is there as long as the thread.
fn this_thread() -> PathBuf {
    PathBuf::from("/proc").join(std::fs::read_link("/proc/thread-self").unwrap())
}

// === impl FakeEngine ===

impl FakeEngine {
    pub fn new(script: Arc<Script>) -> Self {
        // Its errors are ONNX Runtime's, which must be there to make one.
        onnxruntime();
        Self(script)
    }
}

impl Engine for FakeEngine {
    fn load(&self, files: &VoiceFiles) -> Result<Arc<dyn LoadedVoice>, LoadError> {
        self.0.loads.fetch_add(1, SeqCst);
        let loading = self.0.loading.fetch_add(1, SeqCst) + 1;
        self.0.most_loading.fetch_max(loading, SeqCst);
        self.0.load_gate.pass();
        self.0.loading.fetch_sub(1, SeqCst);
        let name = files.model.file_stem().unwrap().to_str().unwrap();
        match name {
            BROKEN => Err(LoadError::MissingInput("scales")),
            PANICKING => panic!("a load that the test wants to panic"),
            _ => {
                let config = VoiceConfig::parse(&std::fs::read(&files.config).unwrap()).unwrap();
                let bytes = if name == LARGE { LARGE_BYTES } else { VOICE_BYTES };
                Ok(Arc::new(FakeVoice { script: self.0.clone(), config, bytes }))
            }
        }
    }

    fn memory_needed(&self, _: &VoiceFiles, _: usize) -> u64 {
        VOICE_BYTES
    }
}

impl LoadedVoice for FakeVoice {
    fn config(&self) -> &VoiceConfig {
        &self.config
    }

    fn memory_bytes(&self, _: usize) -> u64 {
        self.bytes
    }

    /// As many samples as ids. Like a computation that hangs, it does not hear that it is cancelled.
    fn infer(&self, input: &ModelInput, _: &Cancel) -> Result<Vec<f32>, InferError> {
        let _inside = self.script.enter(input);
        self.script.inference_gate.pass();
        assert!(input.noise_scale != PANIC, "an inference that the test wants to panic");
        if input.noise_scale == FAIL {
            return Err(ort::Error::new("an inference that the test wants to fail").into());
        }
        Ok(vec![0.5; input.ids.len()])
    }

    fn help(&self, _: &SentenceHelper) {
        self.script.helps.fetch_add(1, SeqCst);
        assert!(!self.script.help_panics.load(SeqCst), "a help that the test wants to panic");
    }
}
