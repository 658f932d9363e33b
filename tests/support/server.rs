//! Owns a running service, as its users run it: the real program, over real sockets. It is gone when this is.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::Value;

use super::command::{Program, exit_within};
use super::log::Log;
use super::wait::{LIMIT, until};
use super::{Answer, RedisCluster, RedisServer, VOICE};

const REDIS_URL: &str = "TTS_REDIS_URL";
/// The secret that servers in tests know.
pub const TOKEN: &str = "token-of-the-tests";

/// What servers get that name none, by the name of the test binary: the same tests run in several.
enum Redis {
    Server(RedisServer),
    Cluster(RedisCluster),
}

pub struct TestServer {
    address: SocketAddr,
    /// Where it speaks Wyoming.
    wyoming: Option<String>,
    /// What it shares with others, where the tests run so.
    _redis: Option<Redis>,
    client: Client,
    process: Mutex<Child>,
    log: Mutex<Log>,
    /// Ends the server if this process ends without dropping this, as with a server in a static.
    guard: Child,
}

/// The server that most tests of a binary share, with default settings.
pub fn shared() -> &'static TestServer {
    static SERVER: OnceLock<TestServer> = OnceLock::new();
    SERVER.get_or_init(|| TestServer::start(&[]))
}

// === impl TestServer ===

impl TestServer {
    /// Starts a server with these variables and waits until it is ready.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let server = Self::start_unready(variables);
        server.wait_until_ready();
        server
    }

    /// Starts a server with these variables and waits until it listens.
    pub fn start_unready(variables: &[(&str, &str)]) -> Self {
        Self::start_under(&[], variables)
    }

    /// Starts a server by another program, which must become it, with these variables, and waits until it listens.
    pub fn start_under(wrapper: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut program = Program::under(wrapper, &["serve"])
            .variable("ALLOWED_USER_TOKEN", TOKEN)
            .variable("TTS_BIND", "127.0.0.1:0");
        let redis = Redis::of_this_binary(variables);
        if let Some(redis) = &redis {
            // Ample time: a call that is given up on a busy machine is no answer to what these tests ask.
            program = program.variable(REDIS_URL, redis.url()).variable("TTS_REDIS_TIMEOUT_MS", "10000");
        }
        for (name, value) in variables {
            program = program.variable(name, value);
        }
        let mut process = program.spawn();
        let guard = guard(process.id());
        let log = Log::of(process.stderr.take().expect("piped"));
        let (address, wyoming) =
            announced_addresses(&mut process).unwrap_or_else(|| panic!("the server did not start: {:?}", log.lines()));
        // The service's own build of the client leaves the choice to whoever uses it; only the first choice counts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Its connections are plain: to read the roots of all authorities takes longer than many a test.
        let client = Client::builder().tls_certs_only([]).timeout(LIMIT).no_proxy().build().expect("a client");
        Self { address, wyoming, _redis: redis, client, process: Mutex::new(process), log: Mutex::new(log), guard }
    }

    pub fn wait_until_ready(&self) {
        until("readiness", || (self.get("/readyz").status == 200).then_some(()));
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it speaks Wyoming: an address, or `unix:` and a path.
    pub fn wyoming(&self) -> &str {
        self.wyoming.as_deref().expect("the server speaks Wyoming")
    }

    // --- requests ---

    /// A request without a token, for tests to complete.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// A POST with the token.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path).header("user-token", TOKEN)
    }

    pub fn post_json(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.post(path).json(body).send().expect("an answer"))
    }

    /// A POST that says to be JSON, whatever it is.
    pub fn post_bytes(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let request = self.post(path).header("content-type", "application/json").body(body.into());
        Answer::of(request.send().expect("an answer"))
    }

    /// A GET without a token.
    pub fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).send().expect("an answer"))
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// Sends these bytes on a new connection, which stays open, and reads one answer.
    pub fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        // A server that answers before it has read everything may close its side before everything is written.
        let _ = stream.write_all(request);
        Answer::read(&mut stream)
    }

    /// Asks for speech on a new connection; whoever drops it leaves.
    pub fn begin(&self, body: &Value) -> TcpStream {
        let mut connection = self.connect();
        ask_on(&mut connection, body);
        connection
    }

    // --- what the server says of itself ---

    /// The value of a series, named with its labels; 0 if it does not exist yet.
    pub fn metric(&self, series: &str) -> f64 {
        let metrics = self.get("/metrics");
        assert_eq!(metrics.status, 200);
        let value = metrics.text().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a metric is a number"))
    }

    /// Sentences that the voice has computed since the start.
    pub fn sentences(&self) -> f64 {
        self.metric(&format!("tts_sentences_synthesized_total{{voice=\"{VOICE}\"}}"))
    }

    /// Its resident set.
    pub fn resident_bytes(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The largest that its resident set was since [`TestServer::forget_peak`].
    pub fn peak_resident_bytes(&self) -> u64 {
        self.memory("VmHWM:")
    }

    pub fn forget_peak(&self) {
        std::fs::write(self.facts("clear_refs"), "5").expect("the process lives");
    }

    fn memory(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(self.facts("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).expect("the process lives");
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    }

    /// A path as the process sees it, which may have mounts of its own.
    pub fn sees(&self, path: &Path) -> PathBuf {
        self.facts("root").join(path.strip_prefix("/").expect("an absolute path"))
    }

    pub fn open_files(&self) -> usize {
        std::fs::read_dir(self.facts("fd")).expect("the process lives").count()
    }

    pub fn threads(&self) -> usize {
        std::fs::read_dir(self.facts("task")).expect("the process lives").count()
    }

    /// What the system says of the process.
    fn facts(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.process.lock().unwrap().id()))
    }

    pub fn wait_for_log(&self, text: &str) {
        until(text, || self.log.lock().unwrap().lines().iter().any(|line| line.contains(text)).then_some(()));
    }

    // --- the end ---

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.lock().unwrap().id().try_into().unwrap());
        kill(pid, signal).expect("the server runs");
    }

    /// Kills the phonemizers, which are its children.
    pub fn kill_children(&self) {
        let parent = self.process.lock().unwrap().id();
        let is_child = |status: String| {
            let of = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok());
            of == Some(parent)
        };
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let children = processes.filter_map(|process| {
            let id = process.file_name().to_str()?.parse().ok()?;
            std::fs::read_to_string(process.path().join("status")).is_ok_and(is_child).then_some(Pid::from_raw(id))
        });
        for child in children {
            kill(child, Signal::SIGKILL).expect("the child is there");
        }
    }

    /// How the process ends; fails if it does not.
    pub fn wait(&self) -> ExitStatus {
        exit_within(&mut self.process.lock().unwrap(), LIMIT).expect("the server ends")
    }

    /// Stops the server; all that it has logged.
    pub fn stop(self) -> Vec<String> {
        self.signal(Signal::SIGTERM);
        self.wait();
        self.log.lock().unwrap().finish()
    }
}

