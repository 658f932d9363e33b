//! Owns a text that is being written, between whoever writes it and whoever speaks it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::text::LiveText;

/// A text as whoever writes it has it.
#[derive(Default)]
pub struct SharedText {
    state: Mutex<TextState>,
    pub(super) changed: Notify,
}

#[derive(Default)]
pub(super) struct TextState {
    pub text: LiveText,
    pub clears: VecDeque<u64>,
    pub is_speaking: bool,
    /// Nothing more is to be begun.
    pub is_leaving: bool,
}

// === impl SharedText ===

impl SharedText {
    /// Writes to the text.
    pub fn write<T>(&self, write: impl FnOnce(&mut LiveText) -> T) -> T {
        let written = write(&mut self.state().text);
        self.changed.notify_one();
        written
    }

    /// Looks at the text.
    pub fn read<T>(&self, read: impl FnOnce(&LiveText) -> T) -> T {
        read(&self.state().text)
    }

    /// Whether nothing is said, and nothing waits for more than to be written on.
    pub fn is_silent(&self) -> bool {
        let state = self.state();
        !state.is_speaking && state.clears.is_empty() && state.text.flushes() == 0 && !state.text.has_ended()
    }

    /// Forgets what was not said, and stops what is being said.
    pub fn clear(&self, id: u64) {
        let mut state = self.state();
        state.text.clear();
        state.clears.push_back(id);
        self.changed.notify_one();
    }

    /// Clears that were not told of yet.
    pub fn clears(&self) -> usize {
        self.state().clears.len()
    }

    /// Ends with the sentence that is being spoken.
    pub fn leave(&self) {
        self.state().is_leaving = true;
        self.changed.notify_one();
    }

    pub(super) fn state(&self) -> MutexGuard<'_, TextState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a clear.
    async fn cleared(&self) {
        while self.state().clears.is_empty() {
            self.changed.notified().await;
        }
    }

    /// What `work` comes to, unless the text is cleared first.
    pub(super) async fn unless_cleared<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.cleared() => None,
            done = work => Some(done),
        }
    }
}
