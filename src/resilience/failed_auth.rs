//! Owns the limit of failed authentications of one source. A source is the address that a connection comes from; of
//! IPv6 the network of 64 bits, which one host usually has to itself.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;

/// Counts wrong guesses by source. Clones share the counts.
#[derive(Clone)]
pub struct FailedAuthLimiter {
    per_minute: NonZeroU32,
    by_source: Cache<IpAddr, Arc<Window>>,
}

/// The minute that began with a source's first wrong guess.
struct Window {
    began: Instant,
    wrong: AtomicU32,
}

/// Sources that are remembered at once. Whoever has more addresses than this is not to be stopped by counting them.
const MAX_SOURCES: u64 = 10_000;
const WINDOW: Duration = Duration::from_mins(1);

// === impl FailedAuthLimiter ===

impl FailedAuthLimiter {
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self { per_minute, by_source: Cache::builder().max_capacity(MAX_SOURCES).time_to_live(WINDOW).build() }
    }

    /// Until a source that was wrong too often may try again; `None`: it may now.
    pub fn wait(&self, source: IpAddr) -> Option<Duration> {
        let window = self.by_source.get(&network(source))?;
        let is_over = window.wrong.load(Ordering::Relaxed) >= self.per_minute.get();
        is_over.then(|| WINDOW.saturating_sub(window.began.elapsed()))
    }

    pub fn count_wrong(&self, source: IpAddr) {
        let begin = || Arc::new(Window { began: Instant::now(), wrong: AtomicU32::new(0) });
        self.by_source.get_with(network(source), begin).wrong.fetch_add(1, Ordering::Relaxed);
    }
}

fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(guesses: &FailedAuthLimiter, source: &str) -> bool {
        guesses.wait(source.parse().unwrap()).is_some()
    }

    #[test]
    fn a_source_that_was_wrong_too_often_waits_and_others_do_not() {
        let guesses = FailedAuthLimiter::new(NonZeroU32::new(2).unwrap());
        let source = "192.0.2.1".parse().unwrap();

        guesses.count_wrong(source);
        assert!(!waits(&guesses, "192.0.2.1"));
        guesses.count_wrong(source);

        assert!(guesses.wait(source).unwrap() > Duration::from_secs(50));
        assert!(waits(&guesses, "::ffff:192.0.2.1"), "the same address as IPv6 writes it");
        assert!(!waits(&guesses, "192.0.2.2"));
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let guesses = FailedAuthLimiter::new(NonZeroU32::MIN);

        guesses.count_wrong("2001:db8:0:1::1".parse().unwrap());

        assert!(waits(&guesses, "2001:db8:0:1:ffff::2"));
        assert!(!waits(&guesses, "2001:db8:0:2::1"));
    }
}
