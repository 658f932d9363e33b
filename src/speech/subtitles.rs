//! Owns subtitles: what is said in pieces that can be read along, as SubRip (`.srt`) and WebVTT (`.vtt`, a W3C
//! recommendation).

use std::fmt::Write;

use super::types::{Span, TimedSentence, TimedWord};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubtitleFormat {
    Srt,
    Vtt,
}

/// Characters of a line and lines of a cue, as broadcasters have them.
const LINE_CHARS: usize = 42;
const CUE_LINES: usize = 2;

/// A pause from which on a new cue begins, if the last has more than a line. In seconds.
const PAUSE: f64 = 0.6;

/// What is on screen for a while.
#[derive(Debug, Clone, PartialEq)]
struct Cue {
    span: Span,
    lines: Vec<String>,
}

// === impl SubtitleFormat ===

impl SubtitleFormat {
    /// Of `srt` or `vtt`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "srt" => Some(Self::Srt),
            "vtt" => Some(Self::Vtt),
            _ => None,
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Srt => "application/x-subrip",
            Self::Vtt => "text/vtt",
        }
    }
}

/// No cue spans sentences.
pub fn subtitles(format: SubtitleFormat, sentences: &[TimedSentence]) -> String {
    let mut file = String::from(match format {
        SubtitleFormat::Srt => "",
        SubtitleFormat::Vtt => "WEBVTT\n\n",
    });
    let cues = sentences.iter().flat_map(cues);
    for (index, Cue { span, lines }) in cues.enumerate() {
        let (number, lines, point) = (index + 1, lines.join("\n"), format.point());
        let (start, end) = (time(span.start, point), time(span.end, point));
        // Writing to a string does not fail.
        let _ = match format {
            SubtitleFormat::Srt => write!(file, "{number}\n{start} --> {end}\n{lines}\n\n"),
            SubtitleFormat::Vtt => write!(file, "{start} --> {end}\n{}\n\n", escaped(&lines)),
        };
    }
    file
}

fn cues(sentence: &TimedSentence) -> Vec<Cue> {
    let mut cues: Vec<Cue> = Vec::new();
    for TimedWord { span, with_marks, .. } in &sentence.words {
        let (span, words) = (*span, with_marks.split_whitespace().collect::<Vec<_>>().join(" "));
        let fits = |line: &String| line.chars().count() + 1 + words.chars().count() <= LINE_CHARS;
        match cues.last_mut() {
            Some(cue) if cue.lines.last().is_some_and(fits) && !pauses(cue, span) => {
                if let Some(line) = cue.lines.last_mut() {
                    line.push(' ');
                    line.push_str(&words);
                }
                cue.span.end = span.end;
            }
            Some(cue) if cue.lines.len() < CUE_LINES && !pauses(cue, span) => {
                cue.lines.push(words);
                cue.span.end = span.end;
            }
            _ => cues.push(Cue { span, lines: vec![words] }),
        }
    }
    cues
}

fn pauses(cue: &Cue, next: Span) -> bool {
    cue.lines.len() > 1 && next.start - cue.span.end >= PAUSE
}

/// `hours:minutes:seconds` and milliseconds.
fn time(seconds: f64, point: char) -> String {
    let milliseconds = (seconds * 1000.0).round() as u64;
    let (seconds, milliseconds) = (milliseconds / 1000, milliseconds % 1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!("{:02}:{:02}:{seconds:02}{point}{milliseconds:03}", minutes / 60, minutes % 60)
}

/// Text as WebVTT takes it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl SubtitleFormat {
    fn point(self) -> char {
        match self {
            Self::Srt => ',',
            Self::Vtt => '.',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each word lasts a second, and the times are whole.
    fn sentence(text: &str) -> TimedSentence {
        let word = |(second, word): (usize, &str)| TimedWord {
            span: Span { start: second as f64, end: second as f64 + 1.0 },
            place: 0..1,
            text: word.to_owned(),
            with_marks: format!("{word} "),
        };
        let words = text.split(' ').enumerate().map(word).collect();
        TimedSentence {
            span: Span { start: 0.0, end: 1.0 },
            place: 0..1,
            text: text.into(),
            words,
            phonemes: Vec::new(),
        }
    }

    #[test]
    fn lines_and_cues_are_short_enough_to_read() {
        let text = "The quick brown fox jumps over the lazy dog, and then it runs away, as foxes do when dogs begin to bark at them.";

        let cues = cues(&sentence(text));

        let lines: Vec<_> = cues.iter().map(|cue| cue.lines.join("|")).collect();
        assert_eq!(
            lines,
            [
                "The quick brown fox jumps over the lazy|dog, and then it runs away, as foxes do",
                "when dogs begin to bark at them."
            ]
        );
        assert_eq!(cues[1].span, Span { start: 17.0, end: 24.0 });
    }

    #[test]
    fn both_formats_are_written_as_players_read_them() {
        let sentences = [sentence("Salt & pepper."), sentence("<Yes>.")];

        assert_eq!(
            subtitles(SubtitleFormat::Srt, &sentences),
            "1\n00:00:00,000 --> 00:00:03,000\nSalt & pepper.\n\n2\n00:00:00,000 --> 00:00:01,000\n<Yes>.\n\n"
        );
        assert_eq!(
            subtitles(SubtitleFormat::Vtt, &sentences),
            "WEBVTT\n\n00:00:00.000 --> 00:00:03.000\nSalt &amp; pepper.\n\n00:00:00.000 --> 00:00:01.000\n&lt;Yes&gt;.\n\n"
        );
        assert_eq!(time(3_725.041_6, ','), "01:02:05,042");
    }
}
