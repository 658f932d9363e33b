//! Owns the settings of addresses that speak: the secrets that they are signed with, how long one may be good, how long
//! it may be.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reader::SettingsReader;
use super::values::ConfigError;
use super::{Secret, watched};

#[derive(Debug, Clone, Default)]
pub struct SigningConfig {
    /// The first one signs, all are good.
    pub secrets: Vec<Secret>,
    /// Where more are, which come before those.
    pub secrets_file: Option<PathBuf>,
    /// The longest that an address may be good.
    pub longest: Duration,
    /// Of an address, without scheme and host.
    pub max_bytes: usize,
    /// What callers know the service by; `None`: addresses begin with their path.
    pub public_url: Option<String>,
}

/// Why the file cannot be used. Holds nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("line {0}: the secret is shorter than {MIN_CHARS} characters; `openssl rand -hex 32` makes one")]
    Short(usize),
    #[error("more than {MAX_SECRETS} secrets, each of which is tried")]
    TooMany,
    /// As a file is for a moment that is written anew.
    #[error("it is empty; a comment alone withdraws all secrets")]
    Empty,
}

/// Whoever has an address can try secrets at home: 128 bits at least, in hexadecimal.
const MIN_CHARS: usize = 32;
const MAX_SECRETS: usize = 16;
const MAX_FILE_BYTES: u64 = 1 << 16;

// === impl SigningConfig ===

impl SigningConfig {
    pub(super) fn read(read: &mut SettingsReader) -> Result<Self, ConfigError> {
        const SECRETS: &str = "TTS_LINK_SECRETS";
        let secrets = read.list(SECRETS)?.unwrap_or_default();
        if secrets.iter().any(|secret| secret.len() < MIN_CHARS) {
            let problem = format!("each must have at least {MIN_CHARS} characters; `openssl rand -hex 32` makes one");
            return Err(ConfigError::new(SECRETS, problem));
        }
        if secrets.len() > MAX_SECRETS {
            return Err(ConfigError::new(SECRETS, format!("must be at most {MAX_SECRETS}, as each is tried")));
        }
        Ok(Self {
            secrets: secrets.into_iter().map(Secret::new).collect(),
            secrets_file: read.path("TTS_LINK_SECRETS_FILE"),
            longest: Duration::from_secs(read.number("TTS_LINK_MAX_SECONDS", 1..=315_360_000, 604_800)?),
            max_bytes: read.number("TTS_LINK_MAX_BYTES", 512..=65_536, 8_000)?,
            public_url: public_url(read)?,
        })
    }
}

fn public_url(read: &mut SettingsReader) -> Result<Option<String>, ConfigError> {
    const KEY: &str = "TTS_PUBLIC_URL";
    let Some(url) = read.text(KEY) else { return Ok(None) };
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#@\"<>\\".contains(&byte));
    if rest.is_empty() || rest.starts_with('/') || !is_plain {
        return Err(ConfigError::new(
            KEY,
            "must be an address such as https://tts.example.com, with a path or without",
        ));
    }
    Ok(Some(url.trim_end_matches('/').to_owned()))
}

/// The secrets of a file, one a line.
pub fn read_link_secrets(path: &Path) -> Result<Vec<Secret>, SecretsError> {
    parse(&watched::read(path, MAX_FILE_BYTES)?)
}

/// The same of a file that may be being written at this moment. Takes file accesses and waits between them: not for an
/// async thread.
pub fn read_settled_link_secrets(path: &Path) -> Result<Vec<Secret>, SecretsError> {
    parse(&watched::read_settled(path, MAX_FILE_BYTES)?.ok_or(SecretsError::Empty)?)
}

fn parse(text: &str) -> Result<Vec<Secret>, SecretsError> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let secrets = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let long = |(number, line): (usize, &str)| {
        if line.len() < MIN_CHARS { Err(SecretsError::Short(number)) } else { Ok(Secret::new(line.to_owned())) }
    };
    let secrets: Vec<Secret> = secrets.map(long).collect::<Result<_, _>>()?;
    if secrets.len() > MAX_SECRETS { Err(SecretsError::TooMany) } else { Ok(secrets) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::load;
    use super::*;

    const TOKEN: (&str, &str) = ("ALLOWED_USER_TOKEN", "a");
    const SECRET: (&str, &str) = ("TTS_LINK_SECRETS", "0123456789abcdef0123456789abcdef");

    #[test]
    fn secrets_are_long_and_few_and_the_public_address_is_one() {
        let config = load(&[TOKEN, SECRET, ("TTS_PUBLIC_URL", "https://tts.example/speech/")]).unwrap().signing;
        assert_eq!(config.secrets[0].reveal(), SECRET.1);
        assert_eq!(config.public_url.as_deref(), Some("https://tts.example/speech"));

        let short = load(&[TOKEN, ("TTS_LINK_SECRETS", "0123456789abcdef0123456789abcdef,short")]).unwrap_err();
        assert!(short.key == "TTS_LINK_SECRETS" && !short.problem.contains("short,"), "{short}");
        let many = load([TOKEN, ("TTS_LINK_SECRETS", [SECRET.1; MAX_SECRETS + 1].join(",").leak())].to_vec().leak());
        assert_eq!(many.unwrap_err().key, "TTS_LINK_SECRETS");
        for wrong in ["tts.example", "https://", "https:///a", "https://tts.example?a", "https://a b", "ftp://tts"] {
            let error = load([TOKEN, ("TTS_PUBLIC_URL", wrong)].to_vec().leak()).unwrap_err();
            assert_eq!(error.key, "TTS_PUBLIC_URL", "{wrong}");
        }
    }

    #[test]
    fn a_file_has_a_secret_a_line() {
        let [first, second] = [SECRET.1, "fedcba9876543210fedcba9876543210"];

        let secrets = parse(&format!("# of May\n{first}\n\n  {second}\r\n")).unwrap();

        assert_eq!(secrets.iter().map(Secret::reveal).collect::<Vec<_>>(), [first, second]);
        assert!(parse("# none\n").unwrap().is_empty());
        let short = parse(&format!("{first}\nSHORT")).unwrap_err();
        assert!(matches!(short, SecretsError::Short(2)) && !short.to_string().contains("SHORT"), "{short}");
        assert!(matches!(parse(&format!("{first}\n").repeat(MAX_SECRETS + 1)), Err(SecretsError::TooMany)));
    }
}
