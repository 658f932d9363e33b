//! Owns the step from espeak-ng's clauses to sentences of phonemes, and from phonemes to ids, as piper 1.8 does them
//! (`phonemize_espeak.py`, `voice.py` and `phoneme_ids.py` of piper1-gpl describe the rules).

use piper_acoustic::{BEGIN, END, PAD, PhonemeType, VoiceConfig};
use unicode_normalization::UnicodeNormalization;

use super::espeak::Clause;
use super::pinyin::ends_group;
use super::words::is_sound;

/// One phoneme: a code point, or several that the voice knows as one.
pub type Phoneme = Box<str>;

/// The phonemes of one sentence, punctuation included.
pub type Sentence = Vec<Phoneme>;

/// Ids of a sentence, and the phonemes that the voice lacks, each as often as it is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhonemeIds {
    pub ids: Vec<i64>,
    pub missing: Vec<Phoneme>,
}

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

/// Ids of a sentence: begin, pad, then each phoneme's ids and a pad, then end; in pinyin pads stand behind syllables
/// and marks alone. Phonemes that the voice lacks are left out.
pub fn phoneme_ids(sentence: &[Phoneme], config: &VoiceConfig) -> PhonemeIds {
    let of = |name: &str| config.phoneme_ids.get(name).map(Vec::as_slice);
    let pad = of(PAD).unwrap_or_default();
    let mut ids = Vec::with_capacity(2 * sentence.len() + 3);
    let mut missing = Vec::new();
    ids.extend_from_slice(of(BEGIN).unwrap_or_default());
    if is_padded(None, config) {
        ids.extend_from_slice(pad);
    }
    for phoneme in sentence {
        match of(phoneme) {
            Some(known) => {
                ids.extend_from_slice(known);
                if is_padded(Some(phoneme), config) {
                    ids.extend_from_slice(pad);
                }
            }
            None => missing.push(phoneme.clone()),
        }
    }
    ids.extend_from_slice(of(END).unwrap_or_default());
    PhonemeIds { ids, missing }
}

/// How many ids a phoneme has, its pad included; without one, what stands before the first.
pub fn id_count(phoneme: Option<&Phoneme>, config: &VoiceConfig) -> usize {
    let of = |name: &str| config.phoneme_ids.get(name).map(Vec::len);
    let pad = of(PAD).filter(|_| is_padded(phoneme, config)).unwrap_or(0);
    match phoneme {
        None => of(BEGIN).unwrap_or(0) + pad,
        Some(phoneme) => of(phoneme).map_or(0, |ids| ids + pad),
    }
}

/// Whether a pad stands behind a phoneme, or without one behind the begin.
fn is_padded(phoneme: Option<&Phoneme>, config: &VoiceConfig) -> bool {
    match config.phoneme_type {
        PhonemeType::Pinyin => phoneme.is_some_and(|phoneme| ends_group(phoneme)),
        PhonemeType::Espeak | PhonemeType::Text | PhonemeType::Hebrew => true,
    }
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
    fn ids_have_a_pad_after_begin_and_after_each_phoneme() {
        let got = phoneme_ids(&phonemes("tˈɛst"), &config(""));

        assert_eq!(got, PhonemeIds { ids: vec![1, 0, 32, 0, 120, 0, 61, 0, 31, 0, 32, 0, 2], missing: vec![] });
    }

    #[test]
    fn phonemes_that_the_voice_lacks_are_named_and_left_out() {
        let got = phoneme_ids(&phonemes("tXs"), &config(""));

        assert_eq!(got, PhonemeIds { ids: vec![1, 0, 32, 0, 31, 0, 2], missing: vec!["X".into()] });
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
