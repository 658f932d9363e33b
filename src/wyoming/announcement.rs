//! Owns telling the local network of the port, by multicast DNS (RFC 6762 and 6763), in which Home Assistant looks for
//! it.

use std::net::SocketAddr;
use std::time::Duration;

use mdns_sd::{ServiceDaemon, ServiceInfo};

/// Of a name in the DNS.
const MAX_LABEL_BYTES: usize = 63;
const SERVICE: &str = "_wyoming._tcp.local.";

/// How long the end of the announcement may take to be told.
const FAREWELL: Duration = Duration::from_millis(500);

/// An announcement that holds until it is ended.
pub struct Announcement {
    daemon: ServiceDaemon,
    name: String,
}

// === impl Announcement ===

impl Announcement {
    /// `None`, and a line in the log, where it cannot be.
    pub fn begin(address: SocketAddr) -> Option<Self> {
        if address.ip().is_loopback() {
            tracing::warn!(%address, "Wyoming is not announced: nobody else can reach its address");
            return None;
        }
        let begun = Self::try_begin(address);
        begun.inspect_err(|error| tracing::warn!(%error, "Wyoming cannot be announced")).ok()
    }

    fn try_begin(address: SocketAddr) -> mdns_sd::Result<Self> {
        let machine = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let mut name = format!("tts-batch-api-{}", machine.as_deref().unwrap_or("local").replace('.', "-"));
        name.truncate(name.floor_char_boundary(MAX_LABEL_BYTES));
        let host = format!("{name}.local.");
        let nothing: [(&str, &str); 0] = [];
        let info = if address.ip().is_unspecified() {
            // The machine's own, also those that it gets later.
            ServiceInfo::new(SERVICE, &name, &host, (), address.port(), &nothing[..])?.enable_addr_auto()
        } else {
            ServiceInfo::new(SERVICE, &name, &host, address.ip(), address.port(), &nothing[..])?
        };
        let name = info.get_fullname().to_owned();
        let daemon = ServiceDaemon::new()?;
        daemon.register(info)?;
        tracing::info!(name, "Wyoming is announced");
        Ok(Self { daemon, name })
    }

    /// Tells that it is over.
    pub async fn end(self) {
        let tell = move || {
            if let Ok(told) = self.daemon.unregister(&self.name) {
                let _ = told.recv_timeout(FAREWELL);
            }
            let _ = self.daemon.shutdown();
        };
        let _ = tokio::task::spawn_blocking(tell).await;
    }
}
