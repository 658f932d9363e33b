//! The parts of an answer in order, each as soon as it is there. A request has a few sentences under way at once, as
//! many as could be computed at the same time, and one ahead; a stream has one until it sounds.

use std::collections::VecDeque;
use std::iter::Enumerate;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use std::vec;

use bytes::Bytes;
use tracing::Instrument;

use super::SpeechError;
use super::level::Levelling;
use super::output::{AnswerOutput, COPIED_AT_ONCE, Finish, encoded, run};
use super::sentence::SpokenSentence;
use super::sources::SentenceSources;
use super::timing::Placed;
use super::types::AudioSpec;
use super::work::{RequestContext, SentenceSource};
use crate::audio::{Encoder, Pcm, silence};
use crate::cache::{Answer, CacheHandle, CacheKey};
use crate::domain::Passage;
use crate::pool::Stretch;
use crate::resilience::{HeldBytes, SharedHold};

/// Speech that is put together.
pub(super) struct AnswerAssembler {
    sample_rate: u32,
    resampled: bool,
    /// Samples that are turned to bytes at once; none where that is more than copying them.
    copied_at_once: usize,
    age: Option<Duration>,
    work: Arc<RequestContext>,
    /// The passage of each sentence.
    passages: Vec<usize>,
    /// What becomes of what each voice says.
    levelling: Vec<Levelling>,
    to_begin: Enumerate<vec::IntoIter<SentenceSource>>,
    /// The first of them is being sent.
    under_way: VecDeque<SentenceUnderWay>,
    /// The sentences whose sound has begun, as far as they tell how long their ids last.
    placed: Vec<Placed>,
    output: Arc<Mutex<AnswerOutput>>,
    /// Of a stream: for the sentence that its reader takes.
    held: Option<HeldBytes>,
    /// Some of its sound is there.
    sounds: bool,
    /// The silence at the end, as far as that is not sent.
    last_silence_ms: u32,
    /// Nothing more comes.
    is_over: bool,
    keeper: Option<CacheSlot>,
}

/// Where the whole answer is kept.
pub(super) struct CacheSlot {
    pub cache: CacheHandle,
    pub key: CacheKey,
}

/// A sentence and what becomes of its sound.
struct SentenceUnderWay {
    /// The silence before it, as far as that is not sent.
    silence_ms: u32,
    /// What comes after that.
    ready: Option<Stretch>,
    sentence: SpokenSentence,
    finish: Arc<Mutex<Finish>>,
    /// Of a stream, where it is ahead of its reader.
    _held: Option<HeldBytes>,
}

/// What a sentence of a stream is expected to take until its reader has it. A stream has as much from its beginning,
/// and what it has under way ahead of its reader is only begun where there is as much again.
const SENTENCE_BYTES: usize = 512 << 10;

/// What a character is expected to last.
const CHARACTER_SECONDS: f64 = 0.06;

/// Of all pauses of an answer, which cost nothing but bytes and so would be the cheapest way to ask for many.
const MAX_SILENCE_MS: u64 = 1_200_000;

// === impl AnswerAssembler ===

impl AnswerAssembler {
    /// With a keeper the answer is kept when it is over. Without, its parts are nobody's but the caller's, unless he
    /// wants the whole.
    pub(super) fn begin(
        work: Arc<RequestContext>,
        sources: SentenceSources,
        spec: AudioSpec,
        keeper: Option<CacheSlot>,
        wants_whole: bool,
    ) -> Result<Self, SpeechError> {
        let mut assembler = Self::with_output(work, sources, spec, keeper, wants_whole)?;
        let silence: u64 = (0..=assembler.passages.len()).map(|index| u64::from(assembler.silence_before(index))).sum();
        if silence > MAX_SILENCE_MS {
            return Err(SpeechError::TooMuchSilence);
        }
        if wants_whole {
            // Whoever cannot have it is told before it is made.
            let request = &assembler.work.request;
            let speech = request.script.said_chars() as f64 * CHARACTER_SECONDS / f64::from(request.prosody.speed());
            let bytes = spec.format.bytes_per_second(assembler.sample_rate) * (silence as f64 / 1e3 + speech);
            lock(&assembler.output).expect(bytes as usize)?;
        } else {
            assembler.held = Some(assembler.work.parts().hold(SENTENCE_BYTES)?);
        }
        Ok(assembler)
    }

