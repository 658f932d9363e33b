//! Values as they were set, and the errors of those that are wrong.

use std::collections::BTreeMap;

/// Raw values by the name of their environment variable.
pub type Values = BTreeMap<String, String>;

/// Names of settings that were set by an earlier name, with that one.
pub type SetAs = BTreeMap<&'static str, &'static str>;

/// A setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct ConfigError {
    pub key: String,
    pub problem: String,
}

// === impl ConfigError ===

impl ConfigError {
    pub fn new(key: &str, problem: impl Into<String>) -> Self {
        Self { key: key.to_owned(), problem: problem.into() }
    }

    /// Under the name by which the setting was set.
    pub fn renamed(mut self, set_as: &SetAs) -> Self {
        if let Some(name) = set_as.get(self.key.as_str()) {
            (*name).clone_into(&mut self.key);
        }
        self
    }
}
