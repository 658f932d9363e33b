//! Owns finding values that are possible and may not be what was meant.

use std::path::Path;
use std::time::Duration;

use super::batch::BatchConfig;
use super::http::HttpConfig;
use super::secret::HashedToken;
use super::synthesis::SynthesisConfig;
use super::tokens::read_tokens;
use super::values::{ConfigError, Values};

/// More threads for a core than these are a slip.
const THREADS_FOR_A_CORE: usize = 8;
/// No voice says a sentence sooner.
const LEAST_DEADLINE: Duration = Duration::from_millis(100);
const QUOTED: &str = "is in quotes, which are taken as part of the value: write it without them";

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Values in quotes, as they stand in files of variables that no shell reads.
pub fn quoted(values: &Values) -> Vec<ConfigError> {
    let is_quoted = |value: &str| {
        ['"', '\''].iter().any(|quote| value.len() > 1 && value.starts_with(*quote) && value.ends_with(*quote))
    };
    let quoted = values.iter().filter(|(_, value)| is_quoted(value.trim()));
    quoted.map(|(name, _)| ConfigError::new(name, QUOTED)).collect()
}

/// More threads and processes than cores can be of use.
pub fn oversized(http: &HttpConfig, synthesis: &SynthesisConfig, batch: &BatchConfig) -> Vec<ConfigError> {
    let cores = cores();
    let numbers = [
        ("TTS_HTTP_THREADS", http.threads),
        ("TTS_WORKERS", synthesis.workers),
        ("TTS_PHONEMIZERS", synthesis.phonemizers),
        ("TTS_BATCH_WORKERS", batch.workers),
    ];
    let many = numbers.into_iter().filter(|(_, number)| *number > THREADS_FOR_A_CORE * cores);
    let problem = |number| format!("is {number}, on {cores} cores: more take memory and gain nothing");
    many.map(|(key, number)| ConfigError::new(key, problem(number))).collect()
}

/// A file of tokens that names nobody, where nobody else may call. It may be filled while the service runs.
pub fn deserted(tokens: &[HashedToken], tokens_file: Option<&Path>) -> Option<ConfigError> {
    let file = tokens_file.filter(|_| tokens.is_empty())?;
    let problem = "names nobody, and there is no ALLOWED_USER_TOKEN: all who call are refused until it does";
    read_tokens(file).is_ok_and(|named| named.is_empty()).then(|| ConfigError::new("TTS_TOKENS_FILE", problem))
}

/// Deadlines that pass before anything can be said.
pub fn hasty(synthesis: &SynthesisConfig) -> Option<ConfigError> {
    let deadline = synthesis.request_deadline;
    (deadline < LEAST_DEADLINE).then(|| {
        let problem = format!(
            "is {} ms, in which no voice says a sentence: what is not in the cache is answered with 504",
            deadline.as_millis()
        );
        ConfigError::new("TTS_REQUEST_DEADLINE_MS", problem)
    })
}
