//! Owns which voices are in memory and which must go: least recently used first, under a limit of bytes. A voice that
//! somebody holds is never let go. Also remembers voices that fail to load or bring workers down, so that they are not
//! tried again at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::LruCache;
use piper_acoustic::{Computing, LoadedVoice};

use crate::domain::VoiceId;
use crate::voices::VoiceDigest;

/// The voices in memory.
pub struct Residency {
    limit: u64,
    /// Named by configuration: never let go.
    pinned: HashSet<VoiceId>,
    voices: LruCache<VoiceId, Resident>,
    /// At most one for each voice that was ever tried, as with `panics`.
    failures: HashMap<VoiceId, LoadFailure>,
    /// Sentences over which each voice brought its worker down since it last spoke one.
    panics: HashMap<VoiceId, u32>,
}

struct Resident {
    voice: Arc<dyn LoadedVoice>,
    bytes: u64,
    used_at: Instant,
}

#[derive(Debug, Clone)]
struct LoadFailure {
    cause: Cause,
    retry_at: Instant,
    backoff: Duration,
}

/// Why a voice is of no use now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The reason, for the log.
    Passing(String),
    /// What is wrong with files that have this digest, as callers may know.
    Lasting { problem: String, digest: Option<VoiceDigest> },
}

/// Why a voice has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoom {
    /// It would not fit if it were alone.
    TooLarge { bytes: u64, limit: u64 },
    /// What would have to go is in use.
    AllInUse,
    /// What would have to go never goes.
    AllPinned,
}

/// The voice is in use or pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InUse;

/// A voice that was let go. Dropping it frees its memory, which takes a moment.
pub type Evicted = Arc<dyn LoadedVoice>;

const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);

// === impl Residency ===

impl Residency {
    pub fn new(limit: u64, pinned: HashSet<VoiceId>) -> Self {
        Self { limit, pinned, voices: LruCache::unbounded(), failures: HashMap::new(), panics: HashMap::new() }
    }

    /// The voice if it is in memory, now the most recently used.
    pub fn get(&mut self, id: &VoiceId) -> Option<Arc<dyn LoadedVoice>> {
        let resident = self.voices.get_mut(id)?;
        resident.used_at = Instant::now();
        Some(resident.voice.clone())
    }

    pub fn insert(&mut self, id: VoiceId, voice: Arc<dyn LoadedVoice>, bytes: u64) {
        self.voices.put(id, Resident { voice, bytes, used_at: Instant::now() });
    }

    /// Lets go of as many voices as it takes for `bytes` to fit; of none if that cannot be done.
    pub fn make_room(&mut self, bytes: u64) -> Result<Vec<Evicted>, NoRoom> {
        if bytes > self.limit {
            return Err(NoRoom::TooLarge { bytes, limit: self.limit });
        }
        if self.pinned_bytes() + bytes > self.limit {
            return Err(NoRoom::AllPinned);
        }
        let mut excess = (self.bytes() + bytes).saturating_sub(self.limit);
        let mut going = Vec::new();
        for (id, resident) in self.voices.iter().rev() {
            if excess == 0 {
                break;
            }
            if self.may_go(id, resident) {
                excess = excess.saturating_sub(resident.bytes);
                going.push(id.clone());
            }
        }
        if excess > 0 {
            return Err(NoRoom::AllInUse);
        }
        Ok(going.iter().filter_map(|id| self.voices.pop(id)).map(|resident| resident.voice).collect())
    }

    /// The voices that have to go for `bytes` to fit, though they are in use: those that were used longest ago.
    pub fn in_the_way_of(&self, bytes: u64) -> HashSet<VoiceId> {
        let mut excess = (self.bytes() + bytes).saturating_sub(self.limit);
        let in_the_way = |(id, resident): &(&VoiceId, &Resident)| {
            let goes = excess > 0 && !self.pinned.contains(*id);
            excess = excess.saturating_sub(if goes { resident.bytes } else { 0 });
            goes
        };
        self.voices.iter().rev().filter(in_the_way).map(|(id, _)| id.clone()).collect()
    }

    /// Lets go of one voice, if it is there.
    pub fn evict(&mut self, id: &VoiceId) -> Result<Option<Evicted>, InUse> {
        match self.voices.peek(id) {
            Some(resident) if !self.may_go(id, resident) => Err(InUse),
            _ => Ok(self.voices.pop(id).map(|resident| resident.voice)),
        }
    }

    /// Takes a voice out whoever holds it; it is free when they are done. For one that must not be handed out again.
    pub fn take(&mut self, id: &VoiceId) -> Option<Evicted> {
        self.voices.pop(id).map(|resident| resident.voice)
    }

    /// Lets go of voices that nobody has used for `idle`.
    pub fn evict_idle(&mut self, idle: Duration) -> Vec<Evicted> {
        let going: Vec<VoiceId> = self
            .voices
            .iter()
            .filter(|(id, resident)| resident.used_at.elapsed() >= idle && self.may_go(id, resident))
            .map(|(id, _)| id.clone())
            .collect();
        going.iter().filter_map(|id| self.voices.pop(id)).map(|resident| resident.voice).collect()
    }

