//! Owns cleaning the folder of compiled voices: of what processes that died left half made, and of voices that are no
//! more. Refuses to touch anything whose name is not that of a compiled voice, and what another process may still be
//! making or using.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::files;

/// Ending of what is being made, after the id of the process that makes it.
pub const PARTIAL: &str = "partial";

/// In a compiled voice: what it was made of. Written at each use, so that its age tells the last one.
const SOURCE: &str = "SOURCE.json";
const MAX_SOURCE_BYTES: u64 = 4 << 10;

/// Hex digits of a SHA-256, with which every name begins.
const DIGEST_CHARS: usize = 64;

/// Making one takes seconds. The process that does may be one of another container, which cannot be seen from here.
const LONGEST_MAKING: Duration = Duration::from_mins(10);

/// What a living process, or one with the id of one that died, has not gone on with for so long is not gone on with.
const STALE: Duration = Duration::from_hours(24);

/// Another service may share the folder and have other voices.
const UNUSED_WITHOUT_SOURCE: Duration = Duration::from_hours(24);

/// Made for another processor, runtime or version of this program, which may come back.
const UNUSED: Duration = Duration::from_hours(30 * 24);

/// Looked at in one go; the rest comes next time.
const MAX_ENTRIES: usize = 10_000;

/// A voice's file, as far as it tells one from another without reading it. No path: others may see the folder under
/// another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SourceStamp {
    file: String,
    bytes: u64,
    modified: (i64, i64),
}

// === impl SourceStamp ===

impl SourceStamp {
    fn of(model: &Path) -> Option<Self> {
        let metadata = fs::metadata(model).ok()?;
        let file = model.file_name()?.to_str()?.to_owned();
        Some(Self { file, bytes: metadata.len(), modified: (metadata.mtime(), metadata.mtime_nsec()) })
    }
}

/// Notes that the compiled voice in `folder` was used, and what it was made of.
pub fn mark_used(folder: &Path, model: &Path) {
    let source = SourceStamp::of(model).and_then(|source| serde_json::to_vec(&source).ok());
    if let Some(source) = source {
        // Where it cannot be written, nothing can be removed either.
        let _ = fs::write(folder.join(SOURCE), source);
    }
}

/// Removes from the folder of compiled voices what is of no use to the voices with these models, nor to anybody else.
/// Takes file accesses: not for an async thread.
pub fn remove_leftovers(folder: &Path, models: &[PathBuf]) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let sources: Vec<SourceStamp> = models.iter().filter_map(|model| SourceStamp::of(model)).collect();
    for entry in entries.flatten().take(MAX_ENTRIES) {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(after_digest) else { continue };
        let path = entry.path();
        let is_leftover = match maker(rest) {
            Some(process) => is_abandoned(&path, process),
            None => is_unused(&path, &sources),
        };
        if is_leftover {
            match remove(&path) {
                Ok(()) => tracing::info!(name = ?name, "a compiled voice that nobody uses was removed"),
                Err(error) => tracing::debug!(name = ?name, %error, "a compiled voice could not be removed"),
            }
        }
    }
}

/// What follows the digest in a name that begins with one.
fn after_digest(name: &str) -> Option<&str> {
    let (digest, rest) = name.split_at_checked(DIGEST_CHARS)?;
    let is_digest = digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_digest && (rest.is_empty() || rest.starts_with('.'))).then_some(rest)
}

/// The process that makes or made it, of something half made: `.PROCESS-RANDOM.partial`.
fn maker(rest: &str) -> Option<u32> {
    rest.strip_suffix(PARTIAL)?.trim_matches('.').split('-').next()?.parse().ok()
}

fn is_abandoned(path: &Path, process: u32) -> bool {
    let age = age_of_newest(path);
    // At this age nothing of this process is being made either: it has the id of one that died.
    let is_gone = process == std::process::id() || !Path::new("/proc").join(process.to_string()).exists();
    age > STALE || (is_gone && age > LONGEST_MAKING)
}

fn is_unused(path: &Path, sources: &[SourceStamp]) -> bool {
    let used = path.join(SOURCE);
    let source =
        files::read(&used, MAX_SOURCE_BYTES).ok().and_then(|json| serde_json::from_slice::<SourceStamp>(&json).ok());
    let age = if source.is_some() { age(&used) } else { age(path) };
    let has_source = source.is_some_and(|source| sources.contains(&source));
    age > if has_source { UNUSED } else { UNUSED_WITHOUT_SOURCE }
}

/// Since the last change of the file; none for one whose time is in the future or not to be had.
fn age(path: &Path) -> Duration {
    let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    modified.ok().and_then(|time| SystemTime::now().duration_since(time).ok()).unwrap_or_default()
}

/// Since the last change of anything in the folder.
fn age_of_newest(path: &Path) -> Duration {
    let inside = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| age(&entry.path()));
    inside.chain([age(path)]).min().unwrap_or_default()
}

