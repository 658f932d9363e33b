//! Owns the texts of one connection, by the names that its caller gives them, within its bounds.

use std::collections::HashMap;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::SelectAll;
use futures_util::{Stream, StreamExt};

use super::context::{Client, Opening, events};
use super::event::Event;
use super::sessions::Sessions;
use super::shared::SharedText;
use super::text::LiveText;

/// The texts of one connection, each with its sound. Dropping it drops what is being made for it.
pub struct Session<C: Client> {
    sessions: Sessions,
    contexts: HashMap<Arc<str>, Arc<SharedText>>,
    events: SelectAll<Events<C::Error>>,
    is_leaving: bool,
}

/// What becomes of the text of that name.
type NamedEvent<E> = (Arc<str>, Event<E>);

type Events<E> = Pin<Box<dyn Stream<Item = NamedEvent<E>>>>;

/// Why something is not done. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is no text of this name: begin it first")]
    Unknown,
    #[error("the text of this name goes on: end it first, or take another name")]
    Exists,
    #[error("the text of this name has ended: begin another")]
    HasEnded,
    #[error("{0} texts go on at a time, as many as may: end one first")]
    TooManyContexts(usize),
    #[error("{0} characters wait to be said, as many as may: write more when some are said")]
    TooMuchText(usize),
    #[error("too many flushes or clears are not answered yet: wait for one")]
    TooManyMarks,
    #[error("the text contains U+0000")]
    Nul,
}

/// Of a name of a text.
pub const MAX_NAME_BYTES: usize = 128;

/// Flushes and clears of one text that are not answered yet.
const MAX_MARKS: usize = 256;

// === impl Session ===

impl<C: Client> Session<C> {
    pub fn new(sessions: Sessions) -> Self {
        Self { sessions, contexts: HashMap::new(), events: SelectAll::new(), is_leaving: false }
    }

    /// Begins a text.
    pub fn open(&mut self, name: &str, client: C, opening: Opening) -> Result<(), Refused> {
        let most = self.sessions.limits().contexts;
        if self.contexts.contains_key(name) {
            return Err(Refused::Exists);
        }
        if self.contexts.len() >= most {
            return Err(Refused::TooManyContexts(most));
        }
        let (name, shared) = (Arc::<str>::from(name), Arc::new(SharedText::default()));
        let events = events(client, opening, shared.clone(), self.sessions.metrics().clone());
        let of = name.clone();
        self.events.push(Box::pin(events.map(move |event| (of.clone(), event))));
        self.contexts.insert(name, shared);
        Ok(())
    }

    pub fn is_open(&self, name: &str) -> bool {
        self.contexts.contains_key(name)
    }

    /// Names of the texts that go on.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.contexts.keys().cloned().collect()
    }

    /// Whether nothing is said and nothing waits to be.
    pub fn is_silent(&self) -> bool {
        self.contexts.values().all(|context| context.is_silent())
    }

    /// Writes more of a text.
    pub fn append(&mut self, name: &str, text: &str) -> Result<(), Refused> {
        let context = self.going_on(name)?;
        if text.contains('\0') {
            return Err(Refused::Nul);
        }
        let most = self.sessions.limits().unsaid_chars;
        let unsaid: usize = self.contexts.values().map(|context| context.read(LiveText::unsaid)).sum();
        if unsaid + text.chars().count() > most {
            return Err(Refused::TooMuchText(most));
        }
        context.write(|whole| whole.append(text, Instant::now()));
        Ok(())
    }

    /// Has everything said that was written so far; [`Event::Flushed`] with this number says that it was.
    pub fn flush(&mut self, name: &str, id: u64) -> Result<(), Refused> {
        let context = self.going_on(name)?;
        if context.read(LiveText::flushes) >= MAX_MARKS {
            return Err(Refused::TooManyMarks);
        }
        context.write(|text| text.flush(id));
        Ok(())
    }

    /// The same, for callers who flush with each message and wait for none: where as many wait as may, the last of them
    /// is extended.
    pub fn flush_along(&mut self, name: &str, id: u64) -> Result<(), Refused> {
        match self.flush(name, id) {
            Err(Refused::TooManyMarks) => {
                self.going_on(name)?.write(|text| text.extend_flush(id));
                Ok(())
            }
            flushed => flushed,
        }
    }

    /// Has nothing more sent of what was written so far; [`Event::Cleared`] with this number says what was.
    pub fn clear(&mut self, name: &str, id: u64) -> Result<(), Refused> {
        let context = self.known(name)?;
        if context.clears() >= MAX_MARKS {
            return Err(Refused::TooManyMarks);
        }
        context.clear(id);
        Ok(())
    }

    /// Has everything said and the text ended.
    pub fn end(&mut self, name: &str) -> Result<(), Refused> {
        self.going_on(name)?.write(LiveText::end);
        Ok(())
    }

    /// Ends all texts with the sentences that are being said.
    pub fn leave(&mut self) {
        self.is_leaving = true;
        self.contexts.values().for_each(|context| context.leave());
    }

    /// Whether all have ended since.
    pub fn has_left(&self) -> bool {
        self.is_leaving && self.contexts.is_empty()
    }

    /// What comes next, of whichever text. Waits while there is nothing. May be given up at any time.
    pub async fn next(&mut self) -> NamedEvent<C::Error> {
        match self.events.next().await {
            None => pending().await,
            Some((name, event)) => {
                if matches!(event, Event::Ended { .. } | Event::Failed(_)) {
                    self.contexts.remove(&name);
                }
                (name, event)
            }
        }
    }

    fn known(&self, name: &str) -> Result<&Arc<SharedText>, Refused> {
        self.contexts.get(name).ok_or(Refused::Unknown)
    }

    fn going_on(&self, name: &str) -> Result<&Arc<SharedText>, Refused> {
        let context = self.known(name)?;
        if context.read(LiveText::has_ended) { Err(Refused::HasEnded) } else { Ok(context) }
    }
}
