//! Owns `healthcheck`: whether the service that runs beside this command lives. An image needs no other program to ask.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::settings_source::SettingsSource;

const TIMEOUT: Duration = Duration::from_secs(2);

/// More than the head of any answer to this.
const MAX_BYTES: u64 = 4096;

/// The service does not answer as one that lives.
#[derive(Debug, thiserror::Error)]
#[error("the service at {0} does not answer /livez with 200")]
pub struct NotAlive(SocketAddr);

pub fn run(source: SettingsSource<'_>) -> anyhow::Result<()> {
    let address = reachable(source.load_for_command()?.http.bind);
    let not_alive = || NotAlive(address);
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).map_err(|_| not_alive())?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /livez HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").map_err(|_| not_alive())?;
    let mut answer = Vec::new();
    stream.take(MAX_BYTES).read_to_end(&mut answer).map_err(|_| not_alive())?;
    if answer.starts_with(b"HTTP/1.1 200 ") { Ok(()) } else { Err(not_alive().into()) }
}

/// Where a service can be reached that listens everywhere.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}
