//! Owns phonemes, and the step from espeak-ng's clauses to sentences of them, as piper 1.8 does it
//! (`phonemize_espeak.py` and `voice.py` of piper1-gpl describe the rules).

use piper_acoustic::VoiceConfig;
use unicode_normalization::UnicodeNormalization;

use super::espeak::Clause;

/// One phoneme: a code point, or several that the voice knows as one.
pub type Phoneme = Box<str>;

/// The phonemes of one sentence, punctuation included.
pub type Sentence = Vec<Phoneme>;

/// Punctuation by the bits of a clause's terminator (espeak-ng's `translate.h`): pause length, intonation, clause type.
const TERMINATOR_MASK: u32 = 0x000F_FFFF;
const PUNCTUATION: [(u32, char); 6] =
    [(0x8_0028, '.'), (0x8_2028, '?'), (0x8_302D, '!'), (0x4_1014, ','), (0x4_001E, ':'), (0x4_101E, ';')];
const SENTENCE_END: u32 = 0x8_0000;

/// Joins clauses into sentences.
pub fn sentences(clauses: &[Clause], config: &VoiceConfig) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    let mut current = Sentence::new();
    for clause in clauses {
        let mut text = without_language_flags(&clause.phonemes);
        let bits = clause.terminator & TERMINATOR_MASK;
        if let Some((_, mark)) = PUNCTUATION.iter().find(|(known, _)| *known == bits) {
            text.push(*mark);
            if matches!(mark, ',' | ':' | ';') {
                text.push(' ');
            }
        }
        current.extend(decompose(&text));
        if bits & SENTENCE_END != 0 {
            sentences.push(merge_clusters(std::mem::take(&mut current), config));
        }
    }
    if !current.is_empty() {
        sentences.push(merge_clusters(current, config));
    }
    sentences
}

/// The code points of `text` in canonical decomposition, each a phoneme.
pub fn decompose(text: &str) -> impl Iterator<Item = Phoneme> {
    text.nfd().map(phoneme)
}

/// A code point as a phoneme.
pub fn phoneme(c: char) -> Phoneme {
    let mut buffer = [0; 4];
    (*c.encode_utf8(&mut buffer)).into()
}

