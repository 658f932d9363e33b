//! The running program where it may not write: on a read-only file system, in a folder that its user may only read, and
//! on a full disk.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mod.rs"]
mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use md5::{Digest, Md5};
use serde_json::{Value, json};
use tempfile::TempDir;

use support::{Answer, ModelsFolder, TestServer, VOICE};

const SYNTHESIZE: &str = "/v1/synthesizeSpeech";
/// A voice that is not installed and can be fetched.
const REMOTE: &str = "en_US-small-low";
/// Such a one, of a megabyte.
const LARGE: &str = "en_US-large-medium";
const WARNING: &str = "the models folder cannot be written";

/// Ways to have mounts of one's own: as an ordinary user, and, where a changed root forbids that, as root.
const NAMESPACES: [&[&str]; 2] =
    [&["unshare", "--user", "--map-root-user", "--mount"], &["unshare", "--mount", "--propagation", "unchanged"]];

/// Mounts are made over these folders themselves.
const MAKE_READ_ONLY: &str = r#"
    IFS=:
    for folder in $READ_ONLY; do
        mount --bind "$folder" "$folder" && mount -o remount,bind,ro "$folder" || exit 1
        if touch "$folder/probe" 2>/dev/null; then echo "$folder can still be written" >&2; exit 1; fi
    done
    exec "$@"
"#;

/// Mounts 64 KiB in the home.
const MAKE_SMALL: &str = r#"mount -t tmpfs -o size=64k small "$HOME" && exec "$@""#;

/// The installed voice, a home, and a source of another voice.
struct Machine {
    models: ModelsFolder,
    home: TempDir,
    source: TempDir,
}

impl Machine {
    fn new() -> Self {
        let source = tempfile::tempdir().unwrap();
        let list = json!({
            REMOTE: {"num_speakers": 3, "files": offer(source.path(), REMOTE, "speakers")},
            LARGE: {"num_speakers": 1, "files": offer(source.path(), LARGE, "vits-medium")},
        });
        fs::write(source.path().join("voices.json"), list.to_string()).unwrap();
        Self { models: ModelsFolder::with_copies(&[VOICE]), home: tempfile::tempdir().unwrap(), source }
    }

    fn serve(&self, wrapper: &[&str], variables: &[(&str, &str)]) -> TestServer {
        let source = format!("file://{}", self.source.path().display());
        let own = [
            ("HOME", self.home.path().to_str().unwrap()),
            ("TTS_MODELS_DIR", self.models.name()),
            ("TTS_VOICES", "*"),
            ("TTS_DEFAULT_VOICE", VOICE),
            ("TTS_VOICE_SOURCE", &source),
            ("TTS_CACHE_ENABLED", "false"),
        ];
        let server = TestServer::start_under(wrapper, &[&own, variables].concat());
        server.wait_until_ready();
        server
    }

    /// As [`Machine::serve`], with these folders on read-only file systems.
    fn serve_read_only(&self, folders: &[&Path]) -> TestServer {
        let folders: Vec<&str> = folders.iter().map(|folder| folder.to_str().unwrap()).collect();
        let wrapper = in_a_namespace(&[MAKE_READ_ONLY]);
        self.serve(&wrapper, &[("READ_ONLY", &folders.join(":"))])
    }

    /// As [`Machine::serve_read_only`], with 64 KiB where downloads and compiled voices go.
    fn serve_from_a_small_disk(&self) -> TestServer {
        let wrapper = in_a_namespace(&[MAKE_SMALL, MAKE_READ_ONLY]);
        let compiled = self.home.path().join("compiled");
        let variables = [("READ_ONLY", self.models.name()), ("TTS_COMPILED_DIR", compiled.to_str().unwrap())];
        self.serve(&wrapper, &variables)
    }

    fn downloads(&self) -> PathBuf {
        self.home.path().join(".local/share/tts-batch-api/models")
    }
}