    pub fn bytes(&self) -> u64 {
        self.voices.iter().map(|(_, resident)| resident.bytes).sum()
    }

    fn pinned_bytes(&self) -> u64 {
        let pinned = self.voices.iter().filter(|(id, _)| self.pinned.contains(*id));
        pinned.map(|(_, resident)| resident.bytes).sum()
    }

    pub fn voices(&self) -> impl Iterator<Item = (VoiceId, Computing)> {
        self.voices.iter().map(|(id, resident)| (id.clone(), resident.voice.computing()))
    }

    pub fn len(&self) -> usize {
        self.voices.len()
    }

    /// The voice works: what was remembered against it is forgotten.
    pub fn spoke(&mut self, id: &VoiceId) {
        self.failures.remove(id);
        self.panics.remove(id);
    }

    /// The voice brought a worker down. From the `limit`-th time on without a sentence in between it is quarantined:
    /// for how long. What was being computed when it was quarantined changes nothing.
    pub fn panicked(&mut self, id: &VoiceId, limit: u32) -> Option<Duration> {
        let panics = self.panics.entry(id.clone()).or_default();
        *panics = panics.saturating_add(1);
        let is_over = *panics >= limit && self.quarantined(id).is_none();
        is_over.then(|| self.quarantine(id.clone(), Cause::Passing("its network panics".to_owned())))
    }

    /// Remembers that the voice is of no use now, for longer each time.
    pub fn quarantine(&mut self, id: VoiceId, cause: Cause) -> Duration {
        let backoff =
            self.failures.get(&id).map_or(FIRST_BACKOFF, |failure| (failure.backoff * 2).min(LONGEST_BACKOFF));
        self.failures.insert(id, LoadFailure { cause, retry_at: Instant::now() + backoff, backoff });
        backoff
    }

    /// Why the voice is not tried now, and for how long.
    pub fn quarantined(&self, id: &VoiceId) -> Option<(&Cause, Duration)> {
        let failure = self.failures.get(id)?;
        let wait = failure.retry_at.checked_duration_since(Instant::now())?;
        Some((&failure.cause, wait))
    }

    /// Forgets what was wrong with files that are no longer there.
    pub fn forgive_unless(&mut self, id: &VoiceId, current: Option<VoiceDigest>) {
        let is_of_others = |failure: &mut LoadFailure| match failure.cause {
            Cause::Lasting { digest: Some(digest), .. } => current != Some(digest),
            _ => false,
        };
        if self.failures.get_mut(id).is_some_and(is_of_others) {
            self.failures.remove(id);
        }
    }

