//! Owns the names of the public voices, so that they can be listed and asked for before the catalogue was ever fetched.
//! Sizes and checksums are not here: a download takes those from the catalogue of the source that it downloads from.

use std::collections::BTreeMap;

use crate::domain::VoiceId;

/// What is known of a public voice before its source was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicVoice {
    pub speakers: Option<u32>,
    /// The type of its phonemes, if it is one that this service does not speak.
    pub foreign_phonemes: Option<&'static str>,
}

/// One voice a line: its id, its number of speakers and, where the service lacks it, the type of its phonemes.
const NAMES: &str = include_str!("snapshot.txt");

pub fn voices() -> BTreeMap<VoiceId, PublicVoice> {
    NAMES.lines().filter_map(parse).collect()
}

fn parse(line: &'static str) -> Option<(VoiceId, PublicVoice)> {
    let mut columns = line.split(' ');
    let id = VoiceId::parse(columns.next()?).ok()?;
    let speakers = columns.next().and_then(|speakers| speakers.parse().ok());
    Some((id, PublicVoice { speakers, foreign_phonemes: columns.next() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_voice_and_none_stands_there_twice() {
        let voices = voices();

        assert_eq!(voices.len(), NAMES.lines().count());
        let joe = PublicVoice { speakers: Some(1), foreign_phonemes: None };
        assert_eq!(voices.get(&VoiceId::parse("en_US-joe-medium").unwrap()), Some(&joe));
        assert!(voices.values().all(|voice| voice.speakers.is_some_and(|speakers| speakers > 0)));
        assert!(voices.keys().all(|id| id.as_str().split('-').count() >= 3));
    }
}
