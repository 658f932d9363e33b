//! Owns the settings: what they are called, their defaults and limits. Read once at start from a file and the
//! environment (file < environment); what is wrong ends the start with a line that names the key. `config/default.toml`
//! documents every key.

mod aliases;
mod batch;
mod choosing;
mod fronts;
mod http;
mod live;
mod reader;
mod secret;
mod service_env;
mod signing;
mod speaking;
mod suspicions;
mod synthesis;
mod tokens;
mod values;
mod watched;
mod wyoming;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tracing::Level;

pub use batch::BatchConfig;
pub use choosing::ChoosingConfig;
pub use fronts::FrontsConfig;
pub use http::HttpConfig;
pub use live::LiveConfig;
pub use reader::{Environment, ProcessEnvironment};
pub use secret::{HashedToken, Secret};
pub use signing::{SecretsError, SigningConfig, read_link_secrets, read_settled_link_secrets};
pub use speaking::SpeakingConfig;
pub use synthesis::SynthesisConfig;
pub use tokens::{Limits, NamedToken, Scopes, TokensError, read_settled_tokens, read_tokens};
pub use values::ConfigError;
pub use wyoming::{WyomingAddress, WyomingConfig};

use reader::SettingsReader;
use suspicions::cores;
use values::{SetAs, Values};

/// All settings, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub tokens: Vec<HashedToken>,
    /// Where named tokens with limits are.
    pub tokens_file: Option<PathBuf>,
    pub http: HttpConfig,
    pub voices: VoicesConfig,
    pub synthesis: SynthesisConfig,
    pub cache: CacheConfig,
    pub batch: BatchConfig,
    pub live: LiveConfig,
    pub fronts: FrontsConfig,
    pub signing: SigningConfig,
    pub wyoming: WyomingConfig,
    pub log: LogConfig,
    pub runtime: RuntimeConfig,
    /// Values that may not be what was meant.
    pub suspicions: Vec<ConfigError>,
    set_as: SetAs,
}

#[derive(Debug, Clone)]
pub struct VoicesConfig {
    /// Ids that may be served; `*` and `?` are wildcards.
    pub allowed: Vec<String>,
    /// What callers of the OpenAI route may call voices: ids, with a speaker or without.
    pub openai_names: BTreeMap<String, String>,
    /// Of requests that name none, or none that there is.
    pub choosing: ChoosingConfig,
    /// `None`: the first voice that `allowed` names.
    pub default: Option<String>,
    /// `None`: the default voice.
    pub preload: Option<Vec<String>>,
    pub models_dir: PathBuf,
    /// `None`: beside the voices.
    pub compiled_dir: Option<PathBuf>,
    /// For all voices in memory together.
    pub memory_bytes: u64,
    /// Never let go once they are loaded.
    pub pinned: Vec<String>,
    /// After how long without use a voice is let go; `None`: when its room is needed.
    pub idle: Option<Duration>,
    /// Base address of the voices that can be fetched.
    pub source: String,
    /// No outgoing connection at all.
    pub offline: bool,
    /// Licences that may be served; empty: all. `*` and `?` are wildcards.
    pub allowed_licenses: Vec<String>,
    /// Bytes that downloaded voices may take; 0: without bound.
    pub models_max_bytes: u64,
    /// How often the models folder is looked into; `None`: never.
    pub rescan: Option<Duration>,
    /// The longest that one download may take.
    pub download_timeout: Duration,
    /// The longest that a download may bring nothing.
    pub download_stall: Duration,
    /// How long a request waits for a voice that is being downloaded.
    pub wait: Duration,
}

#[derive(Debug, Clone)]
pub struct CacheConfig {
    pub enabled: bool,
    pub ttl: Duration,
    pub l1_bytes: u64,
    /// Of one entry or answer, in any tier.
    pub max_entry_bytes: usize,
    /// `None`: this process shares nothing.
    pub redis: Option<RedisConfig>,
}

#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// May hold a password.
    pub url: Secret,
    /// The longest that a request waits for one call.
    pub timeout: Duration,
    /// The longest that a write takes, for which nobody waits.
    pub write_timeout: Duration,
    pub connect_timeout: Duration,
    /// Bytes that may wait to be written.
    pub write_queue_bytes: usize,
    /// Calls that requests may wait for at once.
    pub max_in_flight: usize,
    /// How long a replica has to itself what it makes.
    pub lease: Duration,
}

