//! Owns a private Redis: started for a test, gone with it. Never one that somebody else uses.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::server::guard;
use super::wait::{until, until_within};

const PROGRAM: &str = "redis-server";
const START_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

pub struct RedisServer {
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    /// `None` while it is down.
    process: Option<Child>,
    guard: Option<Child>,
}

/// Three masters that share the keys.
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

// === impl RedisServer ===

impl RedisServer {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With further arguments of `redis-server`.
    pub fn with(arguments: &[&str]) -> Self {
        // The port may be another's by the time it is used; then another is tried.
        (0..10).find_map(|_| Self::on(free_port(), arguments)).expect("a port for redis-server")
    }

    /// Speaks TLS too, on a port of its own, with the certificate of `tests/fixtures/tls`.
    pub fn with_tls() -> (Self, u16) {
        let port = free_port();
        let file = |name: &str| format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"));
        let (certificate, key) = (file("server.pem"), file("server.key"));
        let tls = ["--tls-auth-clients", "no", "--tls-cert-file", &certificate, "--tls-key-file", &key];
        (Self::with(&[&["--tls-port", &port.to_string()], &tls[..]].concat()), port)
    }

    /// `None`: it does not come up there.
    fn on(port: u16, arguments: &[&str]) -> Option<Self> {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { folder, port, arguments, process: None, guard: None };
        server.launch();
        server.try_up().then_some(server)
    }

    /// Up again, empty, where it was.
    pub fn restart(&mut self) {
        self.kill();
        self.launch();
        until("redis-server to come back", || self.is_up().then_some(()));
    }

    /// As by `kill -9`.
    pub fn kill(&mut self) {
        for mut process in self.guard.take().into_iter().chain(self.process.take()) {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// It hangs, and keeps its connections.
    pub fn hang(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Where it keeps what survives it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_command(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    pub fn try_command<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let mut connection = redis::Client::open(self.url())?.get_connection()?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut connection)
    }

    /// The names of the entries in it.
    pub fn entries(&self) -> Vec<String> {
        let keys: Vec<String> = self.command(&["KEYS", "tts:*"]);
        keys.into_iter().filter(|key| !key.ends_with(":lease")).collect()
    }

    /// A field of `INFO`.
    pub fn info(&self, field: &str) -> u64 {
        let info: String = self.command(&["INFO"]);
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("no {field} in INFO")).trim().parse().unwrap()
    }

    fn launch(&mut self) {
        let mut command = Command::new(PROGRAM);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(self.folder.path()).arg("--unixsocket").arg(self.socket());
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("redis-server is installed: run `make test-tools`");
        self.guard = Some(guard(process.id()));
        self.process = Some(process);
    }

    fn try_up(&mut self) -> bool {
        let look = || {
            let ended = self.process.as_mut().is_none_or(|process| process.try_wait().is_ok_and(|end| end.is_some()));
            (ended || self.is_up()).then_some(!ended)
        };
        until_within(START_LIMIT, look) == Some(true)
    }

    /// Also where it wants a password before it says more.
    fn is_up(&self) -> bool {
        match self.try_command::<redis::Value>(&["PING"]) {
            Ok(_) => true,
            Err(error) => !error.is_io_error(),
        }
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("it runs");
        kill(Pid::from_raw(process.id().try_into().unwrap()), signal).unwrap();
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

// === impl RedisCluster ===

impl RedisCluster {
    pub fn start() -> Self {
        let settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", "15000"];
        let nodes: Vec<RedisServer> = (0..3).map(|_| RedisServer::with(&settings)).collect();
        let slots = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];
        for (node, (first, last)) in nodes.iter().zip(slots) {
            let _: redis::Value = node.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
        }
        for node in &nodes[1..] {
            let _: redis::Value = node.command(&["CLUSTER", "MEET", "127.0.0.1", &nodes[0].port().to_string()]);
        }
        let is_whole = |node: &RedisServer| {
            let info: String = node.command(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        };
        until("a whole cluster", || nodes.iter().all(is_whole).then_some(()));
        Self { nodes }
    }

    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }
}

/// Below those that the system gives to connections, like the port of a cluster's bus, which is 10,000 above: nobody
/// takes it while the server is stopped.
fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port();
        let bus_is_free = |port: &u16| TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok();
        let low = 10_000 + port % 12_000;
        if TcpListener::bind(("127.0.0.1", low)).is_ok() && bus_is_free(&low) {
            return low;
        }
    }
}
