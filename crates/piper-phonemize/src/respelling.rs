//! Owns other spellings of phonemes that a voice knows: `ʤ` is `dʒ`, the g of a keyboard is `ɡ`. espeak-ng writes none
//! of them; people do, in raw phonemes and lexicons. What a voice knows itself is left alone.

use piper_acoustic::VoiceConfig;

use super::phonemes::{Phoneme, Sentence, phoneme};

/// A phoneme, and what is the same: ligatures and letters that look alike. Nothing: a tie, which joins what stands
/// beside it.
const SPELLINGS: [(char, &str); 15] = [
    ('ʤ', "dʒ"),
    ('ʧ', "tʃ"),
    ('ʣ', "dz"),
    ('ʦ', "ts"),
    ('ʥ', "dʑ"),
    ('ʨ', "tɕ"),
    ('g', "ɡ"),
    ('ɡ', "g"),
    ('ɫ', "l"),
    ('ε', "ɛ"),
    ('ɩ', "ɪ"),
    ('ɷ', "ʊ"),
    ('ǝ', "ə"),
    ('\u{361}', ""),
    ('\u{35c}', ""),
];

/// The sentence with what the voice knows instead of what it lacks, as far as there is such.
pub fn respelled(sentence: Sentence, config: &VoiceConfig) -> Sentence {
    let knows = |phoneme: &str| config.phoneme_ids.contains_key(phoneme);
    if sentence.iter().all(|phoneme| knows(phoneme)) {
        return sentence;
    }
    let known = |own: Phoneme| -> Vec<Phoneme> {
        let other = SPELLINGS.iter().filter(|(spelling, _)| !knows(&own) && own.chars().eq([*spelling]));
        let other: Option<Vec<Phoneme>> = other
            .map(|(_, other)| other.chars().map(phoneme).collect::<Vec<_>>())
            .find(|other| other.iter().all(|one| knows(one)));
        other.unwrap_or_else(|| vec![own])
    };
    sentence.into_iter().flat_map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn respelled_as(map: &str, phonemes: &str) -> String {
        let json = format!(
            r#"{{"audio":{{"sample_rate":16000}},"espeak":{{"voice":"en"}},"num_symbols":130,"phoneme_id_map":{{{map}}}}}"#
        );
        let config = VoiceConfig::parse(json.as_bytes()).unwrap();
        respelled(phonemes.chars().map(phoneme).collect(), &config).concat()
    }

    const PARTS: &str = r#""^":[1],"_":[0],"$":[2],"d":[3],"ʒ":[4],"ɡ":[5],"ɪ":[6],"n":[7],"t":[8],"ʃ":[9]"#;

    #[test]
    fn what_a_voice_lacks_is_spelled_as_it_knows_it() {
        assert_eq!(respelled_as(PARTS, "ʤɪn"), "dʒɪn");
        assert_eq!(respelled_as(PARTS, "gɪn"), "ɡɪn");
        assert_eq!(respelled_as(PARTS, "t\u{361}ʃɪn"), "tʃɪn");
        assert_eq!(respelled_as(&PARTS.replace('ɡ', "g"), "ɡɪn"), "gɪn");
    }

    #[test]
    fn what_it_knows_and_what_has_no_other_spelling_stays() {
        assert_eq!(respelled_as(&PARTS.replace("\"n\"", "\"ʤ\""), "ʤɪ"), "ʤɪ");
        assert_eq!(respelled_as(PARTS, "ʦɪ☃"), "ʦɪ☃");
    }
}
