//! The settings of commands: a file, if one is named, and the environment over it.

use std::path::Path;

use crate::config::{Config, ConfigError, Environment, ProcessEnvironment};

/// A file with settings, if the command line names one, and the environment over it.
#[derive(Debug, Clone, Copy)]
pub struct SettingsSource<'a> {
    pub file: Option<&'a Path>,
}

// === impl SettingsSource ===

impl SettingsSource<'_> {
    pub fn load(self, environment: &dyn Environment) -> Result<Config, ConfigError> {
        Config::load(self.file, environment)
    }

    /// Settings for commands that work without callers: no token is asked for, only warnings are logged, and Redis is
    /// waited for.
    pub fn load_for_command(self) -> Result<Config, ConfigError> {
        struct WithoutCallers;

        impl Environment for WithoutCallers {
            fn variables(&self) -> Vec<(String, String)> {
                let defaults = [
                    ("ALLOWED_USER_TOKEN", "unused"),
                    ("TTS_LOG_FORMAT", "pretty"),
                    ("TTS_LOG_LEVEL", "warn"),
                    ("TTS_REDIS_TIMEOUT_MS", "10000"),
                    ("TTS_REDIS_WRITE_TIMEOUT_MS", "10000"),
                    // A whole book.
                    ("TTS_MAX_ANSWER_BYTES", "1099511627776"),
                ];
                let defaults = defaults.map(|(name, value)| (name.to_owned(), value.to_owned()));
                defaults.into_iter().chain(ProcessEnvironment.variables()).collect()
            }
        }

        self.load(&WithoutCallers)
    }
}
