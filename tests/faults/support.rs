//! What the fault tests share: a turn for each, a pool around the scripted engine, the real phonemizer, waits.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use piper_acoustic::{LoadedVoice, ModelInput, OnnxRuntime, RuntimeFiles, RuntimeSettings, VoiceFiles};
use piper_phonemize::{EspeakPool, EspeakSettings, Phonemizer};
use tts_batch_api::audio::Pcm;
use tts_batch_api::domain::{Deadline, VoiceId};
use tts_batch_api::pool::{Admission, CpuTime, Demand, PoolError, PoolHandle, PoolParts, PoolSettings, SentenceJob};
use tts_batch_api::resilience::Readiness;
use tts_batch_api::telemetry::Metrics;
use tts_batch_api::voices::Catalogue;

use crate::fake::{ALSO_GOOD, BROKEN, FIFTH, FOURTH, FakeEngine, GOOD, LARGE, PANICKING, SIXTH, Script, THIRD};

/// The ids of a sentence.
pub const SENTENCE: [i64; 3] = [1, 0, 2];
/// A noise scale that marks nothing.
pub const PLAIN: f32 = 0.5;

/// The pool with its engine.
#[derive(Clone)]
pub struct Pool {
    pub handle: PoolHandle,
    pub script: Arc<Script>,
    pub metrics: Metrics,
    pub readiness: Readiness,
}

/// Runs a test on an actor system of its own, while no other test runs.
pub fn in_turn(test: impl Future<Output = ()>) {
    static TURN: Mutex<()> = Mutex::new(());

    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    actix::System::new().block_on(test);
}

pub fn package_path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

pub fn voice(name: &str) -> VoiceId {
    VoiceId::parse(name).unwrap()
}

/// The voices that the scripted engine knows; the settings are those of a real one.
pub fn catalogue() -> Catalogue {
    let files = |name: &str| VoiceFiles {
        model: format!("{name}.onnx").into(),
        config: package_path("models/en_US-joe-medium.onnx.json"),
    };
    let names = [GOOD, ALSO_GOOD, THIRD, FOURTH, FIFTH, SIXTH, LARGE, BROKEN, PANICKING];
    names.into_iter().map(|name| (voice(name), files(name))).collect()
}

pub fn far() -> Deadline {
    Deadline::after(Duration::from_mins(1))
}

/// Room for everything, and hangs found as soon as the deadline has passed.
pub fn settings(workers: usize, queue_limit: usize) -> PoolSettings {
    PoolSettings {
        workers,
        queue_limit,
        memory_limit_bytes: 1 << 30,
        pinned: HashSet::new(),
        voice_idle: None,
        voice_wait: Duration::from_secs(20),
        hang_grace: Duration::from_millis(50),
        // Most tests panic in a row on purpose.
        panic_limit: u32::MAX,
    }
}

fn native_parts() -> RuntimeFiles {
    RuntimeFiles::find(&RuntimeSettings::default()).unwrap()
}

pub fn onnxruntime() -> OnnxRuntime {
    OnnxRuntime::load(&native_parts().onnxruntime).unwrap()
}

pub async fn phonemizer() -> Phonemizer {
    let parts = native_parts();
    let settings = EspeakSettings {
        program: env!("CARGO_BIN_EXE_tts-batch-api").into(),
        library: parts.espeak_library,
        data: parts.espeak_data,
        processes: 2,
        languages: 4,
        queue_limit: 64,
        // A text that never ends shall be found by the processor time that it takes, however busy the machine is.
        timeout: Duration::from_mins(1),
    };
    let espeak = EspeakPool::start(settings).await.unwrap();
    Phonemizer::new(espeak, onnxruntime(), parts.languages)
}

