//! Puts together what speaks: the native parts, the phonemizer children, the pool and the cache.

use std::sync::Arc;

use anyhow::Context;
use piper_acoustic::{CompiledModels, Engine, OnnxEngine, OnnxRuntime, RuntimeFiles};
use piper_phonemize::{EspeakPool, Phonemizer};

use super::checks::{check_memory, known_voice, open_catalogue, tell};
use super::engine::SpeakingEngine;
use super::settings::{cache_settings, espeak_settings, pool_settings, runtime_settings, text_reader};
use crate::cache::CacheHandle;
use crate::config::{Config, ConfigError};
use crate::pool::{PoolHandle, PoolParts};
use crate::resilience::{ByteBudget, Readiness};
use crate::speech::{SpeechService, SpeechSettings};
use crate::telemetry::{self, Metrics};
use crate::voices::{Catalogue, DefaultVoice};

/// What speaks, without a server in front: the service behind the routes, and the commands.
pub struct SpeechStack {
    pub speech: SpeechService,
    pub pool: PoolHandle,
    pub metrics: Metrics,
    pub readiness: Readiness,
    /// Of requests that name none.
    pub default_voice: DefaultVoice,
    pub catalogue: Catalogue,
}

// === impl SpeechStack ===

impl SpeechStack {
    /// Finds and loads the native parts, starts the phonemizer children, and starts the actors on the current system.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let (catalogue, trouble) = open_catalogue(config)?;
        tell(&trouble);
        Self::with_catalogue(config, catalogue).await
    }

    pub(super) async fn with_catalogue(config: &Config, catalogue: Catalogue) -> anyhow::Result<Self> {
        // A setting that is wrong is found before anything heavy starts.
        cache_settings(config)?;
        text_reader(config, 0)?;
        pool_settings(config)?;
        let files = RuntimeFiles::find(&runtime_settings(config))?;
        let runtime = OnnxRuntime::new(&files.onnxruntime);
        let espeak = EspeakPool::start(espeak_settings(config, &files)).await?;
        let phonemizer = Phonemizer::new(espeak, runtime.clone(), files.languages);
        let models = CompiledModels::new(runtime.clone(), config.voices.compiled_dir());
        let engine = SpeakingEngine::new(OnnxEngine::new(runtime, models), phonemizer.clone());
        check_memory(config, &catalogue, &engine)?;
        Self::with_engine(config, Arc::new(engine), catalogue, phonemizer)
    }

    /// Starts the actors around another engine than that of [`SpeechStack::start`].
    pub fn with_engine(
        config: &Config,
        engine: Arc<dyn Engine>,
        catalogue: Catalogue,
        phonemizer: Phonemizer,
    ) -> anyhow::Result<Self> {
        let default_voice = default_voice(config, &catalogue)?;
        let metrics = Metrics::new().context("metrics")?;
        metrics.show_dropped_log_lines(telemetry::dropped_lines).context("metrics")?;
        metrics.show_malformed_requests(telemetry::malformed_requests).context("metrics")?;
        let readiness = Readiness::default();
        let parts =
            PoolParts { engine, catalogue: catalogue.clone(), metrics: metrics.clone(), readiness: readiness.clone() };
        let pool = PoolHandle::start(parts, pool_settings(config)?);
        let answers = ByteBudget::new(config.synthesis.answers_max_bytes);
        let shown = answers.clone();
        metrics.show_answers(move || shown.held(), answers.limit()).context("metrics")?;
        let cache = match cache_settings(config)? {
            Some(settings) => CacheHandle::start(settings, answers.clone(), metrics.clone()),
            None => CacheHandle::disabled(metrics.clone()),
        };
        let settings = SpeechSettings {
            max_sentence_phonemes: config.synthesis.max_sentence_phonemes,
            max_answer_bytes: config.synthesis.max_answer_bytes,
            answers,
            measures_voices: config.synthesis.speaking.loudness.is_some(),
        };
        Ok(Self {
            speech: SpeechService::new(phonemizer, catalogue.clone(), pool.clone(), cache, metrics.clone(), settings),
            pool,
            metrics,
            readiness,
            default_voice,
            catalogue,
        })
    }
}

fn default_voice(config: &Config, catalogue: &Catalogue) -> Result<DefaultVoice, ConfigError> {
    let named = config.voices.default.as_ref();
    let named = named.map(|name| known_voice(config, "TTS_DEFAULT_VOICE", name, catalogue)).transpose()?;
    Ok(DefaultVoice::new(named, config.voices.allowed.clone(), catalogue.clone()))
}
