//! Owns the closed sets that the values of labels come from.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheTier {
    L1,
    L2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupResult {
    Hit,
    Miss,
    /// The tier did not answer.
    Error,
    /// What stood there is not what was written.
    Corrupt,
}

/// Why work was refused or dropped before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShedReason {
    /// The queue was full, or the deadline would have passed.
    Capacity,
    /// Answers that wait for their readers hold what they may.
    Memory,
    /// The deadline passed, in the queue or during the computation.
    Expired,
    /// The caller went away.
    Abandoned,
    /// The caller has had what he may have.
    Quota,
    /// The caller was wrong too often about who he is.
    Guesses,
}

/// What became of an item of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchItemEnd {
    Done,
    Failed,
    /// Another replica had done it.
    Repeated,
}

/// What the making of speech consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Text to phonemes.
    Phonemize,
    /// Phonemes to what comes before any part of a sentence's sound.
    Begin,
    /// That to latents.
    Flow,
    /// Latents to samples.
    Decode,
    /// Samples to bytes of the format.
    Encode,
}

pub(super) fn ok_or_error(ok: bool) -> &'static str {
    if ok { "ok" } else { "error" }
}

pub(super) fn hit_or_miss(hit: bool) -> &'static str {
    if hit { "hit" } else { "miss" }
}

// === names ===

impl CacheTier {
    pub(super) const ALL: [Self; 2] = [Self::L1, Self::L2];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
        }
    }
}

impl LookupResult {
    pub(super) const ALL: [Self; 4] = [Self::Hit, Self::Miss, Self::Error, Self::Corrupt];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Error => "error",
            Self::Corrupt => "corrupt",
        }
    }
}

impl ShedReason {
    pub(super) const ALL: [Self; 6] =
        [Self::Capacity, Self::Memory, Self::Expired, Self::Abandoned, Self::Quota, Self::Guesses];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Memory => "memory",
            Self::Expired => "expired",
            Self::Abandoned => "abandoned",
            Self::Quota => "quota",
            Self::Guesses => "guesses",
        }
    }
}

impl BatchItemEnd {
    pub(super) const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::Repeated];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Repeated => "repeated",
        }
    }
}

impl Stage {
    pub(super) const ALL: [Self; 5] = [Self::Phonemize, Self::Begin, Self::Flow, Self::Decode, Self::Encode];

    pub fn name(self) -> &'static str {
        match self {
            Self::Phonemize => "phonemize",
            Self::Begin => "begin",
            Self::Flow => "flow",
            Self::Decode => "decode",
            Self::Encode => "encode",
        }
    }
}
