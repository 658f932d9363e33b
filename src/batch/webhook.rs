//! Owns telling somebody that a batch has ended: a signed request to an address that the caller gave. Refuses addresses
//! that are not public, unless a setting allows them, and to follow redirects: whoever names an address shall not reach
//! what stands beside the service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Url};
use serde_json::json;
use sha2::Sha256;
use tracing::Span;

use super::model::BatchStatus;
use crate::telemetry::traceparent;

#[derive(Clone)]
pub struct Webhook {
    settings: WebhookSettings,
}

#[derive(Clone, Default)]
pub struct WebhookSettings {
    /// What requests are signed with. Without one, nobody is told anything.
    pub secret: Option<String>,
    /// Whether addresses that are not public are allowed.
    pub private: bool,
    /// No outgoing connection at all.
    pub offline: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("webhooks need TTS_BATCH_WEBHOOK_SECRET, and no TTS_OFFLINE")]
    Off,
    #[error("must be an http:// or https:// URL without a user")]
    Invalid,
    #[error("its address is not public")]
    Private,
    #[error("its host is not known")]
    UnknownHost,
    #[error("it could not be reached")]
    Unreachable,
    #[error("it answered with status {0}")]
    Refused(u16),
}

const LIMIT: Duration = Duration::from_secs(10);
const SIGNATURE: &str = "x-tts-signature";

// === impl Webhook ===

impl Webhook {
    pub fn new(settings: WebhookSettings) -> Self {
        Self { settings }
    }

    /// Whether the address may be told, as far as that is known without asking for its host.
    pub fn check(&self, url: &str) -> Result<(), WebhookError> {
        if self.settings.offline || self.settings.secret.is_none() {
            return Err(WebhookError::Off);
        }
        let url = parsed(url)?;
        match literal(&url) {
            Some(address) if !self.allows(address) => Err(WebhookError::Private),
            _ => Ok(()),
        }
    }

    /// Sends what became of the batch. Its body holds no text.
    pub async fn tell(&self, status: &BatchStatus) -> Result<(), WebhookError> {
        let url = status.description.webhook.as_deref().ok_or(WebhookError::Invalid)?;
        self.check(url)?;
        let url = parsed(url)?;
        let body = json!({
            "id": status.id,
            "state": status.state(),
            "items": status.description.items,
            "done": status.done,
            "failed": status.failed,
            "audio_seconds": status.seconds,
            "error": status.error,
        })
        .to_string();
        let secret = self.settings.secret.as_deref().ok_or(WebhookError::Off)?;
        let signature = format!("sha256={}", signature(secret, body.as_bytes()));

        let host = url.host_str().ok_or(WebhookError::Invalid)?.to_owned();
        let addresses = self.addresses(&url).await?;
        // It is these that were looked at, not what the name means a moment later.
        let client = Client::builder().resolve_to_addrs(&host, &addresses).no_proxy();
        let client = client.redirect(reqwest::redirect::Policy::none()).timeout(LIMIT).build();
        let mut request = client.map_err(|_| WebhookError::Unreachable)?.post(url);
        if let Some(traceparent) = traceparent(&Span::current()) {
            request = request.header("traceparent", traceparent);
        }
        let request = request.header("content-type", "application/json").header(SIGNATURE, signature).body(body);
        let answer = request.send().await.map_err(|_| WebhookError::Unreachable)?;
        if answer.status().is_success() { Ok(()) } else { Err(WebhookError::Refused(answer.status().as_u16())) }
    }

    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, WebhookError> {
        let port = url.port_or_known_default().ok_or(WebhookError::Invalid)?;
        let addresses: Vec<SocketAddr> = if let Some(address) = literal(url) {
            vec![(address, port).into()]
        } else {
            let host = url.host_str().ok_or(WebhookError::Invalid)?;
            tokio::net::lookup_host((host, port)).await.map_err(|_| WebhookError::UnknownHost)?.collect()
        };
        if addresses.is_empty() {
            return Err(WebhookError::UnknownHost);
        }
        let all_allowed = addresses.iter().all(|address| self.allows(address.ip()));
        if all_allowed { Ok(addresses) } else { Err(WebhookError::Private) }
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.settings.private || is_public(address)
    }
}

fn parsed(url: &str) -> Result<Url, WebhookError> {
    let url = Url::parse(url).map_err(|_| WebhookError::Invalid)?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.host_str().is_some();
    if is_plain && matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(WebhookError::Invalid) }
}

/// The address, if the host is one and not a name.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Of the body, in hexadecimal (RFC 2104).
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap_or_else(|_| unreachable!("any length is a key"));
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

/// Whether an address is one of the internet (IANA's registries of special-purpose addresses, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| is_public_v6(v6), is_public_v4),
    }
}

/// Global unicast, without what stands for an IPv4 address or for documents.
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [first, second, ..] = v6.segments();
    first & 0xe000 == 0x2000 && first != 0x2002 && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let is_special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_documentation()
        || v4.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18);
    !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(private: bool) -> Webhook {
        Webhook::new(WebhookSettings { secret: Some("secret".to_owned()), private, offline: false })
    }

    #[test]
    fn addresses_that_are_not_public_are_refused_unless_allowed() {
        for host in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fd00::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "2130706433",
            "0x7f.1",
        ] {
            let url = format!("http://{host}/hook");
            assert_eq!(webhook(false).check(&url), Err(WebhookError::Private), "{host}");
            assert_eq!(webhook(true).check(&url), Ok(()), "{host}");
        }
        for host in ["example.com", "1.1.1.1", "[2606:4700:4700::1111]"] {
            assert_eq!(webhook(false).check(&format!("https://{host}/hook")), Ok(()), "{host}");
        }
    }

    #[test]
    fn what_is_no_plain_url_is_refused() {
        for url in ["", "/hook", "ftp://example.com/", "file:///etc/passwd", "http://user@example.com/", "http://"] {
            assert_eq!(webhook(true).check(url), Err(WebhookError::Invalid), "{url}");
        }
    }

    #[test]
    fn without_a_secret_or_the_network_nobody_is_told() {
        let off = Webhook::new(WebhookSettings::default());
        let offline = WebhookSettings { offline: true, ..webhook(true).settings };
        for webhook in [off, Webhook::new(offline)] {
            assert_eq!(webhook.check("https://example.com/"), Err(WebhookError::Off));
        }
    }

    /// Test case 2 of RFC 4231.
    #[test]
    fn the_signature_is_that_of_the_rfc() {
        assert_eq!(
            signature("Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_refused_when_it_is_looked_up() {
        let url = parsed("http://localhost:1/hook").unwrap();

        assert_eq!(webhook(false).addresses(&url).await, Err(WebhookError::Private));
        assert!(webhook(true).addresses(&url).await.is_ok());
    }
}
