//! Owns one text and its sound: each sentence once it is certain to have ended, in order. Nothing is made that nobody
//! takes: it goes on when it is asked for what comes next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;

use super::event::Event;
use super::shared::SharedText;
use super::sound::{SoundStream, messages};
use super::spoken::Spoken;
use super::text::{LiveText, NextPart, TextPart};
use super::trail::Trail;
use crate::audio::{AudioFormat, EncodeError, silence};
use crate::domain::{Script, SynthesisRequest};
use crate::speech::{AudioSpec, SpeechError, SpeechService, TimedSentence};
use crate::telemetry::Metrics;

/// Whose text it is: how it is read, and what he may have.
pub trait Client: Send + Sync + 'static {
    type Error: From<SpeechError> + Send + 'static;

    fn speech(&self) -> &SpeechService;

    /// A text in his manner, as if it had been sent whole.
    fn read(&self, text: &str) -> Result<SynthesisRequest, Self::Error>;

    /// Counts what is to be spoken against what he may have.
    fn admit(&self, script: &Script) -> Result<(), Self::Error>;

    /// Counts what was sent.
    fn count(&self, characters: usize, seconds: f64, is_cached: bool);
}

/// What the sound shall be.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    pub format: AudioFormat,
    /// In hertz; `None` is the voice's own.
    pub sample_rate: Option<u32>,
    /// Whether it is told when what is said.
    pub wants_times: bool,
    /// How long a clause waits for the end of its sentence; `None`: without end.
    pub clause_delay: Option<Duration>,
}

struct Context<C: Client> {
    client: C,
    opening: Opening,
    shared: Arc<SharedText>,
    metrics: Metrics,
    ready: VecDeque<Event<C::Error>>,
    spoken: Option<Spoken>,
    sound: Option<SoundStream>,
    /// Of the sound, once it is known.
    sample_rate: Option<u32>,
    /// Seconds of the streams before this one.
    seconds_before: f64,
    /// Since when a sentence waits that nothing was spoken before.
    waiting: Option<Instant>,
    trail: Trail,
    had: Had,
    is_over: bool,
}

/// What was sent and not counted yet.
#[derive(Default)]
struct Had {
    characters: usize,
    seconds: f64,
    is_new: bool,
}

/// Until a sentence is tried again that there was no place for behind one that was spoken.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// What becomes of a text that `shared` is written to.
pub fn events<C: Client>(
    client: C,
    opening: Opening,
    shared: Arc<SharedText>,
    metrics: Metrics,
) -> impl Stream<Item = Event<C::Error>> {
    let context = Context {
        client,
        opening,
        shared,
        metrics,
        ready: VecDeque::new(),
        spoken: None,
        sound: None,
        sample_rate: None,
        seconds_before: 0.0,
        waiting: None,
        trail: Trail::default(),
        had: Had::default(),
        is_over: false,
    };
    unfold(context, |mut context| async move { context.next().await.map(|event| (event, context)) })
}

// === impl Context ===