#[derive(Debug, Clone)]
pub struct LogConfig {
    pub format: LogFormat,
    pub level: Level,
    /// Lines that may wait to be written; more are dropped.
    pub queue_lines: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Pretty,
}

/// Where the native parts are; what is empty is searched for.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    pub onnxruntime: Option<PathBuf>,
    pub espeak_library: Option<PathBuf>,
    pub espeak_data: Option<PathBuf>,
    pub tashkeel: Option<PathBuf>,
    pub nakdimon: Option<PathBuf>,
}

const DEFAULT_VOICE: &str = "en_US-joe-medium";
/// At a revision that does not change, so that a voice is the same voice tomorrow.
const DEFAULT_SOURCE: &str =
    "https://huggingface.co/rhasspy/piper-voices/resolve/c10ece1aade47bb51c153c893d14e5bf8e5b7117";
const SOURCE_SCHEMES: [&str; 3] = ["http://", "https://", "file:///"];

// === impl VoicesConfig ===

impl VoicesConfig {
    /// Whether voices come from the public source, whose list comes with the program.
    pub fn has_public_source(&self) -> bool {
        self.source == DEFAULT_SOURCE
    }

    /// Where compiled voices are kept.
    pub fn compiled_dir(&self) -> Option<PathBuf> {
        Some(self.compiled_dir.clone().unwrap_or_else(|| self.models_dir.join(".compiled")))
    }
}

// === impl Config ===

impl Config {
    /// Reads the settings of `file`, if one is given, and of the environment over them.
    pub fn load(file: Option<&std::path::Path>, environment: &dyn Environment) -> Result<Self, ConfigError> {
        let (mut values, mut set_as) = match file {
            Some(path) => aliases::resolve(reader::read_file(path)?)?,
            None => (Values::new(), SetAs::new()),
        };
        let (over, over_as) = aliases::resolve(reader::read_environment(environment))?;
        set_as.retain(|name, _| !over.contains_key(*name));
        set_as.extend(over_as);
        values.extend(over);
        let quoted = suspicions::quoted(&values);
        let config = Self::from_values(SettingsReader::new(values)).map_err(|error| {
            // The quotes, where they are the cause.
            let cause = quoted.iter().find(|quoted| quoted.key == error.key).cloned();
            cause.unwrap_or(error).renamed(&set_as)
        })?;
        let Self { http, synthesis, batch, tokens, tokens_file, .. } = &config;
        let suspicions = quoted.into_iter().chain(suspicions::oversized(http, synthesis, batch));
        let suspicions = suspicions.chain(suspicions::hasty(synthesis));
        let suspicions = suspicions.chain(suspicions::deserted(tokens, tokens_file.as_deref()));
        let suspicions = suspicions.map(|suspicion| suspicion.renamed(&set_as)).collect();
        Ok(Self { suspicions, set_as, ..config })
    }

    /// What is wrong with a setting, under the name by which it was set.
    pub fn error(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        ConfigError::new(key, problem).renamed(&self.set_as)
    }

