//! Owns the settings of the HTTP server.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use super::reader::SettingsReader;
use super::secret::HashedToken;
use super::values::ConfigError;

#[derive(Debug, Clone)]
pub struct HttpConfig {
    pub bind: SocketAddr,
    /// Threads that serve connections.
    pub threads: usize,
    pub max_connections: usize,
    pub body_limit_bytes: usize,
    pub body_timeout: Duration,
    /// How long a caller may take nothing of an answer before its connection is closed.
    pub write_timeout: Duration,
    /// What the system holds of an answer for each connection.
    pub send_buffer_bytes: usize,
    /// How long requests in work may take to finish after a signal to stop.
    pub drain_timeout: Duration,
    /// Wrong tokens from one address in a minute, after which it is not listened to; `None`: without bound.
    pub wrong_tokens: Option<NonZeroU32>,
    /// Without one, `/metrics` is open.
    pub metrics_token: Option<HashedToken>,
    /// Origins whose pages may read answers; `*`: all.
    pub cors_origins: Vec<String>,
    /// Days for which is kept what callers had.
    pub usage_days: u32,
    /// Whether OpenAI's lists of models and voices are open to everyone.
    pub public_voice_list: bool,
    /// Whether the routes of piper's own server are there, which ask for no token.
    pub piper_routes: bool,
}

// === impl HttpConfig ===

impl HttpConfig {
    pub(super) fn read(read: &mut SettingsReader, cores: usize) -> Result<Self, ConfigError> {
        Ok(Self {
            bind: read.parsed("TTS_BIND", "an address such as 0.0.0.0:8080")?.unwrap_or(([0, 0, 0, 0], 8080).into()),
            threads: read.number("TTS_HTTP_THREADS", 1..=256, cores)?,
            max_connections: read.number("TTS_HTTP_MAX_CONNECTIONS", 1..=1_000_000, 10_000)?,
            body_limit_bytes: read.number("TTS_HTTP_BODY_LIMIT_BYTES", 1024..=16 << 20, 256 << 10)?,
            body_timeout: read.milliseconds("TTS_HTTP_BODY_TIMEOUT_MS", 100..=60_000, 5_000)?,
            write_timeout: read.milliseconds("TTS_HTTP_WRITE_TIMEOUT_MS", 100..=600_000, 90_000)?,
            send_buffer_bytes: read.number("TTS_HTTP_SEND_BUFFER_BYTES", 16 << 10..=16 << 20, 128 << 10)?,
            drain_timeout: read.milliseconds("TTS_DRAIN_TIMEOUT_MS", 0..=600_000, 20_000)?,
            wrong_tokens: NonZeroU32::new(read.number("TTS_WRONG_TOKENS_PER_MINUTE", 0..=1_000_000, 0)?),
            metrics_token: read.text("TTS_METRICS_TOKEN").map(HashedToken::new),
            cors_origins: read.origins("TTS_CORS_ORIGINS")?,
            usage_days: read.number("TTS_USAGE_DAYS", 1..=400, 35)?,
            public_voice_list: read.flag("TTS_PUBLIC_VOICE_LIST", false)?,
            piper_routes: read.flag("TTS_PIPER_ROUTES", false)?,
        })
    }
}
