//! Owns reading one file of the source, from its beginning or from the middle: over HTTP or from a folder. The only
//! place that opens a connection for a voice. Refuses to follow a redirect to anything but HTTP, or from HTTPS to less.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderValue, IF_RANGE, RANGE};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};

use super::settings::VoiceSource;
use crate::files;

/// Reads files of one source.
#[derive(Debug)]
pub struct SourceReader {
    source: VoiceSource,
    client: Option<Client>,
}

/// Where to go on with a file.
#[derive(Debug, Clone, Default)]
pub struct From {
    pub offset: u64,
    /// What the file was when its first part arrived.
    pub etag: Option<HeaderValue>,
}

/// A file that is arriving.
#[derive(Debug)]
pub struct Arriving {
    /// Where its bytes begin: as asked, or at 0 if the source cannot go on or has another file by now.
    pub offset: u64,
    pub etag: Option<HeaderValue>,
    body: SourceBody,
}

#[derive(Debug)]
enum SourceBody {
    Http(Response),
    File(File),
}

/// Why a file does not arrive.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the source does not have it")]
    Missing,
    #[error("the source answers with status {0}")]
    Status(u16),
    #[error("the source has no such part of it")]
    NoSuchPart,
    #[error("{0}")]
    Network(String),
    /// The source does not show a certificate of an authority that this machine knows, or this machine knows none.
    #[error("{0}; {CERTIFICATES}")]
    Untrusted(String),
    #[error("could not read from the source: {0}")]
    Io(#[from] io::Error),
}

const CERTIFICATES: &str =
    "the authorities that this machine trusts come with its package ca-certificates, others are named in SSL_CERT_FILE";
const MAX_REDIRECTS: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CHUNK_BYTES: usize = 64 << 10;

// === impl SourceReader ===

impl SourceReader {
    /// `stall_timeout`: the longest that the source may send nothing.
    pub fn new(source: VoiceSource, stall_timeout: Duration) -> Result<Self, SourceError> {
        let client = match &source {
            VoiceSource::Http(base) => Some(client(base, stall_timeout)?),
            VoiceSource::Folder(_) => None,
        };
        Ok(Self { source, client })
    }

    /// Begins to read `path`, which is one of a checked catalogue.
    pub async fn open(&self, path: &str, from: From) -> Result<Arriving, SourceError> {
        match (&self.source, &self.client) {
            (VoiceSource::Http(base), Some(client)) => get(client, join(base, path)?, from).await,
            (VoiceSource::Folder(folder), _) => {
                let mut file = files::open(&folder.join(path)).map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => SourceError::Missing,
                    _ => SourceError::Io(error),
                })?;
                file.seek(SeekFrom::Start(from.offset))?;
                Ok(Arriving { offset: from.offset, etag: None, body: SourceBody::File(file) })
            }
            (VoiceSource::Http(_), None) => Err(SourceError::Network("there is no client".to_owned())),
        }
    }

    /// All of a file that has at most `limit` bytes.
    pub async fn whole(&self, path: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
        let mut arriving = self.open(path, From::default()).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = arriving.next().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > limit {
                return Err(SourceError::Network(format!("it has more than {limit} bytes")));
            }
        }
        Ok(bytes)
    }
}

// === impl Arriving ===

impl Arriving {
    /// The next bytes; `None` at the end, which may be too early.
    pub async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        match &mut self.body {
            SourceBody::Http(response) => response.chunk().await.map_err(network),
            SourceBody::File(file) => {
                let mut chunk = vec![0; CHUNK_BYTES];
                let read = file.read(&mut chunk)?;
                chunk.truncate(read);
                Ok((read > 0).then(|| chunk.into()))
            }
        }
    }
}

// === impl SourceError ===

impl SourceError {
    /// Whether asking again may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Missing | Self::Untrusted(_) => false,
            Self::Status(status) => *status >= 500 || matches!(status, 408 | 425 | 429),
            Self::NoSuchPart | Self::Network(_) | Self::Io(_) => true,
        }
    }
}

