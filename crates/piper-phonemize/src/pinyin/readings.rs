//! Owns the readings of characters: in a word as that word says, else by the most frequent reading. The tables are made
//! of g2pW's and pypinyin's (`tools/pinyin.py`; their licences are beside them).

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// On each line a reading and the characters that have it.
const TABLE: &str = include_str!("../../data/pinyin.txt");

/// On each line a word, with readings behind those of its characters that are read otherwise than alone.
const WORDS: &str = include_str!("../../data/words.txt");

/// In the order of the characters, each with the number of its line.
static CHARACTERS: LazyLock<Vec<(char, u16)>> = LazyLock::new(|| {
    let of_line = |(line, (_, characters)): (u16, (&str, &'static str))| characters.chars().map(move |c| (c, line));
    let mut characters: Vec<(char, u16)> = (0..).zip(lines()).flat_map(of_line).collect();
    characters.sort_unstable();
    characters
});

static READINGS: LazyLock<Vec<&str>> = LazyLock::new(|| lines().map(|(reading, _)| reading).collect());

static KNOWN: LazyLock<WordReadings> = LazyLock::new(WordReadings::new);

struct WordReadings {
    /// `None` for a table that is too large for one, which a test excludes.
    finder: Option<AhoCorasick>,
    /// As the lines say them, in the finder's order.
    lines: Vec<&'static str>,
}

/// The reading of each character of `text` that has one, such as `hao3`. Of words the longest one counts, from the
/// first character on.
pub fn readings(text: &str) -> Vec<(char, Option<&'static str>)> {
    let mut read = Vec::with_capacity(text.len());
    let mut rest = 0;
    for word in KNOWN.finder.iter().flat_map(|finder| finder.find_iter(text)) {
        read.extend(text[rest..word.start()].chars().map(|c| (c, alone(c))));
        read.extend(in_word(KNOWN.lines[word.pattern()]));
        rest = word.end();
    }
    read.extend(text[rest..].chars().map(|c| (c, alone(c))));
    read
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().filter_map(|line| line.split_once(' '))
}

fn alone(c: char) -> Option<&'static str> {
    let at = CHARACTERS.binary_search_by_key(&c, |(character, _)| *character).ok()?;
    READINGS.get(usize::from(CHARACTERS[at].1)).copied()
}

fn in_word(line: &'static str) -> impl Iterator<Item = (char, Option<&'static str>)> {
    let characters = line.char_indices().filter(|(_, c)| !c.is_ascii());
    characters.map(|(at, c)| {
        let behind = &line[at + c.len_utf8()..];
        let end = behind.find(|c: char| !c.is_ascii()).unwrap_or(behind.len());
        (c, if end == 0 { alone(c) } else { Some(&behind[..end]) })
    })
}

// === impl WordReadings ===

impl WordReadings {
    fn new() -> Self {
        let lines: Vec<&str> = WORDS.lines().collect();
        let words = lines.iter().map(|line| line.chars().filter(|c| !c.is_ascii()).collect::<String>());
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(words);
        Self { finder: finder.ok(), lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<&'static str> {
        readings(text).into_iter().map(|(_, reading)| reading.unwrap_or("-")).collect()
    }

    #[test]
    fn each_character_stands_there_once_with_a_tone() {
        let is_reading = |reading: &str| reading.ends_with(['1', '2', '3', '4', '5']);

        assert_eq!(CHARACTERS.len(), 41_497);
        assert!(CHARACTERS.windows(2).all(|two| two[0].0 < two[1].0));
        assert!(READINGS.iter().all(|reading| is_reading(reading)));
        assert!(KNOWN.lines.len() > 11_500);
        let mut of_words = KNOWN.lines.iter().flat_map(|line| in_word(line));
        assert!(of_words.all(|(_, reading)| reading.is_some_and(is_reading)));
    }

    #[test]
    fn simplified_and_traditional_characters_are_read_alike_and_the_frequent_reading_counts() {
        assert_eq!(read("国、國、着、著"), ["guo2", "-", "guo2", "-", "zhe5", "-", "zhu4"]);
        assert_eq!(read("a。"), ["-", "-"]);
    }

    #[test]
    fn in_a_word_a_character_is_read_as_the_word_has_it() {
        assert_eq!(read("银行行为，重庆"), ["yin2", "hang2", "xing2", "wei2", "-", "chong2", "qing4"]);
        assert_eq!(read("很重"), ["hen3", "zhong4"]);
        assert_eq!(read("一个，十一个"), ["yi2", "ge4", "-", "shi2", "yi1", "ge4"]);
        // The longest word, though a shorter one begins it.
        assert_eq!(read("一了百了"), ["yi1", "liao3", "bai3", "liao3"]);
        assert_eq!(read("我长大，他長大"), ["wo3", "zhang3", "da4", "-", "ta1", "zhang3", "da4"]);
    }
}
