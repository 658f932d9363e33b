//! Owns the part of a growing text that is not spoken yet, and finds what of it can be spoken next.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::boundary;

/// A text that grows. Its `Debug` is left out, so that no log line can hold it.
#[derive(Default)]
pub struct LiveText {
    /// What is read together. What stood before it has no bearing on it.
    written: String,
    /// Bytes of it that are said, or being said.
    said: usize,
    /// Up to where it is known that no sentence ends.
    refused: usize,
    /// Characters that stood before it.
    chars_before: usize,
    /// Places up to which everything is to be said, and what that is called.
    flushes: VecDeque<(usize, u64)>,
    has_ended: bool,
    appended: Option<Instant>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextPart {
    /// A sentence may have ended.
    Perhaps(TextPart),
    /// What is there is to be said.
    Surely(TextPart),
    /// Everything is said up to a place of that name.
    Flushed(u64),
    Ended,
    /// More has to be written first, or so much time has to pass.
    Nothing(Option<Duration>),
}

/// A part of a text with what it is read together with.
#[derive(Clone, PartialEq, Eq)]
pub struct TextPart {
    pub read: String,
    /// Bytes of it that are to be said.
    pub place: Range<usize>,
    /// Where the next one begins.
    pub next: usize,
    /// Where it stands in all that was ever written, in characters.
    pub chars_before: usize,
}

/// Bytes behind a sentence that are read with it.
const LOOK_AHEAD: usize = 1_000;
/// Marks that end a clause.
const CLAUSE_MARKS: [char; 5] = [',', ';', ':', '，', '、'];

// === impl LiveText ===

impl LiveText {
    pub fn append(&mut self, text: &str, now: Instant) {
        self.written.push_str(text);
        self.appended = Some(now);
    }

    pub fn flush(&mut self, id: u64) {
        self.flushes.push_back((self.written.len(), id));
    }

    /// Moves the last flush that waits to the end of what was written, and calls it that.
    pub fn extend_flush(&mut self, id: u64) {
        if let Some(last) = self.flushes.back_mut() {
            *last = (self.written.len(), id);
        }
    }

    pub fn end(&mut self) {
        self.has_ended = true;
    }

    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Forgets what is not said, and what it was to be said up to.
    pub fn clear(&mut self) {
        self.forget(self.written.len());
        self.flushes.clear();
        self.appended = None;
    }

    /// Characters that wait.
    pub fn unsaid(&self) -> usize {
        self.written[self.said..].chars().count()
    }

    pub fn flushes(&self) -> usize {
        self.flushes.len()
    }

    /// `delay` is how long a clause waits for the end of its sentence.
    pub fn next(&mut self, delay: Option<Duration>, now: Instant) -> NextPart {
        let flush = self.flushes.front().copied();
        let limit = flush.map_or(self.written.len(), |(at, _)| at);
        if let Some(at) = boundary::next(&self.written[..limit], self.said, self.refused) {
            return NextPart::Perhaps(self.part(at, limit));
        }
        let is_blank = self.written[self.said..limit].trim().is_empty();
        if flush.is_some() || self.has_ended {
            if !is_blank {
                return NextPart::Surely(self.part(limit, limit));
            }
            self.forget(limit);
            return self.flushes.pop_front().map_or(NextPart::Ended, |(_, id)| NextPart::Flushed(id));
        }
        let Some((delay, appended)) = delay.zip(self.appended).filter(|_| !is_blank) else {
            return NextPart::Nothing(None);
        };
        let Some(at) = self.clause_end() else { return NextPart::Nothing(None) };
        match delay.checked_sub(now.saturating_duration_since(appended)) {
            Some(left) if !left.is_zero() => NextPart::Nothing(Some(left)),
            _ => NextPart::Surely(self.part(at, at)),
        }
    }

    /// Where the last clause ends that is complete.
    fn clause_end(&self) -> Option<usize> {
        let unsaid = &self.written[self.said..];
        let mut ends = unsaid.char_indices().filter(|(_, c)| CLAUSE_MARKS.contains(c)).map(|(at, c)| at + c.len_utf8());
        let is_apart =
            |end: &usize| unsaid[*end..].starts_with(char::is_whitespace) || unsaid[..*end].ends_with(['，', '、']);
        ends.rfind(is_apart).map(|end| self.said + end)
    }

    fn part(&self, end: usize, limit: usize) -> TextPart {
        let read = self.written.floor_char_boundary(limit.min(end + LOOK_AHEAD));
        // Blanks between two sentences are neither's, but those before the first and behind the last are read with
        // them.
        let is_last = end == limit;
        let trimmed = if is_last { end } else { self.said + self.written[self.said..end].trim_end().len() };
        let place = self.said..trimmed;
        let chars_before = self.chars_before + self.written[..place.start].chars().count();
        TextPart { read: self.written[..read].to_owned(), place, next: end, chars_before }
    }