impl Redis {
    fn of_this_binary(variables: &[(&str, &str)]) -> Option<Self> {
        let binary = env!("CARGO_CRATE_NAME");
        if variables.iter().any(|(name, _)| *name == REDIS_URL) {
            None
        } else if binary.ends_with("_with_redis") {
            Some(Self::Server(RedisServer::start()))
        } else if binary.ends_with("_with_a_cluster") {
            Some(Self::Cluster(RedisCluster::start()))
        } else {
            None
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Server(server) => server.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // The guard first: once the server is waited for, its number may be another process's.
        for process in [&mut self.guard, self.process.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)] {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Asks for speech on a connection, and reads nothing of the answer.
pub fn ask_on(connection: &mut TcpStream, body: &Value) {
    let body = body.to_string();
    let head = format!(
        "POST /v1/synthesizeSpeech HTTP/1.1\r\nhost: x\r\nuser-token: {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all((head + &body).as_bytes()).unwrap();
}

/// Kills the process when the pipe from here ends, and with it whoever holds its other end.
pub(super) fn guard(process: u32) -> Child {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "read -r _; kill -9 \"$1\"", "guard", &process.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("a shell starts")
}

/// Where the server says that it listens; `None` if it ends without saying so.
fn announced_addresses(process: &mut Child) -> Option<(SocketAddr, Option<String>)> {
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line).expect("output is UTF-8");
    let announced: Value = serde_json::from_str(&line).ok()?;
    Some((announced["listening"].as_str()?.parse().ok()?, announced["wyoming"].as_str().map(str::to_owned)))
}