/// Under another name first, so that nobody finds half of it.
fn remove(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return fs::remove_file(path);
    }
    let going = path.with_extension(format!("{}.{PARTIAL}", std::process::id()));
    fs::rename(path, &going)?;
    fs::remove_dir_all(going)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use tempfile::TempDir;

    use super::*;

    const NOBODY: u32 = u32::MAX;

    /// A folder of compiled voices, and a voice.
    struct Folder {
        root: TempDir,
        model: PathBuf,
    }

    impl Folder {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let model = root.path().join("voice.onnx");
            fs::write(&model, "model").unwrap();
            Self { root, model }
        }

        /// A folder with a file in it, both of this age.
        fn put(&self, name: &str, old: Duration) {
            let path = self.root.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("flow.ort"), "flow").unwrap();
            make_old(&path, old);
        }

        /// A compiled voice that was last used so long ago.
        fn put_used(&self, name: &str, model: &Path, old: Duration) {
            self.put(name, old);
            mark_used(&self.root.path().join(name), model);
            make_old(&self.root.path().join(name), old);
        }

        fn clean(&self) -> Vec<String> {
            remove_leftovers(self.root.path(), std::slice::from_ref(&self.model));
            let entries = fs::read_dir(self.root.path()).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.retain(|name| name != "voice.onnx");
            names.sort();
            names
        }
    }

    fn make_old(path: &Path, old: Duration) {
        let time = SystemTime::now() - old;
        for entry in fs::read_dir(path).unwrap() {
            File::options().write(true).open(entry.unwrap().path()).unwrap().set_modified(time).unwrap();
        }
        File::open(path).unwrap().set_modified(time).unwrap();
    }

    fn digest(fill: char) -> String {
        fill.to_string().repeat(DIGEST_CHARS)
    }

    fn partial(fill: char, process: u32) -> String {
        format!("{}.{process}.partial", digest(fill))
    }

    #[test]
    fn what_a_dead_process_was_making_goes_and_what_a_living_one_makes_stays() {
        let folder = Folder::new();
        let parent = std::os::unix::process::parent_id();
        folder.put(&partial('a', NOBODY), LONGEST_MAKING * 2);
        folder.put(&partial('b', NOBODY), Duration::ZERO);
        folder.put(&partial('c', parent), LONGEST_MAKING * 2);
        folder.put(&partial('d', parent), STALE * 2);
        folder.put(&partial('e', std::process::id()), LONGEST_MAKING * 2);
        folder.put(&partial('f', std::process::id()), Duration::ZERO);

        let left = folder.clean();

        assert_eq!(left, [partial('b', NOBODY), partial('c', parent), partial('f', std::process::id())]);
    }

    #[test]
    fn something_half_made_is_as_old_as_its_newest_file() {
        let folder = Folder::new();
        let name = partial('a', NOBODY);
        folder.put(&name, LONGEST_MAKING * 2);
        let path = folder.root.path().join(&name);
        File::options().write(true).open(path.join("flow.ort")).unwrap().set_modified(SystemTime::now()).unwrap();

        assert_eq!(folder.clean(), [name]);
    }

    #[test]
    fn a_voice_that_is_gone_or_changed_goes_a_day_after_its_last_use() {
        let folder = Folder::new();
        let gone = folder.root.path().join("gone.onnx");
        fs::write(&gone, "gone").unwrap();
        folder.put_used(&digest('a'), &gone, UNUSED_WITHOUT_SOURCE * 2);
        folder.put_used(&digest('b'), &gone, Duration::ZERO);
        fs::remove_file(gone).unwrap();
        folder.put_used(&digest('c'), &folder.model, UNUSED_WITHOUT_SOURCE * 2);
        fs::write(&folder.model, "another model").unwrap();
        folder.put_used(&digest('d'), &folder.model, UNUSED_WITHOUT_SOURCE * 2);

        assert_eq!(folder.clean(), [digest('b'), digest('d')]);
    }

    #[test]
    fn a_voice_that_is_there_goes_a_month_after_its_last_use() {
        let folder = Folder::new();
        folder.put_used(&digest('a'), &folder.model, UNUSED * 2);
        folder.put_used(&digest('b'), &folder.model, UNUSED / 2);

        assert_eq!(folder.clean(), [digest('b')]);
    }

    #[test]
    fn what_an_earlier_version_made_goes_and_other_files_stay() {
        let folder = Folder::new();
        let others = ["notes", "a.partial", &digest('g'), &format!("{}x", digest('a')), &digest('a')[1..]];
        for name in others {
            folder.put(name, UNUSED * 2);
        }
        for ending in ["ort", "sha256"] {
            let path = folder.root.path().join(format!("{}.{ending}", digest('a')));
            fs::write(&path, "old").unwrap();
            File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - UNUSED * 2).unwrap();
        }

        let left = folder.clean();

        assert_eq!(left.len(), others.len(), "{left:?}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_error() {
        remove_leftovers(Path::new("/no/such/folder"), &[]);
    }
}
