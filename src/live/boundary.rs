//! Owns where a sentence may end, by what is written: rather too late than too early, as what was spoken cannot be
//! taken back. Whether one does end there is for the phonemizer to say.

/// What ends a sentence, if a blank follows.
const STOPS: [char; 9] = ['.', '!', '?', '…', '؟', '۔', '।', '॥', '։'];
/// What ends one without a blank.
const WIDE_STOPS: [char; 4] = ['。', '！', '？', '｡'];
/// What may stand behind a stop.
const CLOSERS: [char; 16] = ['"', '\'', '”', '’', '»', '«', '›', ')', ']', '}', '*', '_', '`', '」', '』', '“'];
/// What may stand before a first word.
const OPENERS: [char; 17] = ['"', '\'', '“', '‘', '«', '»', '‹', '„', '(', '[', '¿', '¡', '*', '_', '—', '「', '『'];
/// What belongs together, where there are two of it, or as many of one as of the other.
const PAIRS: [(char, char); 6] = [('(', ')'), ('[', ']'), ('{', '}'), ('<', '>'), ('“', '”'), ('«', '»')];
const TWINS: [char; 4] = ['"', '*', '_', '`'];

/// A word before a stop that has no more letters may be a short form of another, whose meaning the next word tells.
const SHORT_WORD_CHARS: usize = 5;
/// A number before a stop that has fewer digits may be an ordinal.
const YEAR_DIGITS: usize = 4;

/// Whether a sentence ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ends,
    GoesOn,
    /// More of the text has to be known.
    Unknown,
}

/// The first place behind `after` at which a sentence that begins at `from` may have ended: where the next one begins.
/// `None`: there is none yet.
pub fn next(text: &str, from: usize, after: usize) -> Option<usize> {
    for (index, c) in text[from..].char_indices() {
        let at = from + index;
        let mark_end = at + c.len_utf8();
        let is_stop = STOPS.contains(&c) || WIDE_STOPS.contains(&c);
        if !is_stop && c != '\n' {
            continue;
        }
        let is_closer = |c: char| STOPS.contains(&c) || WIDE_STOPS.contains(&c) || CLOSERS.contains(&c);
        let end = if is_stop { text.len() - text[mark_end..].trim_start_matches(is_closer).len() } else { at };
        let start = text.len() - text[end..].trim_start().len();
        let gap = &text[end..start];
        let is_paragraph = gap.matches('\n').count() > 1;
        let is_apart = is_paragraph || is_stop && (!gap.is_empty() || WIDE_STOPS.contains(&c));
        if !is_apart || start <= after {
            continue;
        }
        let stop = Some(c).filter(|_| is_stop);
        match verdict(&text[from..at], stop, &text[start..]) {
            Verdict::Ends if is_balanced(&text[from..start]) => return Some(start),
            Verdict::Ends | Verdict::GoesOn => {}
            Verdict::Unknown => return None,
        }
    }
    None
}

/// Of what stands `before` a stop, or a blank line, and what is `behind` it so far.
fn verdict(before: &str, stop: Option<char>, behind: &str) -> Verdict {
    let next = behind.trim_start_matches(OPENERS);
    let Some(first) = next.chars().next() else { return Verdict::Unknown };
    if !first.is_alphabetic() || first.is_lowercase() {
        return Verdict::GoesOn;
    }
    if stop != Some('.') {
        return Verdict::Ends;
    }
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    let word = word.trim_start_matches(OPENERS).trim_end_matches(CLOSERS);
    let chars = word.chars().count();
    let is_number = word.chars().all(char::is_numeric);
    if chars < if is_number { YEAR_DIGITS } else { 2 } || word.contains('.') {
        return Verdict::GoesOn;
    }
    let is_plain = word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-'));
    if !is_number && !is_plain {
        return Verdict::GoesOn;
    }
    let is_next_known = next.contains(|c: char| !c.is_alphanumeric());
    if chars <= SHORT_WORD_CHARS && !is_next_known { Verdict::Unknown } else { Verdict::Ends }
}

/// Whether nothing that was opened is open: brackets, quotes, what emphasizes.
fn is_balanced(text: &str) -> bool {
    let count = |wanted: char| text.chars().filter(|c| *c == wanted).count();
    PAIRS.iter().all(|(open, close)| count(*open) == count(*close)) && TWINS.iter().all(|twin| count(*twin) % 2 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text, cut wherever it may be.
    fn cut(text: &str) -> Vec<&str> {
        let mut parts = Vec::new();
        let mut from = 0;
        while let Some(end) = next(text, from, 0) {
            parts.push(&text[from..end]);
            from = end;
        }
        parts.push(&text[from..]);
        parts
    }

    #[test]
    fn a_sentence_has_ended_when_the_next_has_begun() {
        assert_eq!(cut("It was raining. T"), ["It was raining. ", "T"]);
        assert_eq!(cut("It was raining. “Then"), ["It was raining. ", "“Then"]);
        assert_eq!(cut("Really?! Yes"), ["Really?! ", "Yes"]);
        assert_eq!(cut("今天下雨。明天"), ["今天下雨。", "明天"]);
        assert_eq!(cut("A heading\n\nText"), ["A heading\n\n", "Text"]);
        assert_eq!(cut("He said “it rained.” Then"), ["He said “it rained.” ", "Then"]);
    }

    #[test]
    fn what_may_go_on_is_waited_for() {
        for text in [
            "It was raining.",
            "It was raining. ",
            "It was raining. “",
            "It was raining. then",
            "It was raining. 5",
            "Dr. S",
            "J. Smith",
            "at 5 p.m. Eastern",
            "am 5. Mai 2026",
            "v2. The",
            "A heading\n",
            "A heading\n\n",
            "One\nTwo",
            "He said “it rains. Then",
            "This is **bold. And",
        ] {
            assert_eq!(cut(text), [text]);
        }
    }

    #[test]
    fn behind_a_short_word_the_whole_next_one_is_waited_for() {
        assert_eq!(cut("It is so. Then"), ["It is so. Then"]);
        assert_eq!(cut("It is so. Then "), ["It is so. ", "Then "]);
        assert_eq!(cut("It was 2024. Then "), ["It was 2024. ", "Then "]);
    }

    #[test]
    fn places_that_were_refused_are_passed_over() {
        let text = "Approximately. Five were outside. And";

        assert_eq!(next(text, 0, 0), Some(15));
        assert_eq!(next(text, 0, 15), Some(34));
    }
}
