//! Owns the names under which the earlier Python service knew its settings, so that its environment files work
//! unchanged. Where both are set, the name of today wins.

use super::values::{ConfigError, SetAs, Values};

struct Alias {
    old: &'static str,
    new: &'static str,
    convert: Convert,
}

enum Convert {
    Unchanged,
    /// A model's file name is its voice's id with an ending.
    Model,
    /// A JSON list of those.
    ModelList,
    /// Python's names of levels.
    LogLevel,
}

/// In order of precedence where several stand for one name.
const ALIASES: [Alias; 9] = [
    Alias { old: "TTS_AVAILABLE_MODELS", new: "TTS_VOICES", convert: Convert::ModelList },
    Alias { old: "TTS_MODEL", new: "TTS_VOICES", convert: Convert::Model },
    Alias { old: "TTS_DEFAULT_MODEL", new: "TTS_DEFAULT_VOICE", convert: Convert::Model },
    Alias { old: "TTS_MODEL", new: "TTS_DEFAULT_VOICE", convert: Convert::Model },
    Alias { old: "TTS_ASSETS_DIR", new: "TTS_MODELS_DIR", convert: Convert::Unchanged },
    Alias { old: "ASSETS_DIR", new: "TTS_MODELS_DIR", convert: Convert::Unchanged },
    Alias { old: "CACHE_TTL", new: "TTS_CACHE_TTL_SECONDS", convert: Convert::Unchanged },
    Alias { old: "ENABLE_CACHE", new: "TTS_CACHE_ENABLED", convert: Convert::Unchanged },
    Alias { old: "LOG_LEVEL", new: "TTS_LOG_LEVEL", convert: Convert::LogLevel },
];

/// Host, port and password; the first host that is set counts.
const REDIS: [[&str; 3]; 2] =
    [["REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD"], ["VALKEY_HOST", "VALKEY_PORT", "VALKEY_PASSWORD"]];
const REDIS_URL: &str = "TTS_REDIS_URL";

pub fn is_alias(name: &str) -> bool {
    ALIASES.iter().any(|alias| alias.old == name) || REDIS.iter().flatten().any(|old| *old == name)
}

/// Moves the values of one source, file or environment, from their old names to the new ones. Says which name each new
/// one stands for, so that what is wrong is reported under the name that was set.
pub fn resolve(mut values: Values) -> Result<(Values, SetAs), ConfigError> {
    let mut set_as = SetAs::new();
    if let Some(host_name) = resolve_redis(&mut values)? {
        set_as.insert(REDIS_URL, host_name);
    }
    for alias in &ALIASES {
        if values.contains_key(alias.new) {
            continue;
        }
        if let Some(value) = values.get(alias.old) {
            let value = alias.convert.apply(value.trim()).map_err(|problem| ConfigError::new(alias.old, problem))?;
            values.insert(alias.new.to_owned(), value);
            set_as.insert(alias.new, alias.old);
        }
    }
    values.retain(|name, _| !is_alias(name));
    Ok((values, set_as))
}

/// Puts the address together that stood in three variables; the name of the first, if so.
fn resolve_redis(values: &mut Values) -> Result<Option<&'static str>, ConfigError> {
    let parts = REDIS.map(|names| (names, names.map(|name| values.remove(name).map(|value| value.trim().to_owned()))));
    if values.contains_key(REDIS_URL) {
        return Ok(None);
    }
    for ([host_name, port_name, _], [host, port, password]) in parts {
        let Some(host) = host else { continue };
        let port = port.unwrap_or_else(|| "6379".to_owned());
        if port.parse::<u16>().is_err() {
            return Err(ConfigError::new(port_name, "must be a port number"));
        }
        // In brackets, or the address of IPv6 would end at its first colon.
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
        let secret = password.map(|password| format!(":{}@", percent_encoded(&password))).unwrap_or_default();
        values.insert(REDIS_URL.to_owned(), format!("redis://{secret}{host}:{port}"));
        return Ok(Some(host_name));
    }
    Ok(None)
}

fn percent_encoded(text: &str) -> String {
    let encode =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

// === impl Convert ===

impl Convert {
    fn apply(&self, value: &str) -> Result<String, &'static str> {
        match self {
            Self::Unchanged => Ok(value.to_owned()),
            Self::Model => Ok(voice_id(value).to_owned()),
            Self::ModelList => {
                let models: Vec<String> =
                    serde_json::from_str(value).map_err(|_| "must be a JSON list of model names")?;
                Ok(models.iter().map(|model| voice_id(model)).collect::<Vec<_>>().join(","))
            }
            Self::LogLevel => Ok(match value.to_lowercase().as_str() {
                "warning" => "warn".to_owned(),
                "critical" | "fatal" => "error".to_owned(),
                other => other.to_owned(),
            }),
        }
    }
}

fn voice_id(model: &str) -> &str {
    model.strip_suffix(".onnx").unwrap_or(model)
}
