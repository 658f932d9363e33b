//! Owns one sentence on its way: its samples at the voice's own rate, each part as soon as it is there.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::SpeechError;
use super::entries::sentence_from_entry;
use super::flights::Seat;
use super::work::{Source, Work};
use crate::audio::{FlacError, Pcm};
use crate::cache::CacheKey;

/// A sentence that is being brought or made from the moment on that it is begun. Dropping it drops that, unless others follow.
pub struct SpokenSentence {
    work: Arc<Work>,
    index: usize,
    way: Way,
    /// Samples handed out so far.
    sent: usize,
}

/// Where the sentence comes from.
enum Way {
    There(VecDeque<Pcm>),
    Decoded(CacheKey, JoinHandle<Result<Pcm, FlacError>>),
    Flying { key: CacheKey, seat: Seat<Pcm>, passed: usize },
}

// === impl SpokenSentence ===

impl SpokenSentence {
    pub fn begin(work: &Arc<Work>, source: Source, index: usize) -> Self {
        let way = match source {
            Source::Landed(parts) => Way::There(parts.into()),
            Source::Found(key, entry) => {
                Way::Decoded(key, tokio::task::spawn_blocking(move || sentence_from_entry(&entry)))
            }
            Source::Made(key) => Way::fly(work, key, index),
        };
        Self { work: work.clone(), index, way, sent: 0 }
    }

    /// The next part, never an empty one; `None` at the end. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<Pcm, SpeechError>> {
        loop {
            let part = match &mut self.way {
                Way::There(parts) => parts.pop_front()?,
                Way::Decoded(key, decoded) => {
                    self.way = match decoded.await {
                        Ok(Ok(pcm)) => Way::There([pcm].into()),
                        // Whatever the entry holds, it is of no use.
                        Ok(Err(_)) | Err(_) => Way::fly(&self.work, *key, self.index),
                    };
                    continue;
                }
                Way::Flying { key, seat, passed } => match self.work.request.deadline.limit(seat.next()).await {
                    Ok(Some(Ok(part))) => after(part, passed, self.sent),
                    Ok(Some(Err(error))) if self.work.would_fare_better(&error) => {
                        self.way = Way::fly(&self.work, *key, self.index);
                        continue;
                    }
                    Ok(end) => return end,
                    Err(passed) => return Some(Err(passed.into())),
                },
            };
            if !part.samples.is_empty() {
                self.sent += part.samples.len();
                return Some(Ok(part));
            }
        }
    }
}

// === impl Way ===

impl Way {
    fn fly(work: &Arc<Work>, key: CacheKey, index: usize) -> Self {
        Self::Flying { key, seat: work.fly(key, index), passed: 0 }
    }
}

/// What of a flight's next part was not sent yet, as another flight, which ended early, may have brought the same samples before. `passed`
/// counts this flight's.
fn after(part: Pcm, passed: &mut usize, sent: usize) -> Pcm {
    let known = sent.saturating_sub(*passed).min(part.samples.len());
    *passed += part.samples.len();
    if known == 0 { part } else { Pcm { samples: part.samples[known..].into(), ..part } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_flight_brought_is_not_sent_twice() {
        let parts = [vec![1, 2], vec![3, 4, 5], vec![6]];
        let mut passed = 0;

        let rest = parts.map(|samples| after(Pcm { samples: samples.into(), sample_rate: 8_000 }, &mut passed, 3));

        assert_eq!(rest.each_ref().map(|part| &part.samples[..]), [&[][..], &[4, 5], &[6]]);
    }
}
