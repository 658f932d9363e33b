//! Owns addresses that speak: what of them is signed, with which secrets, and until when they are good. Refuses what
//! their parameters mean, and who may have speech.
//!
//! A signature is the HMAC-SHA256, in hexadecimal, of `/v1/speech?` and all other parameters, sorted by name, each name
//! and value with everything but letters, digits and `-._~` percent-encoded in UTF-8. So it does not depend on how an
//! address was encoded on its way.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::config::{Secret, SecretsError, SigningConfig, read_link_secrets, read_settled_link_secrets};

/// Signs addresses and knows those that were signed. A clone is another handle to the same secrets.
#[derive(Clone)]
pub struct Links {
    own: Arc<[Secret]>,
    file: Option<Arc<PathBuf>>,
    /// Those of the file before those of the settings.
    keys: Arc<RwLock<Arc<[SigningKey]>>>,
    longest: Duration,
    max_bytes: usize,
    base: Arc<str>,
}

/// Parameters of an address by their names.
pub type Parameters = BTreeMap<String, String>;

/// An address that was made.
#[derive(Debug)]
pub struct Link {
    pub url: String,
    /// In seconds since 1970.
    pub expires: u64,
}

/// What a signed address says.
#[derive(Debug, PartialEq, Eq)]
pub struct Signed {
    pub parameters: Parameters,
    /// The name of the token that it was made for, empty for the secret of the settings.
    pub token: String,
    /// For how long it is good.
    pub left: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("speech by address is off here: the operator sets TTS_LINK_SECRETS")]
    Off,
    #[error("the address would be, or is, longer than {0} bytes (TTS_LINK_MAX_BYTES)")]
    TooLong(usize),
    #[error("an address is good for 1 to {0} seconds (TTS_LINK_MAX_SECONDS)")]
    Lifetime(u64),
    /// Which part it is helps nobody but a forger.
    #[error("the address was not signed here, or was altered, or its secret or token was taken away")]
    Invalid,
    #[error("the address is not good any more: it has expired")]
    Expired,
}

type SigningKey = Hmac<Sha256>;

pub const PATH: &str = "/v1/speech";
/// How long an address is good where nobody says.
pub const USUAL_LIFETIME: Duration = Duration::from_hours(1);

/// Of the way of signing.
const VERSION: &str = "1";
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

// === impl Links ===

impl Links {
    /// Reads the file, if there is one.
    pub fn new(config: &SigningConfig) -> Result<Self, SecretsError> {
        let links = Self {
            own: config.secrets.clone().into(),
            file: config.secrets_file.clone().map(Arc::new),
            keys: Arc::new(RwLock::new([].into())),
            longest: config.longest,
            max_bytes: config.max_bytes,
            base: config.public_url.as_deref().unwrap_or_default().into(),
        };
        links.take(&links.file.as_deref().map(|file| read_link_secrets(file)).transpose()?.unwrap_or_default());
        Ok(links)
    }

    /// Reads the file again. After an error everything stays as it was. Takes file accesses, and waits for a file that
    /// is being written: not for an async thread.
    pub fn reload(&self) -> Result<(), SecretsError> {
        let Some(file) = &self.file else { return Ok(()) };
        match read_settled_link_secrets(file) {
            Err(SecretsError::Empty) if self.keys().len() == self.own.len() => {}
            read => self.take(&read?),
        }
        Ok(())
    }

    fn take(&self, of_file: &[Secret]) {
        // Keys may have any length.
        let key = |secret: &Secret| SigningKey::new_from_slice(secret.reveal().as_bytes()).ok();
        let keys = of_file.iter().chain(self.own.iter()).filter_map(key).collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn keys(&self) -> Arc<[SigningKey]> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An address with these parameters for the token of this name, good for this long.
    pub fn make(&self, parameters: Parameters, token: &str, lifetime: Duration) -> Result<Link, LinkError> {
        self.make_at(now(), parameters, token, lifetime)
    }

    fn make_at(&self, now: u64, mut all: Parameters, token: &str, lifetime: Duration) -> Result<Link, LinkError> {
        let keys = self.keys();
        let key = keys.first().ok_or(LinkError::Off)?;
        if !(Duration::from_secs(1)..=self.longest).contains(&lifetime) {
            return Err(LinkError::Lifetime(self.longest.as_secs()));
        }
        let expires = now + lifetime.as_secs();
        all.extend(
            [("v", VERSION.to_owned()), ("expires", expires.to_string())].map(|(name, value)| (name.to_owned(), value)),
        );
        if !token.is_empty() {
            all.insert("token".to_owned(), token.to_owned());
        }
        let message = message(&all);
        let address = format!("{message}&signature={}", signature(key, &message));
        if address.len() > self.max_bytes {
            return Err(LinkError::TooLong(self.max_bytes));
        }
        Ok(Link { url: format!("{}{address}", self.base), expires })
    }

    /// What the query of an address says, if it was signed here and is still good. It is compared with what each of the
    /// secrets makes of it, in the same time whichever it is and wherever they differ.
    pub fn read(&self, query: &str) -> Result<Signed, LinkError> {
        self.read_at(now(), query)
    }

    fn read_at(&self, now: u64, query: &str) -> Result<Signed, LinkError> {
        let keys = self.keys();
        if keys.is_empty() {
            return Err(LinkError::Off);
        }
        if PATH.len() + 1 + query.len() > self.max_bytes {
            return Err(LinkError::TooLong(self.max_bytes));
        }
        let mut all = parameters(query).ok_or(LinkError::Invalid)?;
        let presented = all.remove("signature").unwrap_or_default();
        let message = message(&all);
        let is_signed = |found: Choice, key| found | signature(key, &message).as_bytes().ct_eq(presented.as_bytes());
        if !bool::from(keys.iter().fold(Choice::from(0), is_signed)) || all.remove("v").as_deref() != Some(VERSION) {
            return Err(LinkError::Invalid);
        }
        let expires: u64 = all.remove("expires").and_then(|expires| expires.parse().ok()).ok_or(LinkError::Invalid)?;
        let left = Duration::from_secs(expires.saturating_sub(now));
        // Others may have the secrets too; the bound holds for what they sign.
        match left {
            Duration::ZERO => Err(LinkError::Expired),
            left if left > self.longest => Err(LinkError::Invalid),
            left => Ok(Signed { token: all.remove("token").unwrap_or_default(), parameters: all, left }),
        }
    }
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs()
}

/// The parameters of a query; `None` if one is there twice.
fn parameters(query: &str) -> Option<Parameters> {
    let mut all = Parameters::new();
    let is_new = |(name, value): (Cow<str>, Cow<str>)| all.insert(name.into_owned(), value.into_owned()).is_none();
    form_urlencoded::parse(query.as_bytes()).all(is_new).then_some(all)
}

/// What is signed, and what an address begins with.
fn message(all: &Parameters) -> String {
    let encoded = |text| utf8_percent_encode(text, ENCODED);
    let pairs: Vec<String> = all.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    format!("{PATH}?{}", pairs.join("&"))
}

fn signature(key: &SigningKey, message: &str) -> String {
    hex::encode(key.clone().chain_update(message).finalize().into_bytes())
}

#[cfg(test)]
mod tests;
