//! Owns the sockets that callers come to, which are there before anything heavy starts, and telling where they are.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};

use nix::sys::socket::sockopt::SndBuf;
use nix::sys::socket::{Backlog, setsockopt};

use crate::config::{Config, ConfigError, HttpConfig};
use crate::wyoming;

/// Listens. As many connections may wait to be accepted as the system allows: more come at once than the standard
/// library's 128. Those that are accepted inherit how much of what is sent the system holds for somebody who does not
/// take it: by default megabytes, which a few hundred slow readers make all that it has for everybody.
pub fn listen(config: &HttpConfig) -> Result<TcpListener, ConfigError> {
    let address = config.bind;
    let listener = TcpListener::bind(address).and_then(|listener| {
        setsockopt(&listener, SndBuf, &config.send_buffer_bytes)?;
        nix::sys::socket::listen(&listener, Backlog::MAXALLOWABLE)?;
        Ok(listener)
    });
    listener.map_err(|error| ConfigError::new("TTS_BIND", format!("cannot listen on {address}: {error}")))
}

/// The same for Wyoming, where it is wanted.
pub fn listen_for_wyoming(config: &Config) -> Result<Option<wyoming::Listener>, ConfigError> {
    let Some(address) = &config.wyoming.bind else { return Ok(None) };
    let listener = wyoming::Listener::bind(address, config.http.send_buffer_bytes);
    let failed = |error| ConfigError::new("TTS_WYOMING_BIND", format!("cannot listen there: {error}"));
    listener.map(Some).map_err(failed)
}

/// One line for people and for programs that started the service with port 0.
pub fn announce(address: SocketAddr, wyoming: Option<&wyoming::WyomingServer>) {
    let wyoming = wyoming.map(wyoming::WyomingServer::address);
    tracing::info!(%address, wyoming, version = env!("CARGO_PKG_VERSION"), "listening");
    let mut line = serde_json::json!({"listening": address.to_string()});
    if let Some(wyoming) = wyoming {
        line["wyoming"] = wyoming.into();
    }
    let mut out = std::io::stdout();
    // A closed standard output is no reason not to serve.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
