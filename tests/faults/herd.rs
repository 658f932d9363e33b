//! Many requests for one text: one synthesis, whoever of them leaves, and one error if it fails.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use piper_acoustic::VoiceFiles;
use tempfile::TempDir;
use tts_batch_api::audio::AudioFormat;
use tts_batch_api::cache::{CacheHandle, CacheSettings};
use tts_batch_api::domain::{self, Deadline, InputText, Prosody, SynthesisRequest};
use tts_batch_api::pool::{PoolHandle, PoolParts};
use tts_batch_api::resilience::ByteBudget;
use tts_batch_api::resilience::Readiness;
use tts_batch_api::speech::{AudioSpec, CacheUse, Caching, SpeechError, SpeechService, SpeechSettings, WholeSpeech};
use tts_batch_api::telemetry::Metrics;
use tts_batch_api::voices::Catalogue;

use crate::fake::{FAIL, FakeEngine, GOOD, PANIC, Script};
use crate::support::{PLAIN, far, in_turn, metric, package_path, phonemizer, settings, until, voice};

const HERD: usize = 1_000;
/// Far fewer places than requests.
const QUEUE_LIMIT: usize = 3;

/// The service without HTTP, around the scripted engine, with a cache.
#[derive(Clone)]
struct Service {
    speech: SpeechService,
    script: Arc<Script>,
    metrics: Metrics,
    pool: PoolHandle,
    _voice: Arc<TempDir>,
}

impl Service {
    async fn start() -> Self {
        // Real files: what is kept is kept under their digest.
        let folder = tempfile::tempdir().unwrap();
        let files = VoiceFiles {
            model: folder.path().join(format!("{GOOD}.onnx")),
            config: package_path("models/en_US-joe-medium.onnx.json"),
        };
        std::fs::write(&files.model, "a model").unwrap();
        let catalogue: Catalogue = [(voice(GOOD), files)].into_iter().collect();
        let (script, metrics) = (Arc::new(Script::default()), Metrics::new().unwrap());
        let engine = Arc::new(FakeEngine::new(script.clone()));
        let readiness = Readiness::default();
        let parts = PoolParts { engine, catalogue: catalogue.clone(), metrics: metrics.clone(), readiness };
        let pool = PoolHandle::start(parts, settings(1, QUEUE_LIMIT));
        let memory =
            CacheSettings { l1_bytes: 1 << 20, ttl: Duration::from_hours(1), max_entry_bytes: 1 << 20, l2: None };
        let answers = ByteBudget::new(256 << 20);
        let cache = CacheHandle::start(memory, answers.clone(), metrics.clone());
        let settings =
            SpeechSettings { max_sentence_phonemes: 400, max_answer_bytes: 256 << 20, answers, measures_voices: false };
        let speech = SpeechService::new(phonemizer().await, catalogue, pool.clone(), cache, metrics.clone(), settings);
        Self { speech, script, metrics, pool, _voice: Arc::new(folder) }
    }

    /// A text, marked by its noise scale.
    async fn ask(&self, text: &str, noise_scale: f32, deadline: Deadline) -> Result<WholeSpeech, SpeechError> {
        let request = SynthesisRequest {
            voice: voice(GOOD),
            speaker: None,
            script: domain::Script::plain(InputText::parse(text, 1_000).unwrap()),
            prosody: Prosody::default().with_noise_scale(noise_scale).unwrap(),
            deadline,
        };
        let spec = AudioSpec { format: AudioFormat::Wav, sample_rate: None };
        self.speech.speak(self.speech.identify(request, spec).await?, Caching::Allowed).await
    }

    async fn herd(&self, noise_scale: f32) -> Vec<Result<WholeSpeech, SpeechError>> {
        join_all((0..HERD).map(|_| self.ask("One text for all.", noise_scale, far()))).await
    }

    fn inferences(&self) -> usize {
        self.script.inferences.load(std::sync::atomic::Ordering::SeqCst)
    }

    async fn until_inside(&self, count: usize) {
        until("an inference has begun", || self.script.inside.load(std::sync::atomic::Ordering::SeqCst) == count).await;
    }

    async fn until_idle(&self) {
        until("every place is given back", || metric(&self.metrics, "tts_queue_depth") == 0).await;
    }
}

#[test]
fn a_thousand_requests_for_one_text_cause_one_inference() {
    in_turn(async {
        let service = Service::start().await;

        let answers = service.herd(PLAIN).await;

        let first = answers[0].as_ref().unwrap();
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|it| it.answer.audio == first.answer.audio)));
        assert_eq!(service.inferences(), 1);
        assert_eq!(service.ask("One text for all.", PLAIN, far()).await.unwrap().cache, CacheUse::HitL1);
        assert_eq!(metric(&service.metrics, "tts_requests_shed_total{reason=\"capacity\"}"), 0);
        service.until_idle().await;
    });
}