    fn with_output(
        work: Arc<RequestContext>,
        sources: SentenceSources,
        spec: AudioSpec,
        keeper: Option<CacheSlot>,
        wants_whole: bool,
    ) -> Result<Self, SpeechError> {
        let native_rate = sources.plan.sample_rate;
        let sample_rate = spec.format.sample_rate(spec.sample_rate.unwrap_or(native_rate));
        let kept = keeper.as_ref().map_or(0, |keeper| keeper.cache.max_entry_bytes());
        let max_body =
            if wants_whole { Some(work.parts().settings.max_answer_bytes) } else { keeper.as_ref().map(|_| kept) };
        let is_copied = sample_rate == native_rate
            && spec.format.is_uncompressed()
            && sources.levelling.iter().all(|levelling| matches!(levelling, Levelling::AsTrained));
        let output = AnswerOutput::new(Encoder::new(spec.format, sample_rate)?, max_body, wants_whole, work.parts());
        let mut assembler = Self {
            sample_rate,
            resampled: sample_rate != native_rate,
            copied_at_once: if is_copied { COPIED_AT_ONCE } else { 0 },
            age: sources.age(),
            work,
            passages: sources.plan.sentences.iter().map(|item| item.passage as usize).collect(),
            levelling: sources.levelling,
            to_begin: sources.sentences.into_iter().enumerate(),
            under_way: VecDeque::new(),
            placed: Vec::new(),
            output: Arc::new(Mutex::new(output)),
            held: None,
            sounds: false,
            last_silence_ms: 0,
            is_over: false,
            keeper,
        };
        assembler.last_silence_ms = assembler.silence_before(assembler.passages.len());
        Ok(assembler)
    }

    pub(super) fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Of the oldest of what was kept.
    pub(super) fn age(&self) -> Option<Duration> {
        self.age
    }

    /// Phonemes that a voice lacks, as far as it is known.
    pub(super) fn missing(&self) -> Option<Arc<str>> {
        self.work.missing()
    }

    pub(super) fn stream_head(&self) -> Bytes {
        lock(&self.output).encoder.stream_head().into()
    }

    /// The sentences whose sound has begun, as far as they tell how long their ids last.
    pub(super) fn placed(&self) -> &[Placed] {
        &self.placed
    }

    /// Of the sound so far.
    pub(super) fn seconds(&self) -> f64 {
        lock(&self.output).seconds(self.sample_rate)
    }

    /// Part of the answer goes out.
    pub(super) fn begin_answer(&self) {
        self.work.begin_answer();
    }

    /// The next bytes after the head; `None` at the end. Nothing follows an error.
    pub(super) async fn next(&mut self) -> Option<Result<Bytes, SpeechError>> {
        let span = self.work.span.clone();
        let part = self.next_part().instrument(span).await.transpose();
        match &part {
            Some(Ok(_)) => {}
            Some(Err(_)) => self.keeper = None,
            None => {
                if let Some(CacheSlot { cache, key }) = self.keeper.take()
                    && let Some(answer) = self.answer()
                {
                    cache.keep_answer(key, answer);
                }
            }
        }
        part
    }

    /// The whole answer, of a speech that was begun for it, and where its sentences stand.
    pub async fn finish(mut self) -> Result<(Answer, Vec<Placed>), SpeechError> {
        while let Some(part) = self.next().await {
            part?;
        }
        let answer = self.answer().ok_or(SpeechError::TooLarge)?;
        Ok((answer, self.placed))
    }

    /// All of it, once it is over.
    fn answer(&self) -> Option<Answer> {
        let mut output = lock(&self.output);
        let stream_head = output.encoder.stream_head();
        let (audio, body_at, held) = output.take_whole()?;
        let now = SystemTime::now();
        Some(Answer {
            audio,
            stream_head: stream_head.into(),
            body_at,
            sample_rate: self.sample_rate,
            seconds: output.seconds(self.sample_rate),
            resampled: self.resampled,
            missing: self.missing(),
            made_at: now.checked_sub(self.age.unwrap_or_default()).unwrap_or(now),
            loan: SharedHold::of(held),
        })
    }

