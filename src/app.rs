//! Owns putting the service together: from settings to running actors, children and server, and back down in order.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cache::{CacheHandle, CacheSettings, L2Settings, RedisSettings, Target};
use crate::config::{Config, ConfigError, RedisConfig};
use crate::domain::{Deadline, VoiceId};
use crate::engine::{
    CompiledModels, Engine, EspeakPool, EspeakSettings, OnnxEngine, OnnxRuntime, Phonemizer, RuntimeFiles,
    RuntimeSettings,
};
use crate::http::{AppState, RequestLimits};
use crate::pool::{PoolError, PoolHandle, PoolSettings};
use crate::resilience::{BreakerSettings, Readiness, Reason};
use crate::speech::{SpeechService, SpeechSettings};
use crate::telemetry::Metrics;
use crate::voices::{Catalogue, Retries, VoiceSettings, VoiceSource};

/// What speaks, without a server in front: the service behind the routes, and the commands.
pub struct Speaker {
    pub speech: SpeechService,
    pub pool: PoolHandle,
    pub metrics: Metrics,
    pub default_voice: Option<VoiceId>,
    pub catalogue: Catalogue,
}

/// A server that listens.
pub struct Application {
    server: Server,
    address: SocketAddr,
    readiness: Readiness,
    speaker: Speaker,
    preload: Vec<VoiceId>,
    /// How often the models folder is looked into.
    rescan: Option<Duration>,
}

/// Where downloads go in the home folder when the models folder cannot be written.
const FALLBACK_DIR: &str = ".local/share/tts-batch-api/models";
/// Few enough errors to wait for, and so many that one lost connection is not among the reasons.
const REDIS_BREAKER: BreakerSettings =
    BreakerSettings { errors: 5, window: Duration::from_secs(1), probe_after: Duration::from_secs(1) };
/// Voices may take this long to load before the first request.
const PRELOAD_LIMIT: Duration = Duration::from_mins(10);

// === impl Speaker ===

impl Speaker {
    /// Finds and loads the native parts, starts the phonemizer children, and starts the actors on the current system.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        // A setting that is wrong is found before anything heavy starts.
        cache_settings(config)?;
        let files = RuntimeFiles::find(&runtime_settings(config))?;
        let runtime = OnnxRuntime::load(&files.onnxruntime)?;
        let catalogue = Catalogue::open(&voice_settings(config)?).unwrap_or_else(|error| {
            tracing::warn!(%error, "no voices");
            Catalogue::default()
        });
        let espeak = EspeakPool::start(espeak_settings(config, &files)).await?;
        let phonemizer = Phonemizer::new(espeak, runtime.clone(), files.tashkeel);
        let models = CompiledModels::new(runtime.clone(), config.voices.compiled_dir());
        Self::with_engine(config, Arc::new(OnnxEngine::new(runtime, models)), catalogue, phonemizer)
    }

    /// Starts the actors around another engine than that of [`Speaker::start`].
    pub fn with_engine(
        config: &Config,
        engine: Arc<dyn Engine>,
        catalogue: Catalogue,
        phonemizer: Phonemizer,
    ) -> anyhow::Result<Self> {
        let default_voice = default_voice(config, &catalogue)?;
        let metrics = Metrics::new().context("metrics")?;
        let pool = PoolHandle::start(engine, catalogue.clone(), metrics.clone(), pool_settings(config)?);
        let cache = match cache_settings(config)? {
            Some(settings) => CacheHandle::start(settings, metrics.clone()),
            None => CacheHandle::disabled(metrics.clone()),
        };
        let settings = SpeechSettings { max_sentence_phonemes: config.synthesis.max_sentence_phonemes };
        Ok(Self {
            speech: SpeechService::new(phonemizer, catalogue.clone(), pool.clone(), cache, settings),
            pool,
            metrics,
            default_voice,
            catalogue,
        })
    }
}

// === impl Application ===

