//! Owns the quota of one caller: so much at once as a minute's worth, which comes back evenly (the generic cell rate
//! algorithm, ITU-T I.371).

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultDirectRateLimiter, RateLimiter};

/// An allowance for each minute.
#[derive(Debug)]
pub struct Quota {
    limiter: DefaultDirectRateLimiter<StateInformationMiddleware>,
    per_minute: NonZeroU32,
}

/// What is left of an allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    pub per_minute: u32,
    pub remaining: u32,
    /// Until what was asked for is to be had; nothing if it was.
    pub wait: Duration,
}

// === impl Quota ===

impl Quota {
    pub fn new(per_minute: NonZeroU32) -> Self {
        let limiter = RateLimiter::direct(governor::Quota::per_minute(per_minute));
        Self { limiter: limiter.with_middleware(), per_minute }
    }

    /// Takes all of `amount`, or nothing.
    ///
    /// # Errors
    /// What is left and when there is enough. More than a minute's worth is never to be had; then the wait is a minute.
    pub fn take(&self, amount: u32) -> Result<Allowance, Allowance> {
        let per_minute = self.per_minute.get();
        let Some(amount) = NonZeroU32::new(amount) else {
            return Ok(Allowance { per_minute, remaining: 0, wait: Duration::ZERO });
        };
        match self.limiter.check_n(amount) {
            Ok(Ok(state)) => {
                let remaining = state.remaining_burst_capacity();
                Ok(Allowance { per_minute, remaining, wait: Duration::ZERO })
            }
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                Err(Allowance { per_minute, remaining: 0, wait })
            }
            Err(_) => Err(Allowance { per_minute, remaining: 0, wait: Duration::from_mins(1) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_is_to_be_had_at_once_and_no_more() {
        let quota = Quota::new(NonZeroU32::new(3).unwrap());

        let remaining: Vec<_> = (0..3).map(|_| quota.take(1).map(|allowance| allowance.remaining)).collect();
        let refused = quota.take(1).unwrap_err();

        assert_eq!(remaining, [Ok(2), Ok(1), Ok(0)]);
        assert!(refused.wait > Duration::from_secs(15) && refused.wait <= Duration::from_secs(20), "{refused:?}");
    }

    #[test]
    fn all_is_taken_or_nothing() {
        let quota = Quota::new(NonZeroU32::new(10).unwrap());

        assert_eq!(quota.take(11).unwrap_err().wait, Duration::from_mins(1));
        assert_eq!(quota.take(10).unwrap().remaining, 0);
        assert!(quota.take(1).is_err());
        assert!(quota.take(0).is_ok());
    }
}