    fn may_go(&self, id: &VoiceId, resident: &Resident) -> bool {
        // Only the pool hands voices out, so that nobody can come to hold one between this look and its end.
        Arc::strong_count(&resident.voice) == 1 && !self.pinned.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use piper_acoustic::{Cancel, InferError, ModelInput, VoiceConfig};

    struct Silent(VoiceConfig);

    impl LoadedVoice for Silent {
        fn config(&self) -> &VoiceConfig {
            &self.0
        }

        fn memory_bytes(&self, _: usize) -> u64 {
            0
        }

        fn infer(&self, _: &ModelInput, _: &Cancel) -> Result<Vec<f32>, InferError> {
            Ok(Vec::new())
        }
    }

    fn voice() -> Arc<dyn LoadedVoice> {
        let json = r#"{"audio":{"sample_rate":16000},"espeak":{"voice":"de"},"num_symbols":9,"phoneme_id_map":{"^":[1],"_":[0],"$":[2]}}"#;
        Arc::new(Silent(VoiceConfig::parse(json.as_bytes()).unwrap()))
    }

    fn id(name: &str) -> VoiceId {
        VoiceId::parse(name).unwrap()
    }

    fn residency(limit: u64, names: &[&str]) -> Residency {
        let mut residency = Residency::new(limit, HashSet::from([id("pinned")]));
        for name in names {
            residency.insert(id(name), voice(), 10);
        }
        residency
    }

    fn names(residency: &Residency) -> Vec<String> {
        let mut names: Vec<String> = residency.voices().map(|(id, _)| id.to_string()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_least_recently_used_voice_goes_first() {
        let mut residency = residency(30, &["a", "b", "c"]);
        residency.get(&id("a"));

        assert_eq!(residency.make_room(10).unwrap().len(), 1);

        assert_eq!(names(&residency), ["a", "c"]);
    }

    #[test]
    fn voices_in_use_or_pinned_stay_and_nothing_goes_in_vain() {
        let mut residency = residency(30, &["pinned", "b", "c"]);
        let held = residency.get(&id("b"));

        assert!(matches!(residency.make_room(20), Err(NoRoom::AllInUse)));
        assert!(matches!(residency.make_room(21), Err(NoRoom::AllPinned)));
        assert_eq!(residency.in_the_way_of(10), HashSet::from([id("c")]));
        assert_eq!(residency.in_the_way_of(11), HashSet::from([id("b"), id("c")]));
        assert_eq!(names(&residency), ["b", "c", "pinned"]);
        assert!(residency.evict(&id("pinned")).is_err());
        assert!(residency.evict(&id("b")).is_err());

        drop(held);
        assert_eq!(residency.make_room(20).unwrap().len(), 2);
        assert_eq!(names(&residency), ["pinned"]);
    }

    #[test]
    fn a_voice_that_is_taken_out_is_not_handed_out_again() {
        let mut residency = residency(30, &["a"]);
        let held = residency.get(&id("a"));

        let taken = residency.take(&id("a"));

        assert!(taken.is_some() && held.is_some());
        assert!(residency.get(&id("a")).is_none() && residency.take(&id("a")).is_none());
    }

    #[test]
    fn a_voice_above_the_limit_evicts_nobody() {
        let mut residency = residency(30, &["a"]);

        assert!(matches!(residency.make_room(31), Err(NoRoom::TooLarge { bytes: 31, limit: 30 })));
        assert_eq!(residency.len(), 1);
    }

    #[test]
    fn idle_voices_are_let_go() {
        let mut residency = residency(30, &["a", "pinned"]);

        assert!(residency.evict_idle(Duration::from_hours(1)).is_empty());
        assert_eq!(residency.evict_idle(Duration::ZERO).len(), 1);
        assert_eq!(names(&residency), ["pinned"]);
    }

    #[test]
    fn failures_are_remembered_for_longer_each_time_and_forgotten_when_the_voice_speaks() {
        let mut residency = residency(30, &[]);
        let broken = || Cause::Passing("broken".to_owned());
        assert_eq!(residency.quarantine(id("a"), broken()), FIRST_BACKOFF);
        assert_eq!(residency.quarantine(id("a"), broken()), FIRST_BACKOFF * 2);
        let quarantined = residency.quarantined(&id("a"));
        assert!(quarantined.is_some_and(|(cause, wait)| *cause == broken() && wait > FIRST_BACKOFF));

        residency.spoke(&id("a"));

        assert!(residency.quarantined(&id("a")).is_none());
        assert_eq!(residency.quarantine(id("a"), broken()), FIRST_BACKOFF);
    }

    #[test]
    fn what_is_wrong_with_files_is_forgotten_with_them() {
        let mut residency = residency(30, &[]);
        let digest = |byte: u8| VoiceDigest::from([byte; 32]);
        let cause = Cause::Lasting { problem: "broken".to_owned(), digest: Some(digest(1)) };
        residency.quarantine(id("a"), cause);

        residency.forgive_unless(&id("a"), Some(digest(1)));
        let with_the_same_files = residency.quarantined(&id("a")).is_some();
        residency.forgive_unless(&id("a"), Some(digest(2)));

        assert!(with_the_same_files && residency.quarantined(&id("a")).is_none());
    }

    #[test]
    fn panics_in_a_row_quarantine_a_voice_and_the_trial_after_that_for_longer() {
        let mut residency = residency(30, &[]);
        let begin = ["a", "a", "b"].map(|name| residency.panicked(&id(name), 3));
        let quarantined = residency.panicked(&id("a"), 3);
        let late = residency.panicked(&id("a"), 3);

        residency.failures.get_mut(&id("a")).unwrap().retry_at = Instant::now();
        let trial = residency.panicked(&id("a"), 3);
        residency.spoke(&id("a"));
        let after_a_sentence = residency.panicked(&id("a"), 3);

        assert_eq!((begin, quarantined), ([None; 3], Some(FIRST_BACKOFF)));
        assert_eq!((late, trial, after_a_sentence), (None, Some(FIRST_BACKOFF * 2), None));
        assert_eq!(["b", "b"].map(|name| residency.panicked(&id(name), 3)), [None, Some(FIRST_BACKOFF)]);
    }

    proptest! {
        /// Whatever is loaded, held and let go in whatever order: the limit holds, and what is held stays.
        #[test]
        fn the_limit_holds_and_held_voices_stay(steps in prop::collection::vec((0..6u8, 5..15u64, any::<bool>()), 1..60)) {
            let mut residency = Residency::new(30, HashSet::new());
            let mut held: HashMap<VoiceId, Arc<dyn LoadedVoice>> = HashMap::new();
            for (number, bytes, hold) in steps {
                let id = id(&format!("v{number}"));
                if !hold {
                    held.remove(&id);
                }
                if residency.get(&id).is_none() && residency.make_room(bytes).is_ok() {
                    residency.insert(id.clone(), voice(), bytes);
                }
                if let Some(voice) = residency.get(&id).filter(|_| hold) {
                    held.insert(id, voice);
                }
                prop_assert!(residency.bytes() <= 30);
                for id in held.keys() {
                    prop_assert!(residency.voices().any(|(resident, _)| resident == *id));
                }
            }
        }
    }
}
