//! Owns the settings of the Wyoming server, which is spoken to without tokens.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use super::reader::SettingsReader;
use super::values::ConfigError;

#[derive(Debug, Clone)]
pub struct WyomingConfig {
    /// `None`: it is not there.
    pub bind: Option<WyomingAddress>,
    /// Who may connect; empty: everyone. Of no concern to a Unix socket, whose file has permissions.
    pub allow: Vec<IpNet>,
    /// Whether it is announced on the local network.
    pub announce: bool,
    pub max_connections: usize,
    /// Of each of the parts that a message has: its line, its data, its payload.
    pub message_limit_bytes: usize,
    /// How long a connection may be silent on both sides.
    pub idle: Duration,
}

/// Where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WyomingAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// It is neither.
pub struct NoAddress;

const ADDRESS: &str = "an address such as 0.0.0.0:10200 or [::]:10200, or unix: and the path of a socket";
const NETWORKS: &str = "addresses or networks such as 192.168.1.0/24 or fd00::/8";

// === impl WyomingConfig ===

impl WyomingConfig {
    pub(super) fn read(read: &mut SettingsReader) -> Result<Self, ConfigError> {
        const ALLOW: &str = "TTS_WYOMING_ALLOW";
        let network = |entry: String| {
            let address = entry.parse::<IpAddr>().map(IpNet::from);
            address.or_else(|_| entry.parse()).map_err(|_| ConfigError::new(ALLOW, format!("must be {NETWORKS}")))
        };
        Ok(Self {
            bind: read.parsed("TTS_WYOMING_BIND", ADDRESS)?,
            allow: read.list(ALLOW)?.unwrap_or_default().into_iter().map(network).collect::<Result<_, _>>()?,
            announce: read.flag("TTS_WYOMING_ANNOUNCE", false)?,
            max_connections: read.number("TTS_WYOMING_MAX_CONNECTIONS", 1..=100_000, 256)?,
            message_limit_bytes: read.number("TTS_WYOMING_MESSAGE_LIMIT_BYTES", 1024..=16 << 20, 256 << 10)?,
            idle: read.milliseconds("TTS_WYOMING_IDLE_MS", 100..=86_400_000, 300_000)?,
        })
    }

    /// Whether a caller at this address may connect. One that comes over IPv4 to a socket of IPv6 has its own address.
    pub fn allows(&self, caller: IpAddr) -> bool {
        let caller = caller.to_canonical();
        self.allow.is_empty() || self.allow.iter().any(|network| network.contains(&caller))
    }
}

impl FromStr for WyomingAddress {
    type Err = NoAddress;

    /// As clients write it, too: `tcp://`, `unix://`.
    fn from_str(value: &str) -> Result<Self, NoAddress> {
        if let Some(path) = value.strip_prefix("unix:") {
            let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
            return if path.is_absolute() { Ok(Self::Unix(path)) } else { Err(NoAddress) };
        }
        value.strip_prefix("tcp://").unwrap_or(value).parse().map(Self::Tcp).map_err(|_| NoAddress)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::load;
    use super::*;

    fn wyoming(settings: &[(&'static str, &'static str)]) -> Result<WyomingConfig, ConfigError> {
        let token = [("ALLOWED_USER_TOKEN", "a")];
        load([&token, settings].concat().leak()).map(|config| config.wyoming)
    }

    #[test]
    fn addresses_are_of_either_version_or_paths() {
        let address = |value| wyoming(&[("TTS_WYOMING_BIND", value)]).map(|config| config.bind);
        let tcp = |address: &str| Ok(Some(WyomingAddress::Tcp(address.parse().unwrap())));
        let unix = |path: &str| Ok(Some(WyomingAddress::Unix(path.into())));

        assert_eq!(wyoming(&[]).unwrap().bind, None);
        assert_eq!(address("0.0.0.0:10200"), tcp("0.0.0.0:10200"));
        assert_eq!(address("tcp://[::]:10200"), tcp("[::]:10200"));
        assert_eq!(address("unix:/run/tts.sock"), unix("/run/tts.sock"));
        assert_eq!(address("unix:///run/tts.sock"), unix("/run/tts.sock"));
        for wrong in ["10200", "0.0.0.0", "localhost:10200", "unix:", "unix:tts.sock", "http://0.0.0.0:1"] {
            assert_eq!(address(wrong).unwrap_err().key, "TTS_WYOMING_BIND", "{wrong}");
        }
    }

    #[test]
    fn who_may_connect_is_named_by_address_and_network() {
        let config = wyoming(&[("TTS_WYOMING_ALLOW", "192.168.1.0/24, 10.0.0.7, fd00::/8")]).unwrap();
        let allows = |address: &str| config.allows(address.parse().unwrap());

        for address in ["192.168.1.9", "10.0.0.7", "fd12::1", "::ffff:192.168.1.9"] {
            assert!(allows(address), "{address}");
        }
        for address in ["192.168.2.9", "10.0.0.8", "fe80::1", "::ffff:10.0.0.8", "127.0.0.1"] {
            assert!(!allows(address), "{address}");
        }
        assert!(wyoming(&[]).unwrap().allows("203.0.113.1".parse().unwrap()));
        for wrong in ["192.168.1.0/33", "house", "10.0.0.1-10.0.0.9"] {
            let error = wyoming(&[("TTS_WYOMING_ALLOW", wrong)]).unwrap_err();
            assert_eq!(error.key, "TTS_WYOMING_ALLOW", "{wrong}");
        }
    }
}
