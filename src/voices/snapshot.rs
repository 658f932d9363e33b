//! Owns the names of the public voices, so that they can be listed and asked for before the catalogue was ever fetched. Sizes and checksums
//! are not here: a download takes those from the catalogue of the source that it downloads from.

use std::collections::BTreeMap;

use crate::domain::VoiceId;

/// One voice a line: its id and, where known, its number of speakers.
const NAMES: &str = include_str!("snapshot.txt");

/// The public voices, with their number of speakers where it is known.
pub fn names() -> BTreeMap<VoiceId, Option<u32>> {
    NAMES
        .lines()
        .filter_map(|line| {
            let (name, speakers) = line.split_once(' ').unwrap_or((line, ""));
            Some((VoiceId::parse(name).ok()?, speakers.parse().ok()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_voice_and_none_stands_there_twice() {
        let names = names();

        assert_eq!(names.len(), NAMES.lines().count());
        assert_eq!(names.get(&VoiceId::parse("en_US-joe-medium").unwrap()), Some(&Some(1)));
        assert!(names.keys().all(|id| id.as_str().split('-').count() >= 3));
    }
}