impl Application {
    /// Binds the address first, so that a port in use is known before anything heavy starts.
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        let listener = listen(config.http.bind)?;
        let speaker = Speaker::start(config).await?;
        Self::with_speaker(config, listener, speaker)
    }

    /// Serves what `speaker` speaks on `listener`.
    pub fn with_speaker(config: &Config, listener: TcpListener, speaker: Speaker) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let readiness = Readiness::default();
        readiness.add(Reason::Loading);
        if speaker.catalogue.is_empty() {
            readiness.add(Reason::NoVoices);
        }
        let preload = preload(config, &speaker)?;
        let state = AppState {
            speech: speaker.speech.clone(),
            pool: speaker.pool.clone(),
            catalogue: speaker.catalogue.clone(),
            metrics: speaker.metrics.clone(),
            readiness: readiness.clone(),
            tokens: config.tokens.clone(),
            metrics_token: config.http.metrics_token.clone(),
            default_voice: speaker.default_voice.clone(),
            limits: RequestLimits {
                body_bytes: config.http.body_limit_bytes,
                body_timeout: config.http.body_timeout,
                text_chars: config.synthesis.max_text_chars,
                deadline: config.synthesis.request_deadline,
            },
        };
        let rescan = config.voices.rescan;
        Ok(Self {
            server: crate::http::start(listener, state, &config.http)?,
            address,
            readiness,
            speaker,
            preload,
            rescan,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until a signal to stop, then until the requests in work are done or the time for that is over. A second signal ends it at
    /// once.
    pub async fn run(self) -> anyhow::Result<()> {
        actix::spawn(load_first(self.speaker.pool.clone(), self.preload, self.readiness.clone()));
        actix::spawn(keep_voices_current(self.speaker.catalogue, self.rescan, self.readiness.clone())?);
        actix::spawn(stop_on_signal(self.server.handle(), self.readiness)?);
        // Whoever reads this may send signals: from here on each does what it is for.
        announce(self.address);
        self.server.await?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// One line for people and for programs that started the service with port 0.
fn announce(address: SocketAddr) {
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    let mut out = std::io::stdout();
    // A closed standard output is no reason not to serve.
    let _ = writeln!(out, "{}", serde_json::json!({"listening": address.to_string()})).and_then(|()| out.flush());
}

async fn load_first(pool: PoolHandle, voices: Vec<VoiceId>, readiness: Readiness) {
    let limit = Deadline::after(PRELOAD_LIMIT);
    for voice in voices {
        let loaded = loop {
            match pool.voice(&voice, limit).await {
                Err(PoolError::VoiceLoading(_)) => {}
                other => break other,
            }
        };
        if let Err(error) = loaded {
            tracing::error!(%voice, %error, "a voice that was to be loaded first is missing");
            readiness.add(Reason::VoiceFailed(voice.to_string()));
        }
    }
    readiness.remove(&Reason::Loading);
}

fn stop_on_signal(server: ServerHandle, readiness: Readiness) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!("stopping");
        readiness.add(Reason::Draining);
        actix::spawn(server.stop(true));
        either(&mut terminate, &mut interrupt).await;
        tracing::warn!("stopped before all requests were done");
        std::process::exit(1);
    })
}

/// Finds voices that were put into the folder or taken out of it: now and then, and on SIGHUP, which also fetches the catalogue again.
fn keep_voices_current(
    catalogue: Catalogue,
    interval: Option<Duration>,
    readiness: Readiness,
) -> std::io::Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            let next = async {
                match interval {
                    Some(interval) => tokio::time::sleep(interval).await,
                    None => std::future::pending().await,
                }
            };
            let asked = tokio::select! {
                _ = hangup.recv() => true,
                () = next => false,
            };
            rescan(&catalogue).await;
            if asked && let Err(error) = catalogue.refresh().await {
                tracing::warn!(%error, "the catalogue stays as it was");
            }
            if catalogue.is_empty() {
                readiness.add(Reason::NoVoices);
            } else {
                readiness.remove(&Reason::NoVoices);
            }
        }
    })
}

