//! Owns how several threads begin a sentence together: the tasks that its text encoder and its durations are cut into,
//! and the crew that shares them.

use super::crew::{Crew, Helper};
use super::durations::DurationsTask;
use super::encoder::EncoderTask;
use super::kernels::Signal;

/// Threads that begin a sentence together; whoever has it calls [`LoadedVoice::begin`](super::LoadedVoice::begin). One
/// of a single thread is as good as any.
pub type SentenceCrew = Crew<SentenceTask, Signal>;

/// What a further thread calls [`LoadedVoice::help`](super::LoadedVoice::help) with.
pub type SentenceHelper = Helper<SentenceTask, Signal>;

/// What a thread computes at a time of what comes before any part of a sentence.
#[derive(Debug, Clone)]
pub enum SentenceTask {
    Encoder(EncoderTask),
    Durations(DurationsTask),
}
