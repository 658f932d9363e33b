//! Owns finding files in a folder that look like those of voices and are not used, and why. Whoever put them there is
//! told once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::card::{MAX_PROBLEM_CHARS, shortened};
use super::file_names::MODEL_ENDING;
use super::folder::InstalledVoice;
use super::quality;
use crate::domain::VoiceId;

/// A model that is not served, or what was measured of one and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ignored {
    /// Below the models folder.
    pub file: String,
    pub reason: String,
}

/// Of the public repository's layout, which somebody may have copied as a whole.
const MAX_DEPTH: usize = 5;
/// Entries of folders that are looked at, and files that are told of.
const MAX_ENTRIES: usize = 10_000;
const MAX_TOLD: usize = 100;

/// Those of a folder.
pub fn in_folder(folder: &Path, installed: &BTreeMap<VoiceId, InstalledVoice>) -> Vec<Ignored> {
    let served: Vec<PathBuf> =
        installed.values().filter_map(|voice| fs::canonicalize(&voice.files.model).ok()).collect();
    let mut found = Vec::new();
    let mut left = MAX_ENTRIES;
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((inside, depth)) = folders.pop() {
        // What cannot be read is told of where voices are looked for.
        for entry in fs::read_dir(&inside).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if left == 0 || found.len() == MAX_TOLD {
                return found;
            }
            left -= 1;
            if name.starts_with('.') {
                continue;
            }
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let mut tell = |reason: String| {
                let file = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy();
                found.push(Ignored { file: shortened(&file, MAX_PROBLEM_CHARS), reason });
            };
            if is_folder && depth < MAX_DEPTH {
                folders.push((path, depth + 1));
            } else if let Some(stem) = name.strip_suffix(MODEL_ENDING).filter(|_| !is_folder)
                && !fs::canonicalize(&path).is_ok_and(|real| served.contains(&real))
            {
                tell(reason(&path, stem, depth));
            } else if depth == 0
                && let Some(reason) = quality::problem(folder, &name)
            {
                tell(reason);
            }
        }
    }
    found
}

fn reason(model: &Path, stem: &str, depth: usize) -> String {
    let config = model.with_added_extension("json");
    if VoiceId::parse(stem).is_err() {
        return "no voice can have its name: letters, digits, `_`, `-`, `+` and `.`, and no blanks".to_owned();
    }
    if depth > 0 {
        return "it lies in a folder of its own: move it, and its config, up into the models folder".to_owned();
    }
    if config.exists() {
        return "it, or its config, is a link that leads out of the models folder, or nowhere".to_owned();
    }
    let other = ["json", "config.json"].iter().map(|ending| model.with_extension(ending)).find(|other| other.exists());
    let named = other.and_then(|other| Some(format!(": rename {}", other.file_name()?.to_string_lossy())));
    shortened(
        &format!("its config is not beside it as {stem}.onnx.json{}", named.unwrap_or_default()),
        MAX_PROBLEM_CHARS,
    )
}

#[cfg(test)]
mod tests {
    use super::super::folder::scan;
    use super::*;

    #[test]
    fn what_looks_like_a_voice_and_is_none_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "{}").unwrap();
        };
        for name in ["good", "my voice", "de/de_DE/one"] {
            write(&format!("{name}.onnx"));
            write(&format!("{name}.onnx.json"));
        }
        for name in [
            "two.onnx",
            "two.json",
            "three.onnx",
            ".hidden/four.onnx",
            "five.onnx.json",
            "readme.md",
            "good.quality.json",
        ] {
            write(name);
        }
        std::os::unix::fs::symlink("/dev/null", folder.path().join("six.onnx")).unwrap();
        write("six.onnx.json");
        let installed = scan(folder.path()).unwrap();

        let mut found = in_folder(folder.path(), &installed);

        found.sort();
        let found: Vec<_> = found.iter().map(|ignored| (&*ignored.file, &*ignored.reason)).collect();
        let expected = [
            ("de/de_DE/one.onnx", "in a folder of its own"),
            ("good.quality.json", "missing field"),
            ("my voice.onnx", "no blanks"),
            ("six.onnx", "leads out"),
            ("three.onnx", "three.onnx.json"),
            ("two.onnx", "rename two.json"),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((file, reason), (name, part)) in found.iter().zip(expected) {
            assert!(*file == name && reason.contains(part), "{file}: {reason}");
        }
    }
}
