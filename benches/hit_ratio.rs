//! How much does a cache save? Requests for sentences whose frequencies follow Zipf's law, asked of a cache with the
//! policy of L1 and of one with the policy that Redis is best run with. No service runs: this counts.
//!
//! `cargo bench --bench hit_ratio`

use std::num::NonZeroUsize;

use lru::LruCache;
use moka::sync::Cache;

/// Sentences that are ever said, and how many are asked for.
const SENTENCES: usize = 1_000_000;
const REQUESTS: usize = 2_000_000;
/// Of a sentence of three seconds as it is kept.
const ENTRY_BYTES: u64 = 64 << 10;
const MEMORY: [(&str, u64); 4] = [("128 MiB", 128 << 20), ("1 GiB", 1 << 30), ("8 GiB", 8 << 30), ("32 GiB", 32 << 30)];
/// From varied texts to prompts of a call centre.
const EXPONENTS: [f64; 4] = [0.6, 0.8, 1.0, 1.2];

/// Ranks by Zipf's law, by their summed frequencies.
struct Zipf {
    sums: Vec<f64>,
    /// SplitMix64 (Steele, Lea, Flood, 2014), so that runs are alike.
    state: u64,
}

fn main() {
    // `cargo test --benches` runs this too, where nobody wants to wait for it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("{SENTENCES} sentences, {REQUESTS} requests, the first half of which fill the cache\n");
    println!("| exponent | memory | kept | hits, L1 (TinyLFU) | hits, Redis (LRU) | synthesis left |");
    println!("|---|---|---|---|---|---|");
    for exponent in EXPONENTS {
        for (name, bytes) in MEMORY {
            let kept = bytes / ENTRY_BYTES;
            let (in_process, in_redis) = (with_tiny_lfu(exponent, kept), with_lru(exponent, kept));
            let left = 1.0 - in_process.max(in_redis);
            println!(
                "| {exponent:.1} | {name} | {kept} | {:.0} % | {:.0} % | {:.0} % |",
                in_process * 1e2,
                in_redis * 1e2,
                left * 1e2
            );
        }
    }
}

fn with_tiny_lfu(exponent: f64, kept: u64) -> f64 {
    let cache = Cache::new(kept);
    hits(exponent, |sentence| {
        let is_hit = cache.get(&sentence).is_some();
        if !is_hit {
            cache.insert(sentence, ());
        }
        is_hit
    })
}

fn with_lru(exponent: f64, kept: u64) -> f64 {
    let mut cache = LruCache::new(NonZeroUsize::new(kept as usize).unwrap_or(NonZeroUsize::MIN));
    hits(exponent, |sentence| cache.put(sentence, ()).is_some())
}

/// The share of hits in the second half.
fn hits(exponent: f64, mut ask: impl FnMut(usize) -> bool) -> f64 {
    let mut sentences = Zipf::new(exponent);
    for _ in 0..REQUESTS / 2 {
        ask(sentences.next());
    }
    let found = (0..REQUESTS / 2).filter(|_| ask(sentences.next())).count();
    found as f64 / (REQUESTS / 2) as f64
}

// === impl Zipf ===

impl Zipf {
    fn new(exponent: f64) -> Self {
        let mut sum = 0.0;
        let frequency = |rank: usize| (rank as f64).powf(-exponent);
        let sums = (1..=SENTENCES).map(|rank| {
            sum += frequency(rank);
            sum
        });
        Self { sums: sums.collect(), state: 1 }
    }

    fn next(&mut self) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let uniform = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64;
        let wanted = uniform * self.sums[SENTENCES - 1];
        self.sums.partition_point(|sum| *sum < wanted)
    }
}