    async fn next_part(&mut self) -> Result<Option<Bytes>, SpeechError> {
        while !self.is_over {
            self.begin_ahead();
            let output = self.output.clone();
            let bytes = if let Some(SentenceUnderWay { silence_ms, ready, sentence, finish, .. }) =
                self.under_way.front_mut()
            {
                if ready.is_none() {
                    *ready = sentence.next().await.transpose()?;
                    self.sounds = true;
                }
                let finish = finish.clone();
                // No sound goes out before it is known that more can.
                let pause = if ready.is_some() { next_silence(silence_ms, self.sample_rate) } else { None };
                if let Some(pause) = pause {
                    run(self.is_quick(&pause), move || lock(&output).push(&pause)).await?
                } else if let Some(part) = ready.take() {
                    if let Some(durations) = part.durations {
                        let start = lock(&output).seconds(self.sample_rate);
                        self.placed.push(Placed { start, sample_rate: part.pcm.sample_rate, durations });
                    }
                    let is_quick = self.is_quick(&part.pcm);
                    encoded(&self.work, is_quick, move || lock(&output).push(&lock(&finish).part(part.pcm)?)).await?
                } else {
                    self.under_way.pop_front();
                    encoded(&self.work, self.copied_at_once > 0, move || lock(&output).push_all(&lock(&finish).rest()?))
                        .await?
                }
            } else if let Some(pause) = next_silence(&mut self.last_silence_ms, self.sample_rate) {
                run(self.is_quick(&pause), move || lock(&output).push(&pause)).await?
            } else {
                self.is_over = true;
                encoded(&self.work, self.copied_at_once > 0, move || lock(&output).finish()).await?
            };
            let bytes: Bytes = bytes.map(Bytes::from)?;
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Whether to turn it to bytes takes less than to hand it to another thread.
    fn is_quick(&self, part: &Pcm) -> bool {
        part.sample_rate == self.sample_rate && part.samples.len() <= self.copied_at_once
    }

    fn begin_ahead(&mut self) {
        // Until a stream sounds, all workers have its first sentence.
        let ahead = if self.held.is_some() && !self.sounds { 1 } else { self.work.ahead() };
        while self.under_way.len() < ahead {
            let is_ahead_of_reader = self.held.is_some() && !self.under_way.is_empty();
            let held = if is_ahead_of_reader && self.to_begin.len() > 0 {
                let Ok(held) = self.work.parts().settings.answers.hold(SENTENCE_BYTES) else { return };
                Some(held)
            } else {
                None
            };
            let Some((index, source)) = self.to_begin.next() else { return };
            let (volume, silence_ms) = (self.volume_of(index), self.silence_before(index));
            let finish = Finish::new(self.levelling_of(index), volume, self.sample_rate);
            let finish = Arc::new(Mutex::new(finish));
            let sentence = SpokenSentence::begin(&self.work, source, index);
            self.under_way.push_back(SentenceUnderWay { silence_ms, ready: None, sentence, finish, _held: held });
        }
    }

    fn passage_of(&self, index: usize) -> Option<&Passage> {
        self.work.request.script.passages().get(*self.passages.get(index)?)
    }

    fn volume_of(&self, index: usize) -> f32 {
        self.work.request.prosody.volume() * self.passage_of(index).map_or(1.0, |passage| passage.volume)
    }

    fn levelling_of(&self, index: usize) -> Levelling {
        let voice = self.passage_of(index).map_or(0, |passage| passage.voice);
        self.levelling.get(voice).copied().unwrap_or(Levelling::AsTrained)
    }

    /// Before a sentence; before one that is not there, at the end.
    fn silence_before(&self, index: usize) -> u32 {
        let all = self.work.request.script.passages();
        let after_last = index.checked_sub(1).and_then(|last| self.passages.get(last)).map_or(0, |last| last + 1);
        let up_to = self.passages.get(index).map_or(all.len(), |own| own + 1);
        let pauses = all.get(after_last..up_to).unwrap_or_default().iter().map(|passage| passage.pause_before_ms);
        let between = if index == 0 || index >= self.passages.len() {
            0
        } else {
            self.work.request.prosody.sentence_silence_ms()
        };
        between + pauses.sum::<u32>()
    }
}

/// The next of a pause that is not sent: a second at most, so that no pause is held as a whole, and whoever leaves in
/// it is noticed.
fn next_silence(left_ms: &mut u32, sample_rate: u32) -> Option<Pcm> {
    let now = (*left_ms).min(1_000);
    *left_ms -= now;
    (now > 0).then(|| silence(now, sample_rate))
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
