//! Owns where sentences end in Chinese text, as in the package that splits them for piper-tts: behind Chinese marks,
//! behind others where a capital, a character without case or the number of an item follows, and at blank lines. What
//! looks like an abbreviation ends none.

use super::numbers::is_blank;
use crate::legible::is_decimal;

const CHINESE_ENDS: &str = "。！？…";
const CHINESE_CLOSERS: &str = "”’」』）》】〕〉）";
const ENDS: &str = ".!?…؟";
const CLOSERS: &str = "'\")]}’”»";
/// Ends of which several count as one.
const DANDAS: &str = "।॥";

/// The sentences of `text`, without the blanks around them and the asterisks around words.
pub fn split(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    let mut sentences = Vec::new();
    let (mut begin, mut at) = (0, 0);
    while at < text.len() {
        let Some(end) = end_from(&text, at) else {
            at += 1;
            continue;
        };
        at = end;
        if !is_abbreviated(&text[begin..end]) {
            sentences.push(plain(&text[begin..end]));
            begin = end;
        }
    }
    sentences.push(plain(&text[begin..]));
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Where the end of a sentence that begins at a place is over.
fn end_from(text: &[char], at: usize) -> Option<usize> {
    let run = |from: usize, is_of_it: &dyn Fn(char) -> bool| from + run(&text[from..], is_of_it);
    let is_in = |set: &'static str| move |c: char| set.contains(c);
    match text[at] {
        '\r' | '\n' => end_of_blank_lines(text, at),
        // They were looked at from the first of them.
        c if DANDAS.contains(c) && at > 0 && DANDAS.contains(text[at - 1]) => None,
        c if ENDS.contains(c) || DANDAS.contains(c) => {
            let marks = if DANDAS.contains(c) { run(at, &is_in(DANDAS)) } else { at + 1 };
            let closed = run(marks, &is_in(CLOSERS));
            if is_before_sentence(&text[closed..]) {
                return Some(closed);
            }
            (c == '…').then(|| run(run(at, &is_in(CHINESE_ENDS)), &is_in(CHINESE_CLOSERS)))
        }
        c if CHINESE_ENDS.contains(c) => Some(run(run(at, &is_in(CHINESE_ENDS)), &is_in(CHINESE_CLOSERS))),
        _ => None,
    }
}

fn end_of_blank_lines(text: &[char], at: usize) -> Option<usize> {
    let (mut lines, mut end) = (0, at);
    loop {
        end += match text[end..] {
            ['\n', ..] => 1,
            ['\r', '\n', ..] => 2,
            _ => break,
        };
        lines += 1;
    }
    (lines > 1).then_some(end)
}

fn is_before_sentence(text: &[char]) -> bool {
    let blanks = run(text, is_blank);
    let next = &text[blanks..];
    let digits = run(next, is_decimal);
    let marks = run(&next[digits..], |c| matches!(c, '.' | ')'));
    let is_item = digits > 0 && (1..=2).contains(&marks) && next.get(digits + marks).is_some_and(|c| is_blank(*c));
    // Letters without case are those of Chinese, among others.
    let is_letter = |c: &char| c.is_alphabetic() && !c.is_lowercase();
    blanks > 0 && (is_item || next.first().is_some_and(is_letter))
}

/// Whether the last word is a capital and no more than two letters, with a full stop.
fn is_abbreviated(sentence: &[char]) -> bool {
    let Some(('.', before)) = sentence.split_last() else { return false };
    let is_of_word = |c: &&char| c.is_alphanumeric() || **c == '_';
    let length = before.iter().rev().take(4).take_while(is_of_word).count();
    let word = &before[before.len() - length..];
    (1..=3).contains(&length) && word[0].is_uppercase() && word.iter().all(|c| c.is_alphabetic())
}

fn plain(sentence: &[char]) -> String {
    let begin = run(sentence, is_blank);
    let end = sentence.len() - sentence.iter().rev().take_while(|c| is_blank(**c)).count();
    let stressed = sentence.get(begin..end).unwrap_or_default();
    without_asterisks_of_lines(&without_asterisks_of_words(stressed))
}

fn without_asterisks_of_words(text: &[char]) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let opening = run(rest, |c| c == '*');
        let word = opening + run(&rest[opening..], |c| c != '*');
        let closing = word + run(&rest[word..], |c| c == '*');
        let is_stressed = opening > 0 && word > opening && closing > word;
        // Asterisks behind what is not stressed may open what follows.
        out.extend(&rest[if is_stressed { opening } else { 0 }..word]);
        rest = &rest[if is_stressed { closing } else { word }..];
    }
    out
}

fn without_asterisks_of_lines(text: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if at == 0 || text[at - 1] == '\n' {
            let blanks = at + run(&text[at..], is_blank);
            let asterisks = run(&text[blanks..], |c| c == '*');
            if asterisks == 0 {
                out.extend(&text[at..blanks]);
            }
            if blanks + asterisks > at {
                at = blanks + asterisks;
                continue;
            }
        }
        out.push(text[at]);
        at += 1;
    }
    out
}

fn run(text: &[char], is_of_it: impl Fn(char) -> bool) -> usize {
    text.iter().take_while(|c| is_of_it(**c)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_behind_marks_and_at_blank_lines() {
        for (text, sentences) in [
            ("你好。再见！", &["你好。", "再见！"][..]),
            ("「好！？」他说……对", &["「好！？」", "他说……", "对"]),
            ("第一行\n第二行\n\n第三行", &["第一行\n第二行", "第三行"]),
            ("好. 再见. ok. no", &["好.", "再见. ok. no"]),
            ("3.14。1. 一 2) 二", &["3.14。", "1.", "一 2) 二"]),
            ("Dr. Li 来了. 他走", &["Dr. Li 来了.", "他走"]),
            ("A. 对", &["A. 对"]),
            ("好…", &["好…"]),
            (" \n\n ", &[]),
        ] {
            assert_eq!(split(text), sentences, "{text:?}");
        }
    }

    #[test]
    fn asterisks_around_words_and_before_lines_are_left_out() {
        assert_eq!(split("**你**好*。"), ["你好*。"]);
        assert_eq!(split("好\n  * 一"), ["好\n 一"]);
        assert_eq!(split("2*3*4 ***"), ["234 ***"]);
    }
}
