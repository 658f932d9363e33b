//! Owns cleaning a models folder of what processes that died left behind. Refuses to touch what a living process works
//! on.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::Duration;

use piper_acoustic::MAX_MODEL_BYTES;

use super::disk::{self, PARTIAL};
use super::guard::Guard;
use super::published::{Published, PublishedFile, PublishedVoice};
use crate::domain::VoiceId;

/// A part that nobody went on with for so long is not gone on with.
const STALE: Duration = Duration::from_hours(24);

type FileOf = fn(&PublishedVoice) -> Option<&PublishedFile>;

/// Removes partial files that are old or cannot be the beginning of their file. A folder that cannot be written is left
/// as it is.
pub fn remove(folder: &Path, published: Option<&Published>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_suffix(PARTIAL)) else { continue };
        let Ok(metadata) = entry.metadata() else { continue };
        let (voice, limit) = voice_of(name, published).unzip();
        let limit = limit.flatten().unwrap_or(MAX_MODEL_BYTES);
        if !is_stale(&metadata, limit) {
            continue;
        }
        match remove_unless_held(&entry.path(), folder, voice.as_ref()) {
            Ok(true) => tracing::info!(file = name, "the leftover of a download was removed"),
            Ok(false) => {}
            Err(error) => tracing::debug!(file = name, %error, "a leftover could not be removed"),
        }
    }
}

fn is_stale(file: &Metadata, limit: u64) -> bool {
    let age = file.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or_default();
    !file.is_file() || file.len() == 0 || file.len() > limit || age > STALE
}

/// The voice whose file it is, and the size that the catalogue says the file has.
fn voice_of(name: &str, published: Option<&Published>) -> Option<(VoiceId, Option<u64>)> {
    let file_of: [(&str, FileOf); 3] = [
        (".onnx", |voice| Some(&voice.model)),
        (".onnx.json", |voice| Some(&voice.config)),
        (".MODEL_CARD", |voice| voice.card.as_ref()),
    ];
    file_of.iter().find_map(|(ending, file)| {
        let id = VoiceId::parse(name.strip_suffix(ending)?).ok()?;
        let size = published.and_then(|published| Some(file(published.voices.get(&id)?)?.size));
        Some((id, size))
    })
}

fn remove_unless_held(path: &Path, folder: &Path, voice: Option<&VoiceId>) -> io::Result<bool> {
    let _guard = match voice {
        Some(id) => match Guard::try_acquire(folder, id.as_str())? {
            Some(guard) => Some(guard),
            None => return Ok(false),
        },
        None => None,
    };
    disk::remove_if_there(path)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;

    fn age(path: &Path, age: Duration) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn old_and_impossible_parts_go_and_young_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let part = |name: &str| folder.path().join(format!(".{name}.partial"));
        for name in ["young.onnx", "old.onnx", "held.onnx", "voices.json"] {
            fs::write(part(name), "part").unwrap();
        }
        fs::write(part("empty.onnx"), "").unwrap();
        for name in ["old.onnx", "held.onnx", "voices.json"] {
            age(&part(name), STALE * 2);
        }
        let _held = Guard::try_acquire(folder.path(), "held").unwrap().unwrap();

        remove(folder.path(), None);

        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [".held.lock", ".held.onnx.partial", ".young.onnx.partial"]);
    }
}