    fn from_values(mut read: SettingsReader) -> Result<Self, ConfigError> {
        let cores = cores();
        let tokens_file = read.path("TTS_TOKENS_FILE");
        let tokens = read.tokens("ALLOWED_USER_TOKEN", tokens_file.is_none())?;
        let config = Self {
            tokens,
            tokens_file,
            http: HttpConfig::read(&mut read, cores)?,
            voices: VoicesConfig {
                allowed: read.list("TTS_VOICES")?.unwrap_or_else(|| vec![DEFAULT_VOICE.to_owned()]),
                openai_names: read.pairs("TTS_OPENAI_VOICES")?,
                choosing: ChoosingConfig::read(&mut read)?,
                default: read.text("TTS_DEFAULT_VOICE"),
                preload: read.list("TTS_PRELOAD_VOICES")?,
                models_dir: read.path("TTS_MODELS_DIR").unwrap_or_else(|| PathBuf::from("models")),
                compiled_dir: read.path("TTS_COMPILED_DIR"),
                memory_bytes: read.number("TTS_POOL_MEMORY_BYTES", 1..=1 << 50, 512 << 20)?,
                pinned: read.list("TTS_PINNED_VOICES")?.unwrap_or_default(),
                idle: read.seconds_or_never("TTS_VOICE_IDLE_SECONDS", 31_536_000, 0)?,
                source: voice_source(&mut read)?,
                offline: read.flag("TTS_OFFLINE", false)?,
                allowed_licenses: read.list("TTS_ALLOWED_LICENSES")?.unwrap_or_default(),
                models_max_bytes: read.number("TTS_MODELS_MAX_BYTES", 0..=1 << 50, 0)?,
                rescan: read.seconds_or_never("TTS_VOICES_RESCAN_SECONDS", 86_400, 60)?,
                download_timeout: read.milliseconds("TTS_DOWNLOAD_TIMEOUT_MS", 100..=86_400_000, 600_000)?,
                download_stall: read.milliseconds("TTS_DOWNLOAD_STALL_MS", 10..=600_000, 20_000)?,
                wait: read.milliseconds("TTS_VOICE_WAIT_MS", 0..=3_600_000, 10_000)?,
            },
            synthesis: SynthesisConfig::read(&mut read, cores)?,
            cache: CacheConfig {
                enabled: read.flag("TTS_CACHE_ENABLED", true)?,
                ttl: Duration::from_secs(read.number("TTS_CACHE_TTL_SECONDS", 1..=31_536_000, 604_800)?),
                l1_bytes: read.number("TTS_CACHE_L1_BYTES", 0..=1 << 40, 128 << 20)?,
                max_entry_bytes: read.number("TTS_CACHE_MAX_ENTRY_BYTES", 1024..=256 << 20, 4 << 20)?,
                redis: redis(&mut read)?,
            },
            batch: BatchConfig::read(&mut read, cores)?,
            live: LiveConfig::read(&mut read)?,
            fronts: FrontsConfig::read(&mut read)?,
            signing: SigningConfig::read(&mut read)?,
            wyoming: WyomingConfig::read(&mut read)?,
            log: log(&mut read)?,
            runtime: RuntimeConfig {
                onnxruntime: read.path("ORT_DYLIB_PATH"),
                espeak_library: read.path("TTS_ESPEAK_LIBRARY"),
                espeak_data: read.path("TTS_ESPEAK_DATA"),
                tashkeel: read.path("TTS_TASHKEEL_DIR"),
                nakdimon: read.path("TTS_NAKDIMON_DIR"),
            },
            suspicions: Vec::new(),
            set_as: SetAs::new(),
        };
        read.finish()?;
        Ok(config)
    }
}

fn log(read: &mut SettingsReader) -> Result<LogConfig, ConfigError> {
    Ok(LogConfig {
        format: match read.choice("TTS_LOG_FORMAT", &["json", "pretty"])? {
            Some("pretty") => LogFormat::Pretty,
            _ => LogFormat::Json,
        },
        level: read
            .choice("TTS_LOG_LEVEL", &["error", "warn", "info", "debug", "trace"])?
            .and_then(|name| name.parse().ok())
            .unwrap_or(Level::INFO),
        queue_lines: read.number("TTS_LOG_QUEUE_LINES", 16..=1_000_000, 8_192)?,
    })
}

fn redis(read: &mut SettingsReader) -> Result<Option<RedisConfig>, ConfigError> {
    let url = read.text("TTS_REDIS_URL");
    let redis = RedisConfig {
        url: Secret::new(url.clone().unwrap_or_default()),
        timeout: read.milliseconds("TTS_REDIS_TIMEOUT_MS", 1..=10_000, 25)?,
        write_timeout: read.milliseconds("TTS_REDIS_WRITE_TIMEOUT_MS", 1..=60_000, 250)?,
        connect_timeout: read.milliseconds("TTS_REDIS_CONNECT_TIMEOUT_MS", 1..=60_000, 1_000)?,
        write_queue_bytes: read.number("TTS_REDIS_WRITE_QUEUE_BYTES", 0..=1 << 40, 32 << 20)?,
        max_in_flight: read.number("TTS_REDIS_MAX_IN_FLIGHT", 1..=100_000, 256)?,
        lease: read.milliseconds("TTS_REDIS_LEASE_MS", 1..=600_000, 3_000)?,
    };
    Ok(url.map(|_| redis))
}

fn voice_source(read: &mut SettingsReader) -> Result<String, ConfigError> {
    const KEY: &str = "TTS_VOICE_SOURCE";
    let source = read.text(KEY).unwrap_or_else(|| DEFAULT_SOURCE.to_owned());
    if !SOURCE_SCHEMES.iter().any(|scheme| source.len() > scheme.len() && source.starts_with(scheme)) {
        return Err(ConfigError::new(KEY, "must begin with http://, https:// or file:///"));
    }
    Ok(source)
}

#[cfg(test)]
mod tests;
