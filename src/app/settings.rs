//! Owns turning the settings of the whole program into those of its parts.

use std::path::PathBuf;
use std::time::Duration;

use piper_acoustic::{RuntimeFiles, RuntimeSettings};
use piper_phonemize::EspeakSettings;

use crate::batch::{
    BatchSettings, Ledger, LedgerLimits, MemoryLimits, RedisLedger, RedisLedgerSettings, Store, Webhook,
    WebhookSettings, WorkSettings,
};
use crate::cache::{CacheSettings, L2Settings, RedisSettings, RedisTarget};
use crate::config::{BatchConfig, Config, ConfigError, RedisConfig, SpeakingConfig};
use crate::domain::{Class, Classes, InvalidField, Level, Lufs, Prosody, VoiceId};
use crate::live::SessionLimits;
use crate::pool::PoolSettings;
use crate::resilience::BreakerSettings;
use crate::text::{Lexicons, ReadingDefaults, TextReader};
use crate::usage::UsageRedis;
use crate::voices::{Retries, VoiceSettings, VoiceSource};

/// Few enough errors to wait for, and so many that one lost connection is not among the reasons.
const REDIS_BREAKER: BreakerSettings =
    BreakerSettings { errors: 5, window: Duration::from_secs(1), probe_after: Duration::from_secs(1) };

/// A worker that renews its item sees that nobody waits for it any more.
const LONGEST_BETWEEN_RENEWALS: Duration = Duration::from_secs(3);

/// Where downloads go in the home folder when the models folder cannot be written.
const FALLBACK_DIR: &str = ".local/share/tts-batch-api/models";

pub fn pool_settings(config: &Config) -> Result<PoolSettings, ConfigError> {
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
        panic_limit: config.synthesis.voice_panic_limit,
    })
}

/// Reads the lexicons too.
pub fn text_reader(config: &Config, max_chars: usize) -> Result<TextReader, ConfigError> {
    let synthesis = &config.synthesis;
    let lexicons = match &synthesis.lexicons_dir {
        None => Lexicons::default(),
        Some(folder) => {
            Lexicons::open(folder).map_err(|error| ConfigError::new("TTS_LEXICONS_DIR", error.to_string()))?
        }
    };
    let reader = TextReader::new(max_chars, lexicons, synthesis.lexicons.clone())
        .map_err(|name| ConfigError::new("TTS_LEXICONS", format!("there is no lexicon {name} in TTS_LEXICONS_DIR")))?;
    Ok(reader.with_defaults(reading_defaults(&synthesis.speaking)?))
}

fn reading_defaults(speaking: &SpeakingConfig) -> Result<ReadingDefaults, ConfigError> {
    let mut classes = Classes::ALL;
    for name in &speaking.normalize_off {
        let names = || Class::ALL.map(Class::name).join(", ");
        let unknown =
            || ConfigError::new("TTS_NORMALIZE_OFF", format!("there is no class {name}: they are {}", names()));
        classes = classes.without(Class::parse(name).ok_or_else(unknown)?);
    }
    Ok(ReadingDefaults {
        normalize: speaking.normalize,
        classes,
        raw_phonemes: speaking.raw_phonemes,
        paragraph_silence_ms: speaking.paragraph_silence_ms,
    })
}

/// How texts are said where nobody says how.
pub fn usual_prosody(config: &Config) -> Result<Prosody, InvalidField> {
    let speaking = &config.synthesis.speaking;
    let level = speaking.loudness.map_or(Ok(Level::AsTrained), |lufs| Lufs::new(lufs).map(Level::Loudness))?;
    let prosody = Prosody::default().with_speed(speaking.speed)?.with_level(level);
    prosody.with_sentence_silence_ms(speaking.sentence_silence_ms)
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
        nakdimon: config.runtime.nakdimon.clone(),
    }
}

pub fn espeak_settings(config: &Config, files: &RuntimeFiles) -> EspeakSettings {
    EspeakSettings {
        // Not the path that it was started by: the file there may have been replaced since.
        program: PathBuf::from("/proc/self/exe"),
        library: files.espeak_library.clone(),
        data: files.espeak_data.clone(),
        processes: config.synthesis.phonemizers,
        languages: config.synthesis.phonemizer_languages,
        queue_limit: config.synthesis.queue_limit,
        timeout: config.synthesis.phonemize_timeout,
    }
}

