//! Owns the settings of the catalogue: folders, source, bounds. Values only.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

/// How voices are found, fetched and bounded.
#[derive(Debug, Clone)]
pub struct VoiceSettings {
    /// Voices are read from here, and downloads go here.
    pub models_dir: PathBuf,
    /// Downloads go here when `models_dir` cannot be written; voices are read from both.
    pub fallback_dir: Option<PathBuf>,
    /// Ids that may be served; `*` and `?` are wildcards.
    pub allowed: Vec<String>,
    /// `None`: nothing can be fetched.
    pub source: Option<VoiceSource>,
    /// No connection is ever opened. A source that is a folder still works.
    pub offline: bool,
    /// Licences that may be served, with wildcards, in any case; empty allows all.
    pub allowed_licenses: Vec<String>,
    /// Bytes that voices may take on disk; 0 is without bound.
    pub max_bytes: u64,
    /// The longest that one voice may take to arrive.
    pub download_timeout: Duration,
    /// The longest that its source may send nothing.
    pub stall_timeout: Duration,
    pub retries: Retries,
}

/// Where voices come from: a place with `voices.json` and the files that it lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoiceSource {
    Http(Url),
    Folder(PathBuf),
}

/// How often a file is asked for again, and how soon.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// In all, the first one included.
    pub attempts: u32,
    /// Before the second attempt; each later one waits twice as long, and by chance a little more or less.
    pub first_delay: Duration,
    /// A voice that could not be fetched is not tried again for so long: callers get the same error at once.
    pub cool_down: Duration,
}

/// The source's address is of no known kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an http://, https:// or file:// address")]
pub struct InvalidSource;

const LONGEST_DELAY: Duration = Duration::from_secs(10);

// === impl VoiceSource ===

impl VoiceSource {
    pub fn parse(address: &str) -> Result<Self, InvalidSource> {
        let mut url = Url::parse(address.trim()).map_err(|_| InvalidSource)?;
        match url.scheme() {
            "http" | "https" => {
                // So that what is joined to it goes below it.
                let path = format!("{}/", url.path().trim_end_matches('/'));
                url.set_path(&path);
                url.set_fragment(None);
                Ok(Self::Http(url))
            }
            "file" => url.to_file_path().map(Self::Folder).map_err(|()| InvalidSource),
            _ => Err(InvalidSource),
        }
    }

    /// What identifies it in `voices.lock`: without credentials.
    pub fn name(&self) -> String {
        match self {
            Self::Http(url) => {
                let mut url = url.clone();
                // Both fail only for addresses that cannot have credentials.
                let _ = url.set_username("");
                let _ = url.set_password(None);
                url.set_query(None);
                url.to_string()
            }
            Self::Folder(folder) => format!("file://{}", folder.display()),
        }
    }

    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Http(_))
    }
}

// === impl Retries ===

impl Retries {
    /// The pause after this attempt: doubled each time, and off by up to a half, so that many who failed together do
    /// not return together.
    pub fn delay(&self, attempt: u32) -> Duration {
        let doubled = self.first_delay.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(LONGEST_DELAY);
        // A hasher's keys are random.
        let chance = RandomState::new().hash_one(attempt) % 1000;
        doubled.mul_f64(0.5 + chance as f64 / 1000.0)
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 4, first_delay: Duration::from_millis(250), cool_down: Duration::from_secs(10) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_base_with_or_without_a_slash_at_its_end() {
        let one = VoiceSource::parse("https://voices.test/a/v1").unwrap();
        let other = VoiceSource::parse("https://voices.test/a/v1/").unwrap();

        assert_eq!(one, other);
        assert_eq!(one.name(), "https://voices.test/a/v1/");
    }

    #[test]
    fn credentials_are_not_part_of_a_sources_name() {
        let source = VoiceSource::parse("https://user:secret@voices.test/v1?token=secret").unwrap();

        assert_eq!(source.name(), "https://voices.test/v1/");
    }

    #[test]
    fn delays_grow_within_bounds() {
        let retries = Retries { first_delay: Duration::from_millis(100), ..Retries::default() };

        for attempt in 1..40 {
            let delay = retries.delay(attempt);

            let doubled = retries.first_delay.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST_DELAY);
            assert!(delay >= doubled / 2 && delay <= doubled * 3 / 2, "{attempt}: {delay:?}");
        }
    }

    #[test]
    fn other_schemes_are_refused() {
        for address in ["", "voices", "ftp://voices.test", "/srv/voices", "file://elsewhere/voices", "data:,x"] {
            assert_eq!(VoiceSource::parse(address), Err(InvalidSource), "{address}");
        }
    }
}