fn client(base: &Url, stall_timeout: Duration) -> Result<Client, SourceError> {
    let builder = || {
        Client::builder()
            .user_agent(concat!("tts-batch-api/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT.min(stall_timeout))
            .read_timeout(stall_timeout)
            .redirect(Policy::custom(follow))
    };
    // Trusts the authorities of the system, or those in SSL_CERT_FILE; the builder fails where there are none.
    match builder().build() {
        Err(_) if base.scheme() == "http" => builder().tls_certs_only([]).build().map_err(network),
        Err(error) => Err(SourceError::Untrusted(explained(error))),
        Ok(client) => Ok(client),
    }
}

fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let from_https = attempt.previous().iter().any(|url| url.scheme() == "https");
    let allowed = match attempt.url().scheme() {
        "https" => true,
        "http" => !from_https,
        _ => false,
    };
    if attempt.previous().len() > MAX_REDIRECTS {
        attempt.error("too many redirects")
    } else if allowed {
        attempt.follow()
    } else {
        attempt.error("a redirect leads to another protocol")
    }
}

/// `path` below `base`, each part encoded.
fn join(base: &Url, path: &str) -> Result<Url, SourceError> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| SourceError::Network("the source's address cannot be extended".to_owned()))?
        .pop_if_empty()
        .extend(path.split('/'));
    Ok(url)
}

async fn get(client: &Client, url: Url, from: From) -> Result<Arriving, SourceError> {
    let mut request = client.get(url).header(ACCEPT_ENCODING, "identity");
    if from.offset > 0 {
        request = request.header(RANGE, format!("bytes={}-", from.offset));
        // A weak tag cannot be compared for ranges.
        if let Some(etag) = from.etag.filter(|etag| !etag.as_bytes().starts_with(b"W/")) {
            request = request.header(IF_RANGE, etag);
        }
    }
    let response = request.send().await.map_err(network)?;
    let offset = match response.status() {
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT => begins_at(&response)?,
        StatusCode::RANGE_NOT_SATISFIABLE => return Err(SourceError::NoSuchPart),
        StatusCode::NOT_FOUND | StatusCode::GONE => return Err(SourceError::Missing),
        status => return Err(SourceError::Status(status.as_u16())),
    };
    Ok(Arriving { offset, etag: response.headers().get(ETAG).cloned(), body: SourceBody::Http(response) })
}

/// The first number of `content-range: bytes 5-9/10`.
fn begins_at(response: &Response) -> Result<u64, SourceError> {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range
        .and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok())
        .ok_or_else(|| SourceError::Network("the answer does not say which part it is".to_owned()))
}

fn network(error: reqwest::Error) -> SourceError {
    let is_untrusted = causes(&error).any(is_about_a_certificate);
    let text = explained(error);
    if is_untrusted { SourceError::Untrusted(text) } else { SourceError::Network(text) }
}

/// The error and its causes, without the address, which may hold credentials.
fn explained(error: reqwest::Error) -> String {
    let error = error.without_url();
    causes(&error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&'a (dyn Error + 'static)| (*cause).source())
}

fn is_about_a_certificate<'a>(mut error: &'a (dyn Error + 'static)) -> bool {
    // What an IO error wraps is not among its causes, and may be another one.
    while let Some(wrapped) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        let wrapped: &'a (dyn Error + 'static) = wrapped;
        error = wrapped;
    }
    matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_and_stay_below_the_base() {
        for base in ["http://voices.test/v1", "http://voices.test/v1/"] {
            let base = Url::parse(base).unwrap();

            let url = join(&base, "pt/pt_PT-tugão-medium.onnx").unwrap();

            assert_eq!(url.as_str(), "http://voices.test/v1/pt/pt_PT-tug%C3%A3o-medium.onnx");
        }
    }

    #[test]
    fn what_may_pass_is_asked_for_again() {
        assert!(SourceError::Status(503).is_passing());
        assert!(SourceError::Status(429).is_passing());
        assert!(!SourceError::Status(403).is_passing());
        assert!(!SourceError::Missing.is_passing());
    }
}
