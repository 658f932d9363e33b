//! Question: what do the workers do for one sentence until it sounds, and after that?
//!
//! For sentences of 40, 190 and 380 characters, on two workers that do nothing else: which unit ran when, in
//! milliseconds since the sentence was handed to the pool, for how many of these it had a processor, and the same as a
//! line for each worker. Of several runs it is the one whose first sound came at the median.
//!
//! Run: `make setup`, then `cargo bench --bench timeline`, on a machine that does nothing else.

// A part that is missing ends the measurement; there is no caller to tell.
#![allow(clippy::unwrap_used)]

mod texts;

use std::collections::HashSet;
use std::fmt::Debug;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{ThreadId, current};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use piper_acoustic::{CompiledModels, ModelInput, OnnxEngine, OnnxRuntime, RuntimeFiles, RuntimeSettings, VoiceFiles};
use piper_phonemize::{EspeakPool, EspeakSettings, Phonemizer, phoneme_ids};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Instrument, Subscriber, info_span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tts_batch_api::domain::{Deadline, VoiceId};
use tts_batch_api::pool::{CpuTime, PoolHandle, PoolParts, PoolSettings, SentenceJob};
use tts_batch_api::resilience::Readiness;
use tts_batch_api::telemetry::Metrics;

const VOICE: &str = "en_US-joe-medium";
const WORKERS: usize = 2;
const ROUNDS: usize = 9;
const LENGTHS: [usize; 3] = [40, 190, 380];
/// A character of a worker's line.
const STEP: Duration = Duration::from_millis(2);

/// What a worker did.
#[derive(Clone)]
struct Unit {
    worker: ThreadId,
    name: String,
    began: Instant,
    ended: Instant,
    /// Time that a processor had for it.
    computed: Duration,
}

/// Keeps the units that end.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Unit>>>);

/// A span of a unit, while it is open.
struct Open {
    name: String,
    began: Option<(ThreadId, Instant, Duration)>,
}

/// Finds the name of a unit.
#[derive(Default)]
struct Name(Option<String>);

/// One run.
struct Run {
    handed_over: Instant,
    first_sound: Instant,
    units: Vec<Unit>,
}

impl Visit for Name {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "otel.name" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut name = Name::default();
        attributes.record(&mut name);
        let is_unit = attributes.metadata().name() == "compute";
        if let (true, Some(name), Some(span)) = (is_unit, name.0, context.span(id)) {
            span.extensions_mut().insert(Open { name, began: None });
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            open.began = Some((current().id(), Instant::now(), computed()));
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let extensions = span.extensions();
        let Some(Open { name, began: Some((worker, began, before)) }) = extensions.get() else { return };
        let (name, worker, began) = (name.clone(), *worker, *began);
        let (ended, computed) = (Instant::now(), computed().saturating_sub(*before));
        self.0.lock().unwrap().push(Unit { worker, name, began, ended, computed });
    }
}