#[test]
fn the_others_are_answered_when_the_first_leaves() {
    in_turn(async {
        let service = Service::start().await;
        let gate = service.script.inference_gate.close();
        let asking = service.clone();
        let first = actix::spawn(async move { asking.ask("One text for all.", PLAIN, far()).await });
        service.until_inside(1).await;
        let mut others = Box::pin(service.herd(PLAIN));
        assert!((&mut others).now_or_never().is_none());

        first.abort();
        gate.open();
        let answers = others.await;

        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(service.inferences(), 1);
        service.until_idle().await;
    });
}

#[test]
fn a_failure_is_everybodys_and_is_not_kept() {
    in_turn(async {
        for mark in [FAIL, PANIC] {
            let service = Service::start().await;

            let answers = service.herd(mark).await;
            let counted = service.inferences();
            let next = service.ask("One text for all.", mark, far()).await;

            assert!(answers.iter().all(|answer| matches!(answer, Err(SpeechError::Failed(_)))));
            assert!((1..=2).contains(&counted), "{counted} inferences");
            assert!(matches!(next, Err(SpeechError::Failed(_))));
            assert_eq!(service.inferences(), counted + 1, "an error was kept");
            service.until_idle().await;
        }
    });
}

#[test]
fn what_nobody_waits_for_any_more_is_dropped_before_it_is_begun() {
    in_turn(async {
        let service = Service::start().await;
        let gate = service.script.inference_gate.close();
        let asking = service.clone();
        let busy = actix::spawn(async move { asking.ask("Something else.", PLAIN, far()).await });
        service.until_inside(1).await;
        let asking = service.clone();
        let herd = actix::spawn(async move { asking.herd(PLAIN).await });
        until("the herd has its place", || metric(&service.metrics, "tts_queue_depth") == 2).await;

        herd.abort();
        until("its place is given back", || metric(&service.metrics, "tts_queue_depth") == 1).await;
        gate.open();

        assert!(busy.await.unwrap().is_ok());
        service.until_idle().await;
        assert_eq!(service.inferences(), 1);
    });
}

#[test]
fn what_nobody_waits_for_any_more_is_not_kept_when_it_ends() {
    in_turn(async {
        let service = Service::start().await;
        let gate = service.script.inference_gate.close();
        let asking = service.clone();
        let herd = actix::spawn(async move { asking.herd(PLAIN).await });
        service.until_inside(1).await;

        herd.abort();
        service.until_idle().await;
        gate.open();
        let after = service.ask("One text for all.", PLAIN, far()).await.unwrap();

        assert_eq!((after.cache, service.inferences()), (CacheUse::Miss, 2));
    });
}

#[test]
fn whoever_has_more_time_than_the_first_is_answered() {
    in_turn(async {
        let service = Service::start().await;
        // What comes first makes more ready than what follows.
        service.ask("Another text.", PLAIN, far()).await.unwrap();
        let gate = service.script.inference_gate.close();
        let asking = service.clone();
        let soon = Deadline::after(Duration::from_secs(1));
        let first = actix::spawn(async move { asking.ask("One text for all.", PLAIN, soon).await });
        service.until_inside(1).await;
        let mut patient = Box::pin(service.ask("One text for all.", PLAIN, far()));
        assert!((&mut patient).now_or_never().is_none());

        let first = tokio::select! {
            first = first => first.unwrap(),
            _ = &mut patient => panic!("answered by a closed gate"),
        };
        gate.open();

        assert_eq!(first.err(), Some(SpeechError::DeadlinePassed));
        assert!(patient.await.is_ok());
    });
}

#[test]
fn a_request_that_loses_its_place_is_refused_and_makes_nothing() {
    in_turn(async {
        let service = Service::start().await;
        let gate = service.script.inference_gate.close();
        let asking = service.clone();
        let busy = actix::spawn(async move { asking.ask("Something else.", PLAIN, far()).await });
        service.until_inside(1).await;
        let text = (0..40).map(|number| format!("This is number {number}. ")).collect::<Vec<_>>().concat();
        let asking = service.clone();
        let soon = Deadline::after(Duration::from_secs(20));
        let long = actix::spawn(async move { asking.ask(&text, PLAIN, soon).await });
        until("it has its place", || metric(&service.metrics, "tts_queue_depth") == 2).await;

        // Slower than anybody could know.
        service.pool.admit().unwrap().computed(&voice(GOOD), 1e6, Duration::from_hours(10));

        let refused = long.await.unwrap().err();
        assert!(matches!(refused, Some(SpeechError::Overloaded { .. })), "{refused:?}");
        gate.open();
        assert!(busy.await.unwrap().is_ok());
        assert_eq!(service.inferences(), 1);
        service.until_idle().await;
    });
}
