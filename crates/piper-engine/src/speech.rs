//! Owns speech on its way: sentence after sentence, each in chunks, of which the first one is short, so that it is soon
//! there.

use std::ops::Range;
use std::sync::Arc;
use std::thread::{available_parallelism, scope};
use std::vec;

use piper_acoustic::{Cancel, InferError, LoadedVoice, ModelInput, SentenceCrew, SpeechLatent, SpeechPrior, Utterance};
use piper_phonemize::{Phoneme, Sentence, id_count};

use super::SpeakError;

/// A text as sound. Each chunk is computed when it is asked for; nothing follows an error.
pub struct Speech<'a> {
    voice: &'a dyn LoadedVoice,
    sentences: vec::IntoIter<PendingSentence>,
    current: Option<Begun>,
}

/// A part of the sound of one sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// Mono, full scale at 1.0, which voices exceed a little at times.
    pub samples: Vec<f32>,
    /// With the first chunk of a sentence, its phonemes and for how many samples each is heard, from its beginning to
    /// its end. `None` stands for what comes before the first and behind the last. Empty where the voice does not tell.
    pub durations: Vec<(Option<Phoneme>, u32)>,
}

/// A sentence before it is computed.
pub struct PendingSentence {
    pub input: ModelInput,
    pub phonemes: Sentence,
}

/// A sentence in parts.
struct Begun {
    prior: Arc<SpeechPrior>,
    latent: SpeechLatent,
    /// Frames that were handed out.
    frames: usize,
    phonemes: Sentence,
}

/// Frames of the first chunk of a text, and of others: an eighth of a second, and about one and a half.
const FIRST: usize = 12;
const LATER: usize = 128;

/// More threads than that have nothing to do for a sentence's beginning.
const MOST_THREADS: usize = 4;

// === impl Speech ===

impl<'a> Speech<'a> {
    pub(super) fn new(voice: &'a dyn LoadedVoice, sentences: Vec<PendingSentence>) -> Self {
        Self { voice, sentences: sentences.into_iter(), current: None }
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, InferError> {
        loop {
            if let Some(begun) = &mut self.current
                && let Some(chunk) = begun.next_chunk(self.voice)?
            {
                return Ok(Some(chunk));
            }
            let Some(PendingSentence { input, phonemes }) = self.sentences.next() else { return Ok(None) };
            self.current = match begin(self.voice, &input)? {
                Utterance::Whole(samples) => return Ok(Some(Chunk { samples, durations: Vec::new() })),
                Utterance::Prior(prior) => {
                    let prior = Arc::new(prior);
                    Some(Begun { latent: SpeechLatent::new(prior.clone()), prior, frames: 0, phonemes })
                }
            };
        }
    }
}

impl Iterator for Speech<'_> {
    type Item = Result<Chunk, SpeakError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_chunk();
        if next.is_err() {
            (self.sentences, self.current) = (Vec::new().into_iter(), None);
        }
        next.map_err(SpeakError::from).transpose()
    }
}

// === impl Begun ===

impl Begun {
    fn next_chunk(&mut self, voice: &dyn LoadedVoice) -> Result<Option<Chunk>, InferError> {
        let Self { prior, latent, frames, phonemes } = self;
        if *frames == prior.frames {
            return Ok(None);
        }
        let length = if *frames == 0 { FIRST } else { LATER };
        let wanted = *frames..prior.frames.min(*frames + length);
        while !latent.is_known_for(wanted.end) {
            // The first sound waits for no more than it needs; the rest is computed at once.
            let end = if latent.known() == 0 { wanted.end + prior.context } else { prior.frames };
            latent.push(voice.flow(prior, latent.known()..end.min(prior.frames), &Cancel::default())?);
        }
        let samples = voice.decode(latent, wanted.clone(), &Cancel::default())?;
        let durations = if *frames == 0 { timed(phonemes, &prior.durations, voice) } else { Vec::new() };
        *frames = wanted.end;
        Ok(Some(Chunk { samples, durations }))
    }
}

// === helpers ===

/// Begins a sentence on all threads that this is worth.
fn begin(voice: &dyn LoadedVoice, input: &ModelInput) -> Result<Utterance, InferError> {
    scope(|scope| {
        // In here, so that a panic lets the others go.
        let crew = SentenceCrew::new(available_parallelism().map_or(1, usize::from).min(MOST_THREADS));
        for _ in 1..crew.size() {
            let helper = crew.helper();
            scope.spawn(move || voice.help(&helper));
        }
        voice.begin(input, &crew, &Cancel::default())
    })
}

/// Phonemes with the samples of their ids.
fn timed(phonemes: &[Phoneme], of_ids: &[u32], voice: &dyn LoadedVoice) -> Vec<(Option<Phoneme>, u32)> {
    let mut durations = Vec::with_capacity(phonemes.len() + 2);
    let mut left = of_ids;
    let mut take = |ids: Range<usize>, phoneme| {
        let (own, rest) = left.split_at(ids.len().min(left.len()));
        left = rest;
        durations.push((phoneme, own.iter().sum()));
    };
    take(0..id_count(None, voice.config()), None);
    for phoneme in phonemes {
        take(0..id_count(Some(phoneme), voice.config()), Some(phoneme.clone()));
    }
    take(0..of_ids.len(), None);
    durations
}