fn main() {
    // `cargo test --benches` runs this too, where nobody wants to wait for it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let recorder = Recorder::default();
    let subscriber = tracing_subscriber::registry().with(recorder.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    actix::System::new().block_on(async {
        let native = RuntimeFiles::find(&RuntimeSettings::default()).unwrap();
        let runtime = OnnxRuntime::load(&native.onnxruntime).unwrap();
        let settings = EspeakSettings {
            program: env!("CARGO_BIN_EXE_tts-batch-api").into(),
            library: native.espeak_library,
            data: native.espeak_data,
            processes: 1,
            languages: 1,
            queue_limit: 1,
            timeout: Duration::from_secs(5),
        };
        let phonemizer = Phonemizer::new(EspeakPool::start(settings).await.unwrap(), runtime.clone(), native.languages);
        let pool = pool(runtime);
        for length in LENGTHS {
            let mut runs = Vec::new();
            for round in 0..ROUNDS {
                runs.push(run(&pool, &phonemizer, &texts::sentence(length, round), &recorder).await);
            }
            runs.sort_by_key(Run::waited);
            println!("\na sentence of {length} characters");
            runs[ROUNDS / 2].print();
        }
    });
}

fn pool(runtime: OnnxRuntime) -> PoolHandle {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(format!("{VOICE}.onnx"));
    let files = VoiceFiles { config: model.with_added_extension("json"), model };
    let engine = OnnxEngine::new(runtime.clone(), CompiledModels::new(runtime, None));
    let parts = PoolParts {
        engine: Arc::new(engine),
        catalogue: [(VoiceId::parse(VOICE).unwrap(), files)].into_iter().collect(),
        metrics: Metrics::new().unwrap(),
        readiness: Readiness::default(),
    };
    let settings = PoolSettings {
        workers: WORKERS,
        queue_limit: 8,
        memory_limit_bytes: 1 << 30,
        pinned: HashSet::new(),
        voice_idle: None,
        voice_wait: Duration::from_mins(1),
        hang_grace: Duration::from_mins(1),
        panic_limit: 1,
    };
    PoolHandle::start(parts, settings)
}

async fn run(pool: &PoolHandle, phonemizer: &Phonemizer, text: &str, recorder: &Recorder) -> Run {
    let (voice_id, deadline) = (VoiceId::parse(VOICE).unwrap(), Deadline::after(Duration::from_mins(1)));
    let voice = pool.voice(&voice_id, deadline).await.unwrap();
    let config = voice.config();
    let sentences = phonemizer.sentences(text, config).await.unwrap();
    assert_eq!(sentences.len(), 1, "{text}");
    let input = ModelInput {
        blend: Vec::new(),
        ids: phoneme_ids(&sentences[0], config).ids,
        speaker: config.default_speaker,
        noise_scale: config.inference.noise_scale,
        length_scale: config.inference.length_scale,
        noise_w: config.inference.noise_w,
        seed: 0,
    };
    let admission = pool.admit().unwrap();
    let (index, first_sound, cost) = (0, true, CpuTime::default());
    let job = SentenceJob { voice_id, voice, input, index, first_sound, deadline, cost };
    recorder.0.lock().unwrap().clear();
    let handed_over = Instant::now();
    let spoken = async {
        let mut stretches = Box::pin(pool.synthesize(&admission, job).await.unwrap());
        let mut first_sound = None;
        while let Some(stretch) = stretches.next().await {
            stretch.unwrap();
            first_sound.get_or_insert_with(Instant::now);
        }
        first_sound.unwrap()
    };
    let first_sound = spoken.instrument(info_span!("sentence")).await;
    let mut units = recorder.0.lock().unwrap().clone();
    units.sort_by_key(|unit| unit.began);
    Run { handed_over, first_sound, units }
}

/// Processor time of this thread so far.
fn computed() -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(statistics.split(' ').next().unwrap().parse().unwrap())
}

// === impl Run ===

impl Run {
    fn waited(&self) -> Duration {
        self.first_sound - self.handed_over
    }

    fn print(&self) {
        let mut workers: Vec<ThreadId> = Vec::new();
        for unit in &self.units {
            if !workers.contains(&unit.worker) {
                workers.push(unit.worker);
            }
        }
        let at = |instant: Instant| (instant - self.handed_over).as_secs_f64() * 1e3;
        for unit in &self.units {
            let worker = workers.iter().position(|worker| *worker == unit.worker).unwrap_or_default() + 1;
            let (began, ended, computed) = (at(unit.began), at(unit.ended), unit.computed.as_secs_f64() * 1e3);
            println!("  {began:>6.1} to {ended:>6.1} ms, {computed:>5.1} computed  worker {worker}  {}", unit.name);
        }
        println!("  {:>6.1} ms  first sound", at(self.first_sound));
        for (number, worker) in workers.iter().enumerate() {
            println!("  worker {}  {}", number + 1, self.line(*worker));
        }
    }

    /// What a worker did in each step: the first letter of its unit, a dot for nothing.
    fn line(&self, worker: ThreadId) -> String {
        let end = self.units.iter().map(|unit| unit.ended).max().unwrap_or(self.handed_over);
        let steps = (end - self.handed_over).as_micros() / STEP.as_micros();
        let letter = |step: u128| {
            let middle = self.handed_over + STEP.mul_f64(step as f64 + 0.5);
            let is_meant = |unit: &&Unit| unit.worker == worker && unit.began <= middle && middle < unit.ended;
            self.units.iter().find(is_meant).and_then(|unit| unit.name.chars().next()).unwrap_or('.')
        };
        (0..steps).map(letter).collect()
    }
}