/// Runs scripts one in the other, where mounts are the server's own.
fn in_a_namespace(scripts: &[&'static str]) -> Vec<&'static str> {
    let works = |way: &&[&str]| Command::new(way[0]).args(&way[1..]).arg("true").status().unwrap().success();
    let way = NAMESPACES.into_iter().find(works).expect("mounts can be made");
    way.iter().copied().chain(scripts.iter().flat_map(|script| ["sh", "-euc", script, "sh"])).collect()
}

/// Puts a voice that is made for tests into a source; what its list says of the files.
fn offer(source: &Path, name: &str, fixture: &str) -> Value {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/models/{fixture}.onnx"));
    let mut files = json!({});
    for (ending, from) in [("onnx", fixture.clone()), ("onnx.json", fixture.with_added_extension("json"))] {
        let (path, bytes) = (format!("{name}.{ending}"), fs::read(from).unwrap());
        let md5 = format!("{:032x}", u128::from_be_bytes(Md5::digest(&bytes).into()));
        files[&path] = json!({"size_bytes": bytes.len(), "md5_digest": md5});
        fs::write(source.join(path), bytes).unwrap();
    }
    files
}

/// A folder that its owner may only read, as long as this lives.
struct Locked(PathBuf);

impl Locked {
    fn new(folder: &Path) -> Self {
        fs::set_permissions(folder, Permissions::from_mode(0o555)).unwrap();
        Self(folder.to_owned())
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.0, Permissions::from_mode(0o755));
    }
}

/// Root may write anywhere; without its capabilities it is a user like others.
fn as_user() -> &'static [&'static str] {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if is_root { &["setpriv", "--bounding-set=-all", "--inh-caps=-all"] } else { &[] }
}

fn speak(server: &TestServer, voice: &str) -> Answer {
    server.post_json(SYNTHESIZE, &json!({"text": "Hello.", "voice_id": voice}))
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Asserts that a warning with this message was logged once, and no other.
fn assert_one_warning(log: &[String], message: &str) {
    let lines = log.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let warnings: Vec<Value> = lines.filter(|line| line["level"] != "INFO").collect();
    assert!(warnings.len() == 1 && warnings[0].to_string().contains(message), "{warnings:#?}");
}

#[test]
fn a_read_only_file_system_is_served_from_with_one_warning() {
    let machine = Machine::new();
    let before = names_in(machine.models.path());
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let server = machine.serve_read_only(&[machine.models.path(), machine.home.path(), package]);

    for _ in 0..3 {
        assert_eq!(speak(&server, VOICE).status, 200);
    }

    assert_one_warning(&server.stop(), "is compiled in memory");
    assert_eq!(names_in(machine.models.path()), before);
}

#[test]
fn where_nothing_can_be_written_a_download_is_refused_and_the_rest_is_served() {
    let machine = Machine::new();
    let server = machine.serve_read_only(&[machine.models.path(), machine.home.path()]);

    let refused = speak(&server, REMOTE);

    refused.assert_error(503, "voice_unavailable", None);
    assert!(refused.text().contains("could not be stored"), "{}", refused.text());
    assert_eq!(speak(&server, VOICE).status, 200);
    let log = server.stop();
    assert!(log.iter().any(|line| line.contains("Read-only file system")), "{log:#?}");
}

#[test]
fn where_only_the_home_can_be_written_downloads_go_there_with_one_warning() {
    let machine = Machine::new();
    let server = machine.serve_read_only(&[machine.models.path()]);

    let spoken = [speak(&server, REMOTE), speak(&server, VOICE), speak(&server, REMOTE)];

    assert!(spoken.iter().all(|answer| answer.status == 200), "{}", spoken[0].text());
    let log = server.stop();
    assert_eq!(log.iter().filter(|line| line.contains(WARNING)).count(), 1, "{log:#?}");
    assert!(names_in(&machine.downloads()).contains(&format!("{REMOTE}.onnx")));
}

#[test]
fn a_folder_that_may_only_be_read_is_served_from_and_downloads_go_home() {
    let machine = Machine::new();
    let before = names_in(machine.models.path());
    let locked = Locked::new(machine.models.path());
    let server = machine.serve(as_user(), &[]);

    let spoken = [speak(&server, VOICE), speak(&server, REMOTE)];

    assert!(spoken.iter().all(|answer| answer.status == 200), "{}", spoken[1].text());
    let log = server.stop();
    assert_eq!(log.iter().filter(|line| line.contains(WARNING)).count(), 1, "{log:#?}");
    drop(locked);
    assert_eq!(names_in(machine.models.path()), before);
    assert!(names_in(&machine.downloads()).contains(&format!("{REMOTE}.onnx")));
}

#[test]
fn a_full_disk_costs_its_download_and_nothing_else() {
    let machine = Machine::new();
    let server = machine.serve_from_a_small_disk();

    let (refused, spoken) = (speak(&server, LARGE), speak(&server, VOICE));

    refused.assert_error(503, "voice_unavailable", None);
    assert_eq!(spoken.status, 200);
    let left = names_in(&server.sees(&machine.downloads()));
    assert!(left.iter().all(|name| !name.contains(LARGE)), "{left:?}");
    assert_eq!(speak(&server, REMOTE).status, 200, "what there is room for is fetched");
    let log = server.stop();
    assert!(log.iter().any(|line| line.contains("the disk is full")), "{log:#?}");
    // Of a voice that was checked only that is kept, for which there is room.
    assert!(log.iter().all(|line| !line.contains("is compiled in memory")), "{log:#?}");
}
