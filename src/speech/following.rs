//! Owns streams of speech with timestamps: each part of the sound comes with the times of the sentences that begin in
//! it.

use std::sync::Arc;

use bytes::Bytes;
use piper_phonemize::Word;
use tokio::task::JoinHandle;

use super::SpeechError;
use super::assembly::AnswerAssembler;
use super::entries::off_thread;
use super::service::SpeechService;
use super::sources::SentenceSources;
use super::stream::SpeechStream;
use super::timing::Times;
use super::types::{Caching, ResolvedRequest, TimedSentence};
use super::work::{Prepared, RequestContext};
use crate::domain::SynthesisRequest;

/// Speech in parts, and when it says what. Dropping it is as with [`SpeechStream`].
pub struct Following {
    pub speaking: SpeechStream,
    work: Arc<RequestContext>,
    /// In the words of its voices' languages.
    request: Arc<SynthesisRequest>,
    prepared: Arc<Prepared>,
    words: WordTimes,
    times: Times,
    /// Sentences that were told of.
    told: usize,
}

/// Words are looked for while the first sound is made.
enum WordTimes {
    Sought(JoinHandle<Result<Vec<Vec<Word>>, SpeechError>>),
    Known(Arc<[Vec<Word>]>),
}

// === impl SpeechService ===

impl SpeechService {
    /// Speech as it comes, with the times of its sentences, words and phonemes.
    pub async fn follow(&self, asked: ResolvedRequest, caching: Caching) -> Result<Following, SpeechError> {
        let waiting = self.waiting(&asked);
        let asked = self.with_voice(asked, caching).await?;
        let (key, spec, deadline) = (asked.key, asked.spec, asked.request.deadline);
        let work = Arc::new(RequestContext::new(self.parts.clone(), asked, caching, true));
        let sources = deadline.limit(SentenceSources::find(&work)).await??;
        let cache = sources.cache;
        let prepared = deadline.limit(work.prepared()).await??.clone();
        let request = Arc::new(work.said(&prepared).await?);
        let words = WordTimes::Sought(tokio::spawn({
            let (work, prepared) = (work.clone(), prepared.clone());
            async move { work.words(&prepared).await }
        }));
        let making = AnswerAssembler::begin(work.clone(), sources, spec, None, false)?;
        let speaking = SpeechStream::made(making, cache, key, waiting);
        Ok(Following { speaking, work, request, prepared, words, times: Times::default(), told: 0 })
    }
}

// === impl Following ===

impl Following {
    /// The next bytes after the head, and when the sentences are said that begin in them; `None` at the end. Nothing
    /// follows an error.
    pub async fn next(&mut self) -> Option<Result<(Bytes, Vec<TimedSentence>), SpeechError>> {
        let bytes = match self.speaking.next().await {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => return Some(Err(error)),
            None if self.told < self.prepared.sentences.len() => {
                self.told = self.prepared.sentences.len();
                return Some(Err(SpeechError::NoTimestamps(self.work.request.voice.clone())));
            }
            None => return None,
        };
        Some(self.begun().await.map(|begun| (bytes, begun)))
    }

    /// Places that the text names, and when they come, after the end.
    pub fn take_marks(&mut self) -> Vec<(String, f64)> {
        std::mem::take(&mut self.times).marks(&self.request)
    }

    async fn begun(&mut self) -> Result<Vec<TimedSentence>, SpeechError> {
        let placed = self.speaking.placed().get(self.told..).unwrap_or_default().to_vec();
        if placed.is_empty() {
            return Ok(Vec::new());
        }
        self.told += placed.len();
        let words = self.words().await?;
        let (request, prepared) = (self.request.clone(), self.prepared.clone());
        let mut times = std::mem::take(&mut self.times);
        let find = move || {
            let next = |placed| times.next(&request, &words, &prepared, placed);
            let begun: Vec<_> = placed.iter().filter_map(next).collect();
            (begun, times)
        };
        let (begun, times) = off_thread(find).await?;
        self.times = times;
        Ok(begun)
    }

    async fn words(&mut self) -> Result<Arc<[Vec<Word>]>, SpeechError> {
        if let WordTimes::Sought(sought) = &mut self.words {
            let found = self.work.deadline().limit(sought).await?;
            let found = found.map_err(|error| SpeechError::Failed(error.to_string()))??;
            self.words = WordTimes::Known(found.into());
        }
        match &self.words {
            WordTimes::Known(words) => Ok(words.clone()),
            WordTimes::Sought(_) => Ok([].into()),
        }
    }
}

impl AsRef<SpeechStream> for Following {
    fn as_ref(&self) -> &SpeechStream {
        &self.speaking
    }
}

impl Drop for WordTimes {
    fn drop(&mut self) {
        if let Self::Sought(sought) = self {
            sought.abort();
        }
    }
}
