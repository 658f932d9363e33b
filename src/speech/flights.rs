//! Owns the single flight of speech: whoever wants what is being made already follows that, from its first part on. It
//! is made by a task of its own, which outlives the caller that began it; when nobody at all follows any more, what has
//! not begun is dropped and what runs is stopped.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tracing::{Instrument, Span};

use super::SpeechError;
use crate::cache::CacheKey;
use crate::domain::Deadline;

/// What is being made, by key. A clone is another handle to it. There are as many as requests are admitted or wait for
/// L2.
#[derive(Clone)]
pub struct Flights<T>(Arc<Mutex<HashMap<CacheKey, Channel<T>>>>);

/// Follows one flight.
pub struct Follower<T> {
    progress: watch::Receiver<FlightProgress<T>>,
    seen: usize,
}

/// Where a flight puts what it makes, part by part.
pub struct Publisher<T>(Channel<T>);

/// What remains to be done once everybody has everything and before it counts as made.
pub type Keep = Option<BoxFuture<'static, ()>>;

pub type FlightResult<T> = Result<T, SpeechError>;
type Channel<T> = Arc<watch::Sender<FlightProgress<T>>>;

/// What a flight has brought so far, and how it ended.
struct FlightProgress<T> {
    parts: Vec<T>,
    end: Option<FlightResult<()>>,
    /// Of whoever began it.
    span: Span,
}

/// The flight's entry, which goes when the flight ends, however it ends.
struct Listed<T> {
    /// `None`: nobody else can follow.
    place: Option<(Flights<T>, CacheKey)>,
    channel: Channel<T>,
}

/// While waiting for all to end.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

// === impl Flights ===

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// What is or was being made under `key`, or else what `lead` makes, in one part. An error is everybody's, but for
    /// a deadline or a lack of memory that was only the leader's: whoever has more leads anew.
    pub async fn join<F>(&self, key: CacheKey, deadline: Deadline, lead: impl Fn() -> F) -> FlightResult<T>
    where
        F: Future<Output = FlightResult<T>> + Send + 'static,
    {
        loop {
            let mut leads = false;
            let mut follower = self.follow(key, |publisher| {
                leads = true;
                let made = lead();
                async move {
                    publisher.put(made.await?);
                    Ok(None)
                }
            });
            match deadline.limit(follower.next()).await? {
                Some(Err(SpeechError::DeadlinePassed)) if !deadline.has_passed() => {}
                Some(Err(SpeechError::AnswersFull)) if !leads => {}
                Some(outcome) => return outcome,
                None => return Err(ended_early()),
            }
        }
    }

    /// A follower in the flight under `key`, from its first part on, or else in the one that `lead` begins.
    pub fn follow<F>(&self, key: CacheKey, lead: impl FnOnce(Publisher<T>) -> F) -> Follower<T>
    where
        F: Future<Output = FlightResult<Keep>> + Send + 'static,
    {
        let mut under_way = self.lock();
        if let Some(channel) = under_way.get(&key) {
            Span::current().follows_from(&channel.borrow().span);
            return Follower { progress: channel.subscribe(), seen: 0 };
        }
        let (channel, follower) = channel();
        under_way.insert(key, channel.clone());
        let listed = Listed { place: Some((self.clone(), key)), channel: channel.clone() };
        tokio::spawn(fly(lead(Publisher(channel)), listed).in_current_span());
        follower
    }

    /// Whether it is being made.
    pub fn is_under_way(&self, key: &CacheKey) -> bool {
        self.lock().contains_key(key)
    }

    /// Waits until nothing is being made or kept.
    pub async fn settled(&self) {
        while !self.lock().is_empty() {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// All that was made, while it is being kept.
    pub fn landed(&self, key: &CacheKey) -> Option<Vec<T>> {
        let channel = self.lock().get(key)?.clone();
        let progress = channel.borrow();
        matches!(progress.end, Some(Ok(()))).then(|| progress.parts.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CacheKey, Channel<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// A flight that nobody else can follow.
pub fn alone<T, F>(lead: impl FnOnce(Publisher<T>) -> F) -> Follower<T>
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = FlightResult<Keep>> + Send + 'static,
{
    let (channel, follower) = channel();
    tokio::spawn(fly(lead(Publisher(channel.clone())), Listed { place: None, channel }).in_current_span());
    follower
}

fn channel<T>() -> (Channel<T>, Follower<T>) {
    let (channel, progress) = watch::channel(FlightProgress { parts: Vec::new(), end: None, span: Span::current() });
    (Arc::new(channel), Follower { progress, seen: 0 })
}

/// Makes it, for as long as somebody follows.
async fn fly<T>(work: impl Future<Output = FlightResult<Keep>>, mut listed: Listed<T>) {
    let mut work = pin!(work);
    let outcome = loop {
        tokio::select! {
            outcome = &mut work => break outcome,
            () = listed.channel.closed() => {
                if listed.leave_if_empty() {
                    return;
                }
            }
        }
    };
    match outcome {
        Ok(keep) => {
            listed.end(Ok(()));
            if let Some(keep) = keep {
                keep.await;
            }
        }
        Err(error) => {
            // Before anybody hears of it: whoever tries again tries anew.
            listed.leave();
            listed.end(Err(error));
        }
    }
}

fn ended_early() -> SpeechError {
    SpeechError::Failed("what made it ended early".to_owned())
}

// === impl Follower ===

impl<T: Clone> Follower<T> {
    /// The next part; `None` at the end. Nothing follows an error.
    pub async fn next(&mut self) -> Option<FlightResult<T>> {
        let seen = self.seen;
        let has_news = |progress: &FlightProgress<T>| progress.parts.len() > seen || progress.end.is_some();
        let Ok(progress) = self.progress.wait_for(has_news).await else { return Some(Err(ended_early())) };
        match progress.parts.get(seen) {
            Some(part) => {
                self.seen += 1;
                Some(Ok(part.clone()))
            }
            None => progress.end.clone()?.err().map(Err),
        }
    }
}

// === impl Publisher ===

impl<T> Publisher<T> {
    pub fn put(&self, part: T) {
        self.0.send_modify(|progress| progress.parts.push(part));
    }
}

// === impl Listed ===

impl<T> Listed<T> {
    fn end(&self, end: FlightResult<()>) {
        self.channel.send_modify(|progress| progress.end = Some(end));
    }

    fn leave(&mut self) {
        self.leave_unless(|_| false);
    }

    /// True if nobody follows; then nobody can come to follow any more either.
    fn leave_if_empty(&mut self) -> bool {
        self.leave_unless(|channel| channel.receiver_count() > 0)
    }

    fn leave_unless(&mut self, stays: impl FnOnce(&Channel<T>) -> bool) -> bool {
        let Some((flights, key)) = &self.place else { return !stays(&self.channel) };
        let mut under_way = flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        if stays(&self.channel) {
            return false;
        }
        if under_way.get(key).is_some_and(|channel| Arc::ptr_eq(channel, &self.channel)) {
            under_way.remove(key);
        }
        true
    }
}

impl<T> Drop for Listed<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests;
