//! Owns the numbers: of each day those of each token, for a bounded number of days and tokens.

use std::collections::BTreeMap;

use chrono::NaiveDate;

/// What one answer was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UsageRecord {
    /// Of what was said.
    pub characters: usize,
    /// Of audio.
    pub seconds: f64,
    /// Whether all of it came from the cache.
    pub is_cached: bool,
}

/// Sums over answers; the same over those of them that came from the cache; and how many requests got none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub requests: u64,
    pub characters: u64,
    pub milliseconds: u64,
    pub cached_requests: u64,
    pub cached_characters: u64,
    pub cached_milliseconds: u64,
    pub refused: u64,
}

/// What a token has had on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyUsage {
    pub day: NaiveDate,
    /// Empty for the secret of the settings.
    pub token: String,
    pub counts: Counts,
}

/// Days with their tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Days(BTreeMap<NaiveDate, BTreeMap<String, Counts>>);

/// What tokens are counted as that come after so many in one day.
const OTHERS: &str = "others";
/// Ten times as many as there may be at a time.
const MAX_TOKENS: usize = 10_000;

// === impl Counts ===

impl Counts {
    pub(super) const NAMES: [&str; 7] = [
        "requests",
        "characters",
        "milliseconds",
        "cached_requests",
        "cached_characters",
        "cached_milliseconds",
        "refused",
    ];

    /// One request that was not answered with what it asked for.
    pub(super) const REFUSAL: Self = Self::of_values([0, 0, 0, 0, 0, 0, 1]);

    /// In the order of the names.
    pub(super) fn values(&self) -> [u64; 7] {
        let Self {
            requests,
            characters,
            milliseconds,
            cached_requests,
            cached_characters,
            cached_milliseconds,
            refused,
        } = *self;
        [requests, characters, milliseconds, cached_requests, cached_characters, cached_milliseconds, refused]
    }

    pub(super) const fn of_values(values: [u64; 7]) -> Self {
        let [requests, characters, milliseconds, cached_requests, cached_characters, cached_milliseconds, refused] =
            values;
        Self { requests, characters, milliseconds, cached_requests, cached_characters, cached_milliseconds, refused }
    }

    fn add(&mut self, other: &Self) {
        let (own, others) = (self.values(), other.values());
        *self = Self::of_values(std::array::from_fn(|at| own[at].saturating_add(others[at])));
    }
}

impl From<UsageRecord> for Counts {
    fn from(UsageRecord { characters, seconds, is_cached }: UsageRecord) -> Self {
        let all = [1, characters as u64, (seconds * 1e3).round() as u64];
        let cached = if is_cached { all } else { [0; 3] };
        Self::of_values([all[0], all[1], all[2], cached[0], cached[1], cached[2], 0])
    }
}

// === impl Days ===

impl Days {
    /// Counts on a day, of which so many are kept. Returns the name under which it is counted.
    pub fn count(&mut self, day: NaiveDate, kept: u32, token: &str, counts: &Counts) -> String {
        let tokens = self.0.entry(day).or_default();
        let name = if tokens.len() < MAX_TOKENS || tokens.contains_key(token) { token } else { OTHERS };
        tokens.entry(name.to_owned()).or_default().add(counts);
        while self.0.len() > kept as usize {
            self.0.pop_first();
        }
        name.to_owned()
    }

    pub fn add(&mut self, day: NaiveDate, tokens: impl IntoIterator<Item = (String, Counts)>) {
        let own = self.0.entry(day).or_default();
        for (token, counts) in tokens {
            own.entry(token).or_default().add(&counts);
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (day, tokens) in other.0 {
            self.add(day, tokens);
        }
    }

    pub fn pop_first(&mut self) -> Option<(NaiveDate, BTreeMap<String, Counts>)> {
        self.0.pop_first()
    }

    pub fn rows(self) -> impl Iterator<Item = DailyUsage> {
        let of_day = |(day, tokens): (NaiveDate, BTreeMap<String, Counts>)| {
            tokens.into_iter().map(move |(token, counts)| DailyUsage { day, token, counts })
        };
        self.0.into_iter().flat_map(of_day)
    }
}
