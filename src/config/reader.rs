//! Owns reading single values: from a TOML file and the environment into typed settings. An unknown or wrong one is an
//! error that names it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::aliases::is_alias;
use super::secret::HashedToken;
use super::service_env::is_service_link;
use super::values::{ConfigError, Values};
use crate::files;

/// Variables that the program reads; tests give their own.
pub trait Environment {
    fn variables(&self) -> Vec<(String, String)>;
}

/// The variables of this process. Those that are not UTF-8 are passed over.
pub struct ProcessEnvironment;

/// Takes typed values out of the raw ones; what is left over at the end is unknown.
pub struct SettingsReader {
    values: Values,
}

/// Settings that do not begin with [`PREFIX`].
const OTHER_NAMES: [&str; 2] = ["ALLOWED_USER_TOKEN", "ORT_DYLIB_PATH"];
const PREFIX: &str = "TTS_";
const FILE_VARIABLE: &str = "TTS_CONFIG";

const MAX_FILE_BYTES: u64 = 1 << 20;
/// For whoever writes settings into a pipe.
const PATIENCE: Duration = Duration::from_secs(5);

impl Environment for ProcessEnvironment {
    fn variables(&self) -> Vec<(String, String)> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }
}

/// Settings and aliases among the variables. An empty value counts as not set. The name of the settings file is not a
/// setting, nor is what Kubernetes says of its services.
pub fn read_environment(environment: &dyn Environment) -> Values {
    environment
        .variables()
        .into_iter()
        .filter(|(name, value)| {
            let ours = name.starts_with(PREFIX) || OTHER_NAMES.contains(&name.as_str()) || is_alias(name);
            ours && name != FILE_VARIABLE && !value.trim().is_empty() && !is_service_link(name, value.trim())
        })
        .collect()
}

/// Settings of a TOML file: the variables' names in lower case, without `TTS_`. Lists may be TOML arrays.
pub fn read_file(path: &Path) -> Result<Values, ConfigError> {
    let failed = |problem: String| ConfigError::new(&path.display().to_string(), problem);
    let text = files::read_in_time(path, MAX_FILE_BYTES, PATIENCE).map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(text).map_err(|_| failed("it is not UTF-8".to_owned()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(0, |span| text[..span.start].lines().count().max(1));
        failed(format!("line {line}: {}", error.message().lines().next().unwrap_or_default()))
    })?;
    table
        .iter()
        .map(|(key, value)| {
            let upper = key.to_uppercase();
            let name = if OTHER_NAMES.contains(&upper.as_str()) { upper } else { format!("{PREFIX}{upper}") };
            let value = scalar(value)
                .or_else(|| Some(value.as_array()?.iter().map(scalar).collect::<Option<Vec<_>>>()?.join(",")))
                .ok_or_else(|| ConfigError::new(key, "must be a string, a number, a boolean or a list of those"))?;
            Ok((name, value))
        })
        .collect()
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

// === impl SettingsReader ===

impl SettingsReader {
    pub fn new(values: Values) -> Self {
        Self { values }
    }

    pub fn text(&mut self, key: &str) -> Option<String> {
        self.values.remove(key).map(|value| value.trim().to_owned())
    }

    pub fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    pub fn parsed<T: FromStr>(&mut self, key: &str, expected: &str) -> Result<Option<T>, ConfigError> {
        self.text(key)
            .map(|value| value.parse().map_err(|_| ConfigError::new(key, format!("must be {expected}"))))
            .transpose()
    }

    pub fn number<T>(&mut self, key: &str, range: RangeInclusive<T>, default: T) -> Result<T, ConfigError>
    where
        T: FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        match self.parsed(key, &expected)? {
            Some(number) if range.contains(&number) => Ok(number),
            Some(_) => Err(ConfigError::new(key, format!("must be {expected}"))),
            None => Ok(default),
        }
    }

    pub fn milliseconds(
        &mut self,
        key: &str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Result<Duration, ConfigError> {
        self.number(key, range, default).map(Duration::from_millis)
    }

    /// Seconds up to `most`, of which 0 means never.
    pub fn seconds_or_never(
        &mut self,
        key: &'static str,
        most: u64,
        default: u64,
    ) -> Result<Option<Duration>, ConfigError> {
        let time = Duration::from_secs(self.number(key, 0..=most, default)?);
        Ok(Some(time).filter(|time| !time.is_zero()))
    }

    pub fn flag(&mut self, key: &str, default: bool) -> Result<bool, ConfigError> {
        match self.text(key).map(|value| value.to_lowercase()).as_deref() {
            None => Ok(default),
            Some("true" | "1" | "yes" | "on") => Ok(true),
            Some("false" | "0" | "no" | "off") => Ok(false),
            Some(_) => Err(ConfigError::new(key, "must be true or false")),
        }
    }

    /// One of `names`, in whatever case.
    pub fn choice(&mut self, key: &str, names: &[&'static str]) -> Result<Option<&'static str>, ConfigError> {
        let Some(value) = self.text(key) else { return Ok(None) };
        names
            .iter()
            .find(|name| name.eq_ignore_ascii_case(&value))
            .copied()
            .map(Some)
            .ok_or_else(|| ConfigError::new(key, format!("must be one of {}", names.join(", "))))
    }

    /// Entries between commas; at least one.
    pub fn list(&mut self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let Some(value) = self.text(key) else { return Ok(None) };
        let entries: Vec<String> =
            value.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect();
        if entries.is_empty() {
            return Err(ConfigError::new(key, "must name at least one"));
        }
        Ok(Some(entries))
    }

    /// Entries `name=value` between commas.
    pub fn pairs(&mut self, key: &str) -> Result<BTreeMap<String, String>, ConfigError> {
        let pair = |entry: String| {
            let (name, value) = entry.split_once('=').ok_or_else(|| ConfigError::new(key, "must be name=value"))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        };
        self.list(key)?.unwrap_or_default().into_iter().map(pair).collect()
    }

    /// Origins of pages between commas, as browsers send them: a scheme, a host, perhaps a port. `*` is every one.
    pub fn origins(&mut self, key: &str) -> Result<Vec<String>, ConfigError> {
        let is_origin = |entry: &String| {
            let host = entry.strip_prefix("https://").or_else(|| entry.strip_prefix("http://"));
            let plain =
                |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b".-:[]".contains(&letter);
            entry == "*" || host.is_some_and(|host| !host.is_empty() && host.bytes().all(plain))
        };
        let origins = self.list(key)?.unwrap_or_default();
        if origins.iter().all(is_origin) {
            return Ok(origins);
        }
        Err(ConfigError::new(
            key,
            "must be origins such as https://app.example.com, in small letters and without a path, or *",
        ))
    }

    /// Secrets between commas.
    pub fn tokens(&mut self, key: &str, are_required: bool) -> Result<Vec<HashedToken>, ConfigError> {
        let Some(secrets) = self.list(key)? else {
            let problem = "is required: the secret that callers present as `user-token`";
            return if are_required { Err(ConfigError::new(key, problem)) } else { Ok(Vec::new()) };
        };
        Ok(secrets.into_iter().map(HashedToken::new).collect())
    }

    /// # Errors
    /// If a value was never asked for.
    pub fn finish(self) -> Result<(), ConfigError> {
        match self.values.into_keys().next() {
            Some(key) => Err(ConfigError::new(&key, "is not a setting of this version")),
            None => Ok(()),
        }
    }
}
