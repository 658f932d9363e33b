//! A private Prometheus with the configuration that operators are given, but for its target and its pace; and its tool.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use reqwest::blocking::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::until;

pub struct Prometheus {
    url: String,
    client: Client,
    process: Child,
    _folder: TempDir,
}

/// A file of the dashboards' folder.
pub fn dashboards(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("dashboards").join(name)
}

/// Runs `promtool`, which must find nothing to say against its input.
#[track_caller]
pub fn promtool(arguments: &[&str], input: &[u8]) {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool is installed: run `make test-tools`");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}

// === impl Prometheus ===

impl Prometheus {
    /// Scrapes the service at this address each second.
    pub fn start(target: SocketAddr) -> Self {
        // The port may be another's by the time it is used; then another is tried.
        (0..10).find_map(|_| Self::on(free_port(), target)).expect("a port for prometheus")
    }

    fn on(port: u16, target: SocketAddr) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let configuration = std::fs::read_to_string(dashboards("prometheus.yml")).unwrap();
        for replaced in ["tts:8080", "15s"] {
            assert!(configuration.contains(replaced), "{replaced} is not in prometheus.yml");
        }
        let configuration = configuration.replace("tts:8080", &target.to_string()).replace("15s", "1s");
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, configuration).unwrap();
        std::fs::copy(dashboards("alerts.yml"), folder.path().join("alerts.yml")).unwrap();

        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("prometheus is installed: run `make test-tools`");
        // The service's own build of the client leaves the choice to whoever uses it; only the first choice counts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        let mut server = Self { url: format!("http://127.0.0.1:{port}"), client, process, _folder: folder };
        server.comes_up().then_some(server)
    }

    fn comes_up(&mut self) -> bool {
        until("prometheus to start", || {
            let ended = self.process.try_wait().unwrap().is_some();
            let url = format!("{}/-/ready", self.url);
            let ready = || self.client.get(url).send().is_ok_and(|answer| answer.status().is_success());
            if ended { Some(false) } else { ready().then_some(true) }
        })
    }

    /// What a query finds now: the members of its vector.
    #[track_caller]
    pub fn query(&self, query: &str) -> Vec<Value> {
        let answer = self.get("/api/v1/query", &[("query", query)]);
        answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{query}: {answer}")).clone()
    }

    /// The names of all series.
    pub fn names(&self) -> Vec<String> {
        let answer = self.get("/api/v1/label/__name__/values", &[]);
        serde_json::from_value(answer["data"].clone()).unwrap()
    }

    /// The rules of all groups.
    pub fn rules(&self) -> Vec<Value> {
        let answer = self.get("/api/v1/rules", &[]);
        let groups = answer["data"]["groups"].as_array().unwrap();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let url = reqwest::Url::parse_with_params(&format!("{}{path}", self.url), query).unwrap();
        serde_json::from_str(&self.client.get(url).send().unwrap().text().unwrap()).unwrap()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port()
}