/// Waits until `condition` holds.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < limit, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The value of one time series, 0 if it is not there.
pub fn metric(metrics: &Metrics, series: &str) -> u64 {
    let text = String::from_utf8(metrics.render().unwrap()).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

// === impl Pool ===

impl Pool {
    pub fn start(settings: PoolSettings) -> Self {
        let (script, metrics) = (Arc::new(Script::default()), Metrics::new().unwrap());
        let engine = Arc::new(FakeEngine::new(script.clone()));
        let readiness = Readiness::default();
        let parts =
            PoolParts { engine, catalogue: catalogue(), metrics: metrics.clone(), readiness: readiness.clone() };
        Self { handle: PoolHandle::start(parts, settings), script, metrics, readiness }
    }

    pub async fn load(&self, name: &str) -> Result<Arc<dyn LoadedVoice>, PoolError> {
        self.load_before(far(), name).await
    }

    pub async fn load_before(&self, deadline: Deadline, name: &str) -> Result<Arc<dyn LoadedVoice>, PoolError> {
        self.handle.voice(&voice(name), deadline).await
    }

    /// One sentence of the good voice, marked by its noise scale.
    pub async fn speak(&self, noise_scale: f32) -> Result<Pcm, PoolError> {
        self.speak_before(far(), noise_scale).await
    }

    pub async fn speak_before(&self, deadline: Deadline, noise_scale: f32) -> Result<Pcm, PoolError> {
        let admission = self.handle.admit_for(&self.demand(1), deadline)?;
        let job = self.job(deadline, noise_scale).await?;
        self.compute(&admission, job).await
    }

    /// So many sentences of the good voice.
    pub fn demand(&self, sentences: usize) -> Demand {
        let demand = Demand::default();
        self.handle.estimate(&demand, [(&voice(GOOD), (sentences * SENTENCE.len()) as f64)]);
        demand
    }

    /// All of a sentence.
    pub async fn compute(&self, admission: &Admission, job: SentenceJob) -> Result<Pcm, PoolError> {
        let stretches: Vec<Pcm> =
            self.handle.synthesize(admission, job).await?.map_ok(|stretch| stretch.pcm).try_collect().await?;
        Ok(Pcm::joined(&stretches))
    }

    /// One sentence of any voice.
    pub async fn speak_as(&self, name: &str, noise_scale: f32) -> Result<Pcm, PoolError> {
        let admission = self.handle.admit()?;
        let job = self.job_as(name, far(), noise_scale).await?;
        self.compute(&admission, job).await
    }

    pub async fn job(&self, deadline: Deadline, noise_scale: f32) -> Result<SentenceJob, PoolError> {
        self.job_as(GOOD, deadline, noise_scale).await
    }

    async fn job_as(&self, name: &str, deadline: Deadline, noise_scale: f32) -> Result<SentenceJob, PoolError> {
        Ok(SentenceJob {
            voice_id: voice(name),
            voice: self.load(name).await?,
            input: ModelInput {
                ids: SENTENCE.into(),
                speaker: 0,
                blend: Vec::new(),
                noise_scale,
                length_scale: 1.0,
                noise_w: 0.5,
                seed: 0,
            },
            index: 0,
            first_sound: false,
            deadline,
            cost: CpuTime::default(),
        })
    }

    /// Returns when the pool's actor has handled everything that was sent to it before.
    pub async fn settle(&self) {
        self.load(GOOD).await.unwrap();
    }

    pub async fn until_inside(&self, count: usize) {
        until("as many inferences have begun", || self.script.inside.load(SeqCst) == count).await;
    }

    pub fn inferences(&self) -> usize {
        self.script.inferences.load(SeqCst)
    }

    pub fn shed(&self, reason: &str) -> u64 {
        metric(&self.metrics, &format!("tts_requests_shed_total{{reason=\"{reason}\"}}"))
    }

    pub fn restarts(&self) -> u64 {
        metric(&self.metrics, "tts_worker_restarts_total")
    }

    pub fn depth(&self) -> u64 {
        metric(&self.metrics, "tts_queue_depth")
    }
}