/// Cuts a sentence into pieces of at most `limit` phonemes: after the last `,`, `;` or `:` within the limit, else after
/// the last blank, else after the last tone, else at the limit. Memory follows this bound, not the text.
pub fn bounded(sentence: Sentence, limit: usize) -> Vec<Sentence> {
    let mut pieces = Vec::new();
    let mut rest = sentence;
    while rest.len() > limit {
        let window = &rest[..limit];
        let after_last = |marks: &[&str]| {
            window.iter().rposition(|phoneme| marks.contains(&phoneme.as_ref())).map(|position| position + 1)
        };
        let cut = after_last(&[",", ";", ":", "，", "；", "：", "、"]).or_else(|| after_last(&[" "]));
        let cut = cut.or_else(|| after_last(&["1", "2", "3", "4", "5"])).unwrap_or(limit);
        let tail = rest.split_off(cut);
        pieces.push(std::mem::replace(&mut rest, tail));
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// The phonemes of one clause as they stand, without punctuation.
pub fn plain(clause: &Clause) -> impl Iterator<Item = Phoneme> {
    decompose(&without_language_flags(&clause.phonemes)).collect::<Vec<_>>().into_iter()
}

/// How many sounds phonemes have, as espeak-ng gives them.
pub fn sounds(phonemes: &str) -> usize {
    decompose(&without_language_flags(phonemes)).filter(is_sound).count()
}

/// Removes `(en)` and its like, which espeak-ng puts around words of another language.
pub fn without_language_flags(phonemes: &str) -> String {
    let mut kept = String::with_capacity(phonemes.len() + 2);
    let mut rest = phonemes;
    while let Some(open) = rest.find('(') {
        let (before, flagged) = rest.split_at(open);
        kept.push_str(before);
        match flagged[1..].find(')') {
            // At least one character stands between the brackets of a flag.
            Some(length) if length > 0 => rest = &flagged[length + 2..],
            _ => {
                kept.push('(');
                rest = &flagged[1..];
            }
        }
    }
    kept.push_str(rest);
    kept
}

/// Puts together the longest runs of phonemes that the voice knows as one.
fn merge_clusters(sentence: Sentence, config: &VoiceConfig) -> Sentence {
    let longest = config.vowel_clusters.iter().map(Vec::len).max().unwrap_or(0);
    if longest < 2 {
        return sentence;
    }
    let is_cluster = |run: &[Phoneme]| {
        config.vowel_clusters.iter().any(|cluster| cluster.iter().map(String::as_str).eq(run.iter().map(AsRef::as_ref)))
    };
    let mut merged = Sentence::with_capacity(sentence.len());
    let mut position = 0;
    while position < sentence.len() {
        let longest_here = longest.min(sentence.len() - position);
        let length =
            (2..=longest_here).rev().find(|length| is_cluster(&sentence[position..position + length])).unwrap_or(1);
        merged.push(sentence[position..position + length].concat().into());
        position += length;
    }
    merged
}

/// Letters of a phoneme alphabet: what is neither stress nor length, neither punctuation nor blank.
pub fn is_sound(phoneme: &Phoneme) -> bool {
    phoneme.chars().any(|c| c.is_alphabetic() && !is_modifier(c))
}

/// Stress, length, secondary articulation, tone.
fn is_modifier(c: char) -> bool {
    matches!(c, '\u{2b0}'..='\u{36f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(extra: &str) -> VoiceConfig {
        let json = format!(
            r#"{{"audio":{{"sample_rate":16000}},"espeak":{{"voice":"de"}},"num_symbols":130,
                "phoneme_id_map":{{"^":[1],"_":[0],"$":[2],"t":[32],"ˈ":[120],"ɛ":[61],"s":[31]}}{extra}}}"#
        );
        VoiceConfig::parse(json.as_bytes()).unwrap()
    }

    fn clause(phonemes: &str, terminator: u32) -> Clause {
        Clause { phonemes: phonemes.into(), terminator, end: 0 }
    }

    fn phonemes(text: &str) -> Sentence {
        text.chars().map(phoneme).collect()
    }

    #[test]
    fn clauses_join_into_sentences_at_their_terminators() {
        let clauses = [clause("a", 0x4_1014), clause("b", 0x8_2028), clause("ç", 0x8_0000), clause("d", 0)];

        let got = sentences(&clauses, &config(""));

        assert_eq!(got, [phonemes("a, b?"), phonemes("c\u{327}"), phonemes("d")]);
    }

    #[test]
    fn language_flags_are_removed_as_piper_does() {
        for (phonemes, kept) in
            [("(en)wˈɜːd(de)", "wˈɜːd"), ("a()b", "a()b"), ("a(b", "a(b"), ("((x)y", "y"), ("()x)", "()x)")]
        {
            assert_eq!(without_language_flags(phonemes), kept, "{phonemes}");
        }
    }

    #[test]
    fn vowel_clusters_become_one_phoneme() {
        let config = config(r#","vowel_clusters":[["a","ɪ"],["a","ɪ","ə"]]"#);

        let got = sentences(&[clause("taɪəaɪs", 0)], &config);

        assert_eq!(got[0], ["t", "aɪə", "aɪ", "s"].map(Phoneme::from));
    }

    #[test]
    fn long_sentences_are_cut_where_a_speaker_would_pause() {
        assert_eq!(bounded(phonemes("ab, cd ef"), 5), [phonemes("ab,"), phonemes(" cd "), phonemes("ef")]);
        assert_eq!(bounded(phonemes("abcdef"), 4), [phonemes("abcd"), phonemes("ef")]);
        assert_eq!(bounded(phonemes("abc"), 4), [phonemes("abc")]);
        assert!(bounded(Sentence::new(), 4).is_empty());
    }
}
