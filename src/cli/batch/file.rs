//! Owns reading files of texts: JSON Lines, or a text on each line.

use std::path::Path;

use serde_json::{Map, Value, json};

/// The fields of `/v1/synthesizeSpeech`.
pub type ItemFields = Map<String, Value>;

#[derive(Debug, thiserror::Error)]
pub enum UnusableFile {
    #[error("{file}: {error}")]
    Unreadable { file: String, error: std::io::Error },
    #[error("{file}, line {line}: not an object with the fields of /v1/synthesizeSpeech")]
    NoItem { file: String, line: usize },
    #[error("{0} holds no text")]
    Empty(String),
    #[error(
        "{0} holds results of other texts, or of a version that counted from 0: choose another folder, or remove it"
    )]
    OtherResults(String),
}

/// What is on the file's lines, with these fields where a line does not have them.
pub fn read_items(path: &Path, defaults: &[(&str, Option<&str>)]) -> Result<Vec<ItemFields>, UnusableFile> {
    let file = path.display().to_string();
    let content =
        std::fs::read_to_string(path).map_err(|error| UnusableFile::Unreadable { file: file.clone(), error })?;
    let is_json = path.extension().is_some_and(|ending| ending == "jsonl" || ending == "ndjson");
    let mut items = Vec::new();
    for (number, line) in content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let item = if is_json { serde_json::from_str(line).ok() } else { Some(Map::from_iter([text(line)])) };
        let mut item: ItemFields = item.ok_or_else(|| UnusableFile::NoItem { file: file.clone(), line: number + 1 })?;
        for (name, value) in defaults {
            if let Some(value) = value {
                item.entry(*name).or_insert_with(|| json!(value));
            }
        }
        items.push(item);
    }
    if items.is_empty() { Err(UnusableFile::Empty(file)) } else { Ok(items) }
}

fn text(line: &str) -> (String, Value) {
    ("text".to_owned(), json!(line.trim()))
}