impl<C: Client> Context<C> {
    async fn next(&mut self) -> Option<Event<C::Error>> {
        loop {
            let cleared = self.shared.state().clears.pop_front();
            if let Some(id) = cleared {
                self.clear(id);
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            if let Err(error) = self.go_on().await {
                self.is_over = true;
                self.spoken = None;
                self.ready.push_back(Event::Failed(error));
            }
        }
    }

    fn clear(&mut self, id: u64) {
        (self.spoken, self.waiting) = (None, None);
        let unsent: usize = self.ready.iter().map(Event::audio_bytes).sum();
        let unsent = unsent as f64 / self.opening.format.bytes_per_second(self.sample_rate.unwrap_or(u32::MAX));
        self.ready.retain(|event| matches!(event, Event::Cleared { .. } | Event::Ended { .. } | Event::Failed(_)));
        self.seconds_before = (self.seconds() - unsent).max(self.seconds_before);
        self.sound = None;
        let seconds = self.seconds_before;
        self.ready.push_front(Event::Cleared { id, seconds, characters: self.trail.reached(seconds) });
        self.metrics.live.count_cleared();
    }

    /// Does the next thing, or waits until there is one.
    async fn go_on(&mut self) -> Result<(), C::Error> {
        let shared = self.shared.clone();
        if let Some(mut spoken) = self.spoken.take() {
            match shared.unless_cleared(spoken.next()).await {
                None | Some(None) => self.had.is_new |= !spoken.is_cached(),
                Some(Some(part)) => {
                    let (bytes, said) = part?;
                    self.send(&mut spoken, bytes, said).await?;
                    self.spoken = Some(spoken);
                }
            }
            return Ok(());
        }
        if shared.state().is_leaving {
            return self.end().await;
        }
        let next = shared.state().text.next(self.opening.clause_delay, Instant::now());
        // It is found out what to say, which may take longer than a session may be silent.
        shared.state().is_speaking |= matches!(next, NextPart::Perhaps(_) | NextPart::Surely(_));
        match next {
            NextPart::Perhaps(part) => match shared.unless_cleared(self.divide(&part)).await.transpose()?.flatten() {
                Some((request, is_apart)) => self.begin(request, &part, is_apart).await,
                None => Ok(()),
            },
            NextPart::Surely(part) => match self.client.read(&part.read) {
                Ok(request) => {
                    let request = self.part(request, &part).await?;
                    self.begin(request, &part, false).await
                }
                // What stands before it may be what makes it too long.
                Err(_) if shared.write(LiveText::forget_said) => Ok(()),
                Err(error) => Err(error),
            },
            NextPart::Flushed(id) => {
                self.finish().await?;
                self.ready.push_back(Event::Flushed { id, seconds: self.seconds_before });
                Ok(())
            }
            NextPart::Ended => self.end().await,
            NextPart::Nothing(wait) => {
                shared.state().is_speaking = false;
                let changed = shared.changed.notified();
                match wait {
                    // Whichever it is, it is looked at again.
                    Some(wait) => drop(tokio::time::timeout(wait, changed).await),
                    None => changed.await,
                }
                Ok(())
            }
        }
    }

    /// A part as a request, and whether what is behind it is read as if it was not there. `None`: it does not end
    /// there.
    async fn divide(&mut self, part: &TextPart) -> Result<Option<(SynthesisRequest, bool)>, C::Error> {
        self.waiting.get_or_insert_with(Instant::now);
        let Ok(request) = self.client.read(&part.read) else {
            if !self.shared.write(LiveText::forget_said) {
                self.shared.write(|text| text.refuse(part));
            }
            return Ok(None);
        };
        let read = self.read(request).await?;
        let behind = part.next..part.read.len();
        let parts = [part.place.start..behind.end, part.place.clone(), behind.clone()];
        let [whole, first, second] = parts.map(|place| read.script.part(place));
        if let (Some(whole), Some(first), Some(second)) = (whole, first, second) {
            let ask = || self.client.speech().says_alike(&read, &whole, [&first, &second]);
            match self.patiently(&read, ask).await {
                Ok(true) => {
                    let is_apart = part.ends_paragraph() && self.says(&part.read[behind], &second).await?;
                    return Ok(Some((SynthesisRequest { script: first, ..read }, is_apart)));
                }
                // What cannot be said is refused when all of it is there.
                Ok(false) | Err(SpeechError::Silent { .. } | SpeechError::Unspeakable) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.shared.write(|text| text.refuse(part));
        Ok(None)
    }

    /// A request in the words of its language.
    async fn read(&self, request: SynthesisRequest) -> Result<SynthesisRequest, SpeechError> {
        if !request.script.is_to_be_read() {
            return Ok(request);
        }
        let (read, _) = self.patiently(&request, || self.client.speech().read(request.clone())).await?;
        Ok(read)
    }

    /// Whether a text alone says this.
    async fn says(&self, text: &str, script: &Script) -> Result<bool, SpeechError> {
        match self.client.read(text) {
            Ok(request) => Ok(self.read(request).await?.script == *script),
            Err(_) => Ok(false),
        }
    }

    /// A part of a text that was read in the client's manner, when nothing is behind it.
    async fn part(&self, request: SynthesisRequest, part: &TextPart) -> Result<SynthesisRequest, C::Error> {
        let read = self.read(request).await?;
        match read.script.part(part.place.clone()) {
            Some(script) => Ok(SynthesisRequest { script, ..read }),
            None => self.client.read(&part.read[part.place.clone()]),
        }
    }

    async fn begin(&mut self, request: SynthesisRequest, part: &TextPart, is_apart: bool) -> Result<(), C::Error> {
        self.waiting.get_or_insert_with(Instant::now);
        self.client.admit(&request.script)?;
        let characters = request.script.said_chars();
        let shared = self.shared.clone();
        let Some(begun) = shared.unless_cleared(self.speak(request, part.chars_before)).await else { return Ok(()) };
        self.spoken = Some(begun?);
        self.had.characters += characters;
        shared.state().text.take(part, is_apart);
        Ok(())
    }

    /// Speech of a request at the rate of this text.
    async fn speak(&mut self, request: SynthesisRequest, chars_before: usize) -> Result<Spoken, SpeechError> {
        let Opening { format, sample_rate, wants_times, .. } = self.opening;
        loop {
            let spec = AudioSpec { format: AudioFormat::Pcm, sample_rate: self.sample_rate.or(sample_rate) };
            let ask = || Spoken::begin(self.client.speech(), request.clone(), spec, wants_times, chars_before);
            let spoken = self.patiently(&request, ask).await?;
            let own = *self.sample_rate.get_or_insert(format.sample_rate(spoken.sample_rate()));
            if own == spoken.sample_rate() {
                return Ok(spoken);
            }
        }
    }

    /// Within a text that is being spoken, what finds no place waits for one.
    async fn patiently<T, F>(&self, request: &SynthesisRequest, ask: impl Fn() -> F) -> Result<T, SpeechError>
    where
        F: Future<Output = Result<T, SpeechError>>,
    {
        loop {
            match ask().await {
                Err(SpeechError::Overloaded { .. }) if self.sound.is_some() => {
                    request.deadline.limit(tokio::time::sleep(TRY_AGAIN)).await?;
                }
                other => return other,
            }
        }
    }

    async fn send(&mut self, spoken: &mut Spoken, bytes: Bytes, said: Vec<TimedSentence>) -> Result<(), C::Error> {
        if let Some(since) = self.waiting.take() {
            self.metrics.live.observe_first_sound(since.elapsed());
        }
        let mut sound = match self.sound.take() {
            Some(sound) => sound,
            None => self.begin_sound(spoken.sample_rate()).map_err(SpeechError::from)?,
        };
        if spoken.is_new() {
            let pause = if sound.seconds() > 0.0 { spoken.silence_ms() } else { 0 };
            let pause = silence(pause, spoken.sample_rate()).to_bytes();
            self.ready.extend(messages(sound.push(pause.into()).await?).map(Event::Audio));
            spoken.start_at(self.seconds_before + sound.seconds());
        }
        for sentence in said {
            let sentence = spoken.said(&sentence);
            self.trail.add_words(&sentence);
            self.ready.push_back(Event::Said(sentence));
        }
        self.ready.extend(messages(sound.push(bytes).await?).map(Event::Audio));
        self.sound = Some(sound);
        if !self.opening.wants_times {
            self.trail.add(spoken.start(), spoken.end_char());
        }
        Ok(())
    }

    fn begin_sound(&mut self, sample_rate: u32) -> Result<SoundStream, EncodeError> {
        let (sound, head) = SoundStream::begin(self.opening.format, sample_rate)?;
        self.ready.push_back(Event::Begun { sample_rate });
        self.ready.extend(messages(head).map(Event::Audio));
        Ok(sound)
    }

    /// Of all that was sent.
    fn seconds(&self) -> f64 {
        self.seconds_before + self.sound.as_ref().map_or(0.0, SoundStream::seconds)
    }

    /// Ends the stream.
    async fn finish(&mut self) -> Result<(), C::Error> {
        self.waiting = None;
        if let Some(sound) = self.sound.take() {
            self.seconds_before += sound.seconds();
            let bytes = sound.finish().await?;
            self.ready.extend(messages(bytes).map(Event::Audio));
        }
        self.count();
        Ok(())
    }

    async fn end(&mut self) -> Result<(), C::Error> {
        self.finish().await?;
        self.ready.push_back(Event::Ended { seconds: self.seconds_before });
        self.is_over = true;
        Ok(())
    }

    /// Counts what was sent since the last time.
    fn count(&mut self) {
        let seconds = self.seconds();
        let Had { characters, seconds: before, is_new } =
            std::mem::replace(&mut self.had, Had { seconds, ..Had::default() });
        if characters > 0 {
            self.client.count(characters, seconds - before, !is_new);
        }
    }
}

impl<C: Client> Drop for Context<C> {
    fn drop(&mut self) {
        if let Some(spoken) = &self.spoken {
            self.had.is_new |= !spoken.is_cached();
        }
        self.count();
    }
}