    /// No sentence ends there.
    pub fn refuse(&mut self, part: &TextPart) {
        self.refused = part.next;
    }

    /// The part is being said. With `is_apart`, what is behind it can be read without it.
    pub fn take(&mut self, part: &TextPart, is_apart: bool) {
        self.said = part.next;
        if is_apart {
            self.forget(part.next);
        }
    }

    /// Reads what is not said without what is. `false`: it was so already.
    pub fn forget_said(&mut self) -> bool {
        let is_new = self.said > 0;
        self.forget(self.said);
        is_new
    }

    fn forget(&mut self, bytes: usize) {
        self.chars_before += self.written[..bytes].chars().count();
        self.written.drain(..bytes);
        if self.written.is_empty() {
            // A session is silent most of its time.
            self.written = String::new();
        }
        self.said = self.said.saturating_sub(bytes);
        self.refused = self.refused.saturating_sub(bytes);
        for (at, _) in &mut self.flushes {
            *at = at.saturating_sub(bytes);
        }
    }
}

// === impl TextPart ===

impl TextPart {
    /// Whether a blank line stands behind it.
    pub fn ends_paragraph(&self) -> bool {
        self.read[self.place.end..self.next].matches('\n').count() > 1
    }
}

impl std::fmt::Debug for TextPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Part({:?} of {} bytes)", self.place, self.read.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(next: &NextPart) -> Option<&str> {
        match next {
            NextPart::Perhaps(part) | NextPart::Surely(part) => Some(&part.read[part.place.clone()]),
            _ => None,
        }
    }

    fn take(text: &mut LiveText) -> Option<String> {
        let next = text.next(None, Instant::now());
        if let NextPart::Perhaps(part) | NextPart::Surely(part) = &next {
            text.take(part, part.ends_paragraph());
        }
        said(&next).map(str::to_owned)
    }

    #[test]
    fn a_flush_that_is_extended_has_what_is_behind_it_said() {
        let (mut text, now) = (LiveText::default(), Instant::now());
        text.append("It was", now);
        text.flush(1);
        text.append(" late", now);
        text.extend_flush(2);

        assert_eq!(text.flushes(), 1);
        assert_eq!(take(&mut text).as_deref(), Some("It was late"));
        assert_eq!(text.next(None, now), NextPart::Flushed(2));
    }

    #[test]
    fn sentences_come_as_they_end_and_the_rest_when_it_is_flushed() {
        let (mut text, now) = (LiveText::default(), Instant::now());
        text.append("It was raining. It was", now);

        assert_eq!(take(&mut text).as_deref(), Some("It was raining."));
        assert_eq!(text.next(None, now), NextPart::Nothing(None));
        assert_eq!(text.unsaid(), 6);
        text.flush(7);
        text.append("late. ", now);
        assert_eq!(take(&mut text).as_deref(), Some("It was"));
        assert_eq!(text.next(None, now), NextPart::Flushed(7));
        text.end();
        let next = text.next(None, now);
        assert_eq!(said(&next), Some("late. "));
        assert!(matches!(&next, NextPart::Surely(part) if part.chars_before == 22));
        assert_eq!(take(&mut text).as_deref(), Some("late. "));
        assert_eq!(text.next(None, now), NextPart::Ended);
    }

    #[test]
    fn what_is_cleared_is_forgotten_and_counted() {
        let (mut text, now) = (LiveText::default(), Instant::now());
        text.append("Ünsaid", now);
        text.flush(1);

        text.clear();
        text.append("New", now);
        text.flush(2);

        assert!(matches!(text.next(None, now), NextPart::Surely(part) if part.chars_before == 6));
        assert_eq!(take(&mut text).as_deref(), Some("New"));
        assert_eq!(text.next(None, now), NextPart::Flushed(2));
    }

    #[test]
    fn a_place_that_was_refused_is_not_offered_again() {
        let (mut text, now) = (LiveText::default(), Instant::now());
        text.append("Approximately. Five were outside. And", now);

        let NextPart::Perhaps(part) = text.next(None, now) else { panic!("a sentence may end") };
        text.refuse(&part);

        assert_eq!(take(&mut text).as_deref(), Some("Approximately. Five were outside."));
    }

    #[test]
    fn a_clause_waits_for_its_delay_and_no_longer() {
        let (mut text, now) = (LiveText::default(), Instant::now());
        let delay = Some(Duration::from_millis(300));
        text.append("Well, it", now);

        assert_eq!(text.next(delay, now), NextPart::Nothing(delay));
        assert_eq!(text.next(None, now + Duration::from_secs(1)), NextPart::Nothing(None));
        assert_eq!(said(&text.next(delay, now + Duration::from_millis(300))), Some("Well,"));
    }
}