pub fn session_limits(config: &Config) -> SessionLimits {
    SessionLimits {
        sessions: config.live.max_sessions,
        sessions_of_token: config.live.max_sessions_per_token,
        contexts: config.live.max_contexts,
        unsaid_chars: config.live.max_text_chars,
        idle: config.live.idle,
        ping: config.live.ping,
    }
}

pub fn batch_settings(config: &Config) -> BatchSettings {
    let batch = &config.batch;
    let renew_every = (batch.claim / 3).min(LONGEST_BETWEEN_RENEWALS);
    let work = WorkSettings { at_once: batch.workers, attempts: batch.attempts, renew_every };
    BatchSettings { keep: batch.ttl, tell_again: batch.webhook_retry, work }
}

/// Where batches stand, where their results are, and who is told of their end.
pub fn batch_places(config: &Config) -> Result<(Ledger, Store, Webhook), ConfigError> {
    let batch = &config.batch;
    let redis = config.cache.redis.as_ref().map(|redis| redis_target(config, redis)).transpose()?;
    let limits = LedgerLimits {
        open: batch.max_open,
        open_of_owner: batch.max_open_per_token,
        bytes_of_batch: batch.max_result_bytes,
        bytes_of_owner: batch.max_result_bytes_per_token,
    };
    let holds_results = matches!(batch.store.as_deref(), None | Some("redis"));
    let settings = RedisLedgerSettings { limits, claim_after: batch.claim, leave_for: batch.leave, holds_results };
    let redis = redis.map(|target| RedisLedger::new(target, settings));
    let store = batch_store(batch, redis.as_ref())?;
    let ledger = match redis {
        Some(redis) => Ledger::Redis(redis),
        None => {
            Ledger::in_memory(MemoryLimits { items: batch.memory_items, bytes: batch.memory_bytes, batches: limits })
        }
    };
    let webhook = Webhook::new(WebhookSettings {
        secret: batch.webhook_secret.as_ref().map(|secret| secret.reveal().to_owned()),
        private: batch.webhook_private,
        offline: config.voices.offline,
    });
    Ok((ledger, store, webhook))
}

/// Makes the folder, if it is one that is not there.
fn batch_store(batch: &BatchConfig, redis: Option<&RedisLedger>) -> Result<Store, ConfigError> {
    const STORE: &str = "TTS_BATCH_STORE";
    let in_memory = || Store::in_memory(batch.store_bytes);
    let in_redis = |redis: &RedisLedger| Store::in_redis(redis.clone(), batch.ttl, batch.store_bytes);
    match (batch.store.as_deref(), redis) {
        (None | Some("redis"), Some(redis)) => Ok(in_redis(redis)),
        (None | Some("memory"), None) => Ok(in_memory()),
        (Some("redis"), None) => Err(ConfigError::new(STORE, "is redis, and there is no TTS_REDIS_URL")),
        (Some("memory"), Some(_)) => {
            Err(ConfigError::new(STORE, "is memory, where other replicas would not find results"))
        }
        (Some(url), _) => Store::at(url).map_err(|error| ConfigError::new(STORE, error.to_string())),
    }
}

/// Where what callers have is counted for all replicas, if there is such a place.
pub fn usage_redis(config: &Config) -> Result<Option<UsageRedis>, ConfigError> {
    let redis = config.cache.redis.as_ref();
    redis.map(|redis| Ok(UsageRedis::new(redis_target(config, redis)?))).transpose()
}

fn redis_target(config: &Config, redis: &RedisConfig) -> Result<RedisTarget, ConfigError> {
    RedisTarget::parse(redis.url.reveal()).map_err(|error| config.error("TTS_REDIS_URL", error.to_string()))
}

/// `None`: nothing is kept.
pub fn cache_settings(config: &Config) -> Result<Option<CacheSettings>, ConfigError> {
    let cache = &config.cache;
    if !cache.enabled {
        return Ok(None);
    }
    let l2 = cache.redis.as_ref().map(|redis| {
        Ok(L2Settings {
            redis: redis_settings(config, redis)?,
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

pub fn redis_settings(config: &Config, redis: &RedisConfig) -> Result<RedisSettings, ConfigError> {
    Ok(RedisSettings {
        target: redis_target(config, redis)?,
        operation_timeout: redis.timeout,
        write_timeout: redis.write_timeout,
        connect_timeout: redis.connect_timeout,
        max_entry_bytes: config.cache.max_entry_bytes,
        breaker: REDIS_BREAKER,
    })
}