async fn rescan(catalogue: &Catalogue) {
    let catalogue = catalogue.clone();
    match tokio::task::spawn_blocking(move || catalogue.rescan()).await {
        Ok(Ok(found)) => {
            for voice in found.added {
                tracing::info!(%voice, "voice found");
            }
            for voice in found.removed {
                tracing::info!(%voice, "voice gone");
            }
        }
        Ok(Err(error)) => tracing::warn!(%error, "voices stay as they were"),
        Err(error) => tracing::error!(%error, "looking for voices ended early"),
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, ConfigError> {
    TcpListener::bind(address)
        .map_err(|error| ConfigError::new("TTS_BIND", format!("cannot listen on {address}: {error}")))
}

/// `None`: nothing is kept.
fn cache_settings(config: &Config) -> Result<Option<CacheSettings>, ConfigError> {
    let cache = &config.cache;
    if !cache.enabled {
        return Ok(None);
    }
    let l2 = cache.redis.as_ref().map(|redis| {
        Ok(L2Settings {
            redis: redis_settings(redis, cache.max_entry_bytes)?,
            write_queue_bytes: redis.write_queue_bytes,
            max_in_flight: redis.max_in_flight,
            lease: redis.lease,
        })
    });
    Ok(Some(CacheSettings {
        l1_bytes: cache.l1_bytes,
        ttl: cache.ttl,
        max_entry_bytes: cache.max_entry_bytes,
        l2: l2.transpose()?,
    }))
}

pub fn redis_settings(redis: &RedisConfig, max_entry_bytes: usize) -> Result<RedisSettings, ConfigError> {
    let target = Target::parse(redis.url.reveal());
    Ok(RedisSettings {
        target: target.map_err(|error| ConfigError::new("TTS_REDIS_URL", error.to_string()))?,
        operation_timeout: redis.timeout,
        write_timeout: redis.write_timeout,
        connect_timeout: redis.connect_timeout,
        max_entry_bytes,
        breaker: REDIS_BREAKER,
    })
}

fn pool_settings(config: &Config) -> Result<PoolSettings, ConfigError> {
    let pinned = config
        .voices
        .pinned
        .iter()
        .map(|name| VoiceId::parse(name).map_err(|error| ConfigError::new("TTS_PINNED_VOICES", error.to_string())));
    Ok(PoolSettings {
        workers: config.synthesis.workers,
        queue_limit: config.synthesis.queue_limit,
        memory_limit_bytes: config.voices.memory_bytes,
        pinned: pinned.collect::<Result<_, _>>()?,
        voice_idle: config.voices.idle,
        voice_wait: config.voices.wait,
        hang_grace: config.synthesis.hang_grace,
    })
}

pub fn voice_settings(config: &Config) -> Result<VoiceSettings, ConfigError> {
    let voices = &config.voices;
    let source = VoiceSource::parse(&voices.source);
    Ok(VoiceSettings {
        models_dir: voices.models_dir.clone(),
        fallback_dir: std::env::home_dir().map(|home| home.join(FALLBACK_DIR)).filter(|folder| folder.is_absolute()),
        allowed: voices.allowed.clone(),
        source: Some(source.map_err(|error| ConfigError::new("TTS_VOICE_SOURCE", error.to_string()))?),
        offline: voices.offline,
        allowed_licenses: voices.allowed_licenses.clone(),
        max_bytes: voices.models_max_bytes,
        download_timeout: voices.download_timeout,
        stall_timeout: voices.download_stall,
        retries: Retries::default(),
    })
}

pub fn runtime_settings(config: &Config) -> RuntimeSettings {
    RuntimeSettings {
        onnxruntime: config.runtime.onnxruntime.clone(),
        espeak_library: config.runtime.espeak_library.clone(),
        espeak_data: config.runtime.espeak_data.clone(),
        tashkeel: config.runtime.tashkeel.clone(),
    }
}

pub fn espeak_settings(config: &Config, files: &RuntimeFiles) -> EspeakSettings {
    EspeakSettings {
        // Not the path that it was started by: the file there may have been replaced since.
        program: PathBuf::from("/proc/self/exe"),
        library: files.espeak_library.clone(),
        data: files.espeak_data.clone(),
        processes: config.synthesis.phonemizers,
        queue_limit: config.synthesis.queue_limit,
        timeout: config.synthesis.phonemize_timeout,
    }
}

/// The voice that was named, or of those that `TTS_VOICES` names the first that is here, or else the first that can be fetched.
fn default_voice(config: &Config, catalogue: &Catalogue) -> Result<Option<VoiceId>, ConfigError> {
    if let Some(name) = &config.voices.default {
        return known_voice("TTS_DEFAULT_VOICE", name, catalogue).map(Some);
    }
    let named: Vec<_> = config.voices.allowed.iter().filter_map(|name| VoiceId::parse(name).ok()).collect();
    let here = named.iter().find(|id| catalogue.installed(id).is_some()).cloned();
    let fetchable = || named.iter().find(|id| catalogue.contains(id)).cloned();
    Ok(here.or_else(|| catalogue.ids().into_iter().next()).or_else(fetchable))
}

fn preload(config: &Config, speaker: &Speaker) -> Result<Vec<VoiceId>, ConfigError> {
    match &config.voices.preload {
        None => Ok(speaker.default_voice.iter().cloned().collect()),
        Some(names) => names.iter().map(|name| known_voice("TTS_PRELOAD_VOICES", name, &speaker.catalogue)).collect(),
    }
}

fn known_voice(key: &str, name: &str, catalogue: &Catalogue) -> Result<VoiceId, ConfigError> {
    VoiceId::parse(name)
        .ok()
        .filter(|id| catalogue.contains(id))
        .ok_or_else(|| ConfigError::new(key, "names a voice that is not to be had or that TTS_VOICES does not allow"))
}
