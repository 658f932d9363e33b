//! Owns where connections come from: who may have one, how many there are, and their end.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix::Arbiter;
use bytes::BytesMut;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::SndBuf;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::announcement::Announcement;
use super::connection::Connection;
use super::frame::write;
use super::parts::ServerParts;
use crate::config::{WyomingAddress, WyomingConfig};
use crate::live::{NoSession, Sessions};
use crate::telemetry::session_span;

/// A socket that nobody accepts connections of yet.
pub enum Listener {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener, SocketFile),
}

/// Is removed when it is dropped.
pub struct SocketFile(PathBuf);

/// A server that runs, on a thread of its own.
pub struct WyomingServer {
    address: String,
    sessions: Sessions,
    ended: oneshot::Receiver<()>,
}

/// The same as tokio has it.
enum Accepting {
    Tcp(tokio::net::TcpListener),
    Unix { listener: tokio::net::UnixListener, _file: SocketFile },
}

/// As metrics and traces call it.
const PROTOCOL: &str = "wyoming";

/// What TCP and Unix sockets have in common.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Until connections are accepted again, where none can be.
const PAUSE: Duration = Duration::from_millis(100);

// === impl Listener ===

impl Listener {
    /// The system keeps `send_buffer` bytes for a caller who does not take them.
    pub fn bind(address: &WyomingAddress, send_buffer: usize) -> io::Result<Self> {
        let listener = match address {
            WyomingAddress::Tcp(address) => {
                let listener = std::net::TcpListener::bind(address)?;
                setsockopt(&listener, SndBuf, &send_buffer)?;
                listener.set_nonblocking(true)?;
                Self::Tcp(listener)
            }
            WyomingAddress::Unix(path) => {
                remove_abandoned(path)?;
                let listener = std::os::unix::net::UnixListener::bind(path)?;
                listener.set_nonblocking(true)?;
                Self::Unix(listener, SocketFile(path.clone()))
            }
        };
        Ok(listener)
    }

    fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    fn accepting(self) -> io::Result<Accepting> {
        Ok(match self {
            Self::Tcp(listener) => Accepting::Tcp(tokio::net::TcpListener::from_std(listener)?),
            Self::Unix(listener, file) => {
                Accepting::Unix { listener: tokio::net::UnixListener::from_std(listener)?, _file: file }
            }
        })
    }
}

/// A socket that a process left behind that is gone.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let is_abandoned =
        || UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    if is_socket && is_abandoned() { fs::remove_file(path) } else { Ok(()) }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

// === impl WyomingServer ===

impl WyomingServer {
    /// Begins to accept connections.
    pub fn start(listener: Listener, config: &WyomingConfig, parts: ServerParts) -> io::Result<Self> {
        let tcp = listener.tcp_address();
        let address = match (&listener, tcp) {
            (Listener::Unix(_, file), _) => format!("unix:{}", file.0.display()),
            (Listener::Tcp(_), address) => address.map(|address| address.to_string()).unwrap_or_default(),
        };
        match tcp {
            Some(_) if config.allow.is_empty() => tracing::warn!(
                address,
                "Wyoming has no tokens: whoever reaches this port may have speech; TTS_WYOMING_ALLOW says who may connect"
            ),
            _ => tracing::warn!(address, "Wyoming has no tokens: whoever may connect may have speech"),
        }
        let announcement = tcp.filter(|_| config.announce).and_then(Announcement::begin);
        let (config, sessions) = (config.clone(), parts.sessions.clone());
        let (sender, ended) = oneshot::channel();
        let serving = move || async move {
            match listener.accepting() {
                Ok(accepting) => serve(accepting, config, Arc::new(parts), announcement).await,
                Err(error) => tracing::error!(%error, "nothing can be accepted over Wyoming"),
            }
            let _ = sender.send(());
        };
        // It does not leave its thread.
        Arbiter::new().spawn_fn(move || drop(actix::spawn(serving())));
        Ok(Self { address, sessions, ended })
    }

    /// Where it listens: an address and port, or `unix:` and a path.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its connections; told to leave, they end the server.
    pub fn sessions(&self) -> Sessions {
        self.sessions.clone()
    }

    /// Waits until all connections have ended.
    pub async fn ended(self) {
        let _ = self.ended.await;
    }
}

async fn serve(
    accepting: Accepting,
    config: WyomingConfig,
    parts: Arc<ServerParts>,
    announcement: Option<Announcement>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = parts.sessions.leaving() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = accepting.accept() => match accepted {
                Ok((_, Some(caller))) if !config.allows(caller) => {
                    tracing::debug!(%caller, "a caller whom TTS_WYOMING_ALLOW does not name is not listened to");
                }
                Ok((stream, _)) => drop(connections.spawn_local(admit(stream, parts.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "a connection over Wyoming could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
    drop(accepting);
    if let Some(announcement) = announcement {
        announcement.end().await;
    }
    while connections.join_next().await.is_some() {}
}

// === impl Accepting ===

impl Accepting {
    /// The next connection, and over TCP who it is of.
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, caller) = listener.accept().await?;
                // Small messages are not to wait for larger ones; who is gone already does not matter.
                let _ = stream.set_nodelay(true);
                Ok((Box::new(stream), Some(caller.ip())))
            }
            Self::Unix { listener, .. } => Ok((Box::new(listener.accept().await?.0), None)),
        }
    }
}

async fn admit(mut stream: Box<dyn Stream>, parts: Arc<ServerParts>) {
    match parts.sessions.enter("", PROTOCOL) {
        Ok(_taken) => Connection::new(stream, parts).run().instrument(session_span(PROTOCOL)).await,
        Err(NoSession::Leaving) => {}
        Err(NoSession::All | NoSession::OfToken) => {
            let mut refusal = BytesMut::new();
            let error = json!({"text": NoSession::All.to_string(), "code": "over_capacity"});
            write(&mut refusal, "error", &error, None);
            // Fits into what the system keeps for the connection.
            let _ = stream.write_all(&refusal).await;
        }
    }
}
