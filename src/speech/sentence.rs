//! Owns one sentence on its way: its samples at the voice's own rate, each part as soon as it is there.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::SpeechError;
use super::entries::sentence_from_entry;
use super::flights::Follower;
use super::work::{READ_AT_ONCE_BYTES, RequestContext, SentenceSource};
use crate::audio::Pcm;
use crate::cache::CacheKey;
use crate::domain::Deadline;
use crate::pool::Stretch;

/// A sentence that is being brought or made from the moment on that it is begun. Dropping it drops that, unless others
/// follow.
pub struct SpokenSentence {
    work: Arc<RequestContext>,
    index: usize,
    deadline: Deadline,
    way: SentenceOrigin,
    /// Samples handed out so far.
    sent: usize,
}

/// Where the sentence comes from.
enum SentenceOrigin {
    There(VecDeque<Stretch>),
    Decoded(CacheKey, JoinHandle<Option<Stretch>>),
    Flying { key: CacheKey, follower: Follower<Stretch>, passed: usize },
}

// === impl SpokenSentence ===

impl SpokenSentence {
    pub fn begin(work: &Arc<RequestContext>, source: SentenceSource, index: usize) -> Self {
        let deadline = work.deadline();
        let way = match source {
            SentenceSource::Landed(parts) => SentenceOrigin::There(parts.into()),
            SentenceSource::Found(key, entry) if entry.payload.len() <= READ_AT_ONCE_BYTES => {
                match sentence_from_entry(&entry) {
                    Some(whole) => SentenceOrigin::There([whole].into()),
                    None => SentenceOrigin::fly(work, key, index, deadline),
                }
            }
            SentenceSource::Found(key, entry) => {
                SentenceOrigin::Decoded(key, tokio::task::spawn_blocking(move || sentence_from_entry(&entry)))
            }
            SentenceSource::Made(key) => SentenceOrigin::fly(work, key, index, deadline),
        };
        Self { work: work.clone(), index, deadline, way, sent: 0 }
    }

    /// The next part, never an empty one; `None` at the end. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<Stretch, SpeechError>> {
        loop {
            let part = match &mut self.way {
                SentenceOrigin::There(parts) => parts.pop_front()?,
                SentenceOrigin::Decoded(key, decoded) => {
                    let (key, decoded) = (*key, decoded.await);
                    self.way = if let Ok(Some(whole)) = decoded {
                        SentenceOrigin::There([whole].into())
                    } else {
                        // Whatever the entry holds, it is of no use.
                        self.deadline = self.work.deadline();
                        SentenceOrigin::fly(&self.work, key, self.index, self.deadline)
                    };
                    continue;
                }
                SentenceOrigin::Flying { key, follower, passed } => match self.deadline.limit(follower.next()).await {
                    Ok(Some(Ok(part))) => after(part, passed, self.sent),
                    Ok(Some(Err(error))) if self.work.would_fare_better(&error, self.deadline) => {
                        self.way = SentenceOrigin::fly(&self.work, *key, self.index, self.deadline);
                        continue;
                    }
                    Ok(end) => return end,
                    Err(passed) => return Some(Err(passed.into())),
                },
            };
            if !part.pcm.samples.is_empty() {
                self.sent += part.pcm.samples.len();
                return Some(Ok(part));
            }
        }
    }
}

// === impl SentenceOrigin ===

impl SentenceOrigin {
    fn fly(work: &Arc<RequestContext>, key: CacheKey, index: usize, deadline: Deadline) -> Self {
        Self::Flying { key, follower: work.fly(key, index, deadline), passed: 0 }
    }
}

/// What of a flight's next part was not sent yet, as another flight, which ended early, may have brought the same
/// samples before. `passed` counts this flight's.
fn after(part: Stretch, passed: &mut usize, sent: usize) -> Stretch {
    let Pcm { samples, sample_rate } = &part.pcm;
    let known = sent.saturating_sub(*passed).min(samples.len());
    *passed += samples.len();
    if known == 0 {
        return part;
    }
    Stretch { pcm: Pcm { samples: samples[known..].into(), sample_rate: *sample_rate }, ..part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_flight_brought_is_not_sent_twice() {
        let parts = [vec![1, 2], vec![3, 4, 5], vec![6]];
        let mut passed = 0;

        let rest = parts.map(|samples| {
            let pcm = Pcm { samples: samples.into(), sample_rate: 8_000 };
            after(Stretch { pcm, durations: None }, &mut passed, 3)
        });

        assert_eq!(rest.each_ref().map(|part| &part.pcm.samples[..]), [&[][..], &[4, 5], &[6]]);
    }
}
