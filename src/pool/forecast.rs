//! Owns the forecast of when requests will be done, as the queue hands out their work (`schedule`): callers share the
//! workers evenly; the turns of a caller go by halves to its oldest request and to the one that has least left. Work
//! counts as divisible at will, as it does in processor sharing.

use std::collections::BTreeMap;

/// A request that waits or is computed.
#[derive(Debug, Clone, Copy)]
pub struct Pending {
    pub caller: usize,
    pub has_begun: bool,
    /// The seconds that one worker needs for what is left of it.
    pub left: f64,
}

/// In how many seconds each of them will be done. They stand in the order of their arrival.
pub fn completions(pending: &[Pending], workers: usize) -> Vec<f64> {
    let mut callers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, request) in pending.iter().enumerate() {
        callers.entry(request.caller).or_default().push(index);
    }
    let mut work = vec![0.0; pending.len()];
    let mut left: Vec<Option<f64>> = pending.iter().map(|request| Some(request.left)).collect();
    for own in callers.values_mut() {
        own.sort_by_key(|index| !pending[*index].has_begun);
        in_turns(own, &mut left, &mut work);
    }
    let totals: Vec<(usize, f64)> =
        callers.iter().map(|(caller, own)| (*caller, own.iter().map(|index| pending[*index].left).sum())).collect();
    let done = |(request, work): (&Pending, f64)| {
        // Meanwhile each other caller has as much of the workers, if it wants that much.
        let others = totals.iter().filter(|(caller, _)| *caller != request.caller);
        (work + others.map(|(_, total)| total.min(work)).sum::<f64>()) / workers.max(1) as f64
    };
    pending.iter().zip(work).map(done).collect()
}

/// How much of a caller's work is done when each of its requests is. `order` is that of their arrival; nothing is left
/// of what is done.
fn in_turns(order: &[usize], left: &mut [Option<f64>], work: &mut [f64]) {
    let mut by_left = order.to_vec();
    by_left.sort_by(|one, other| left[*one].unwrap_or_default().total_cmp(&left[*other].unwrap_or_default()));
    let mut by_left = by_left.into_iter().peekable();
    let mut worked = 0.0;
    for oldest in order {
        let Some(mut own) = left[*oldest].take() else { continue };
        while let Some(shortest) = by_left.peek() {
            match left[*shortest] {
                Some(shorter) if shorter < own => {
                    worked += 2.0 * shorter;
                    own -= shorter;
                    work[*shortest] = worked;
                    left[*shortest] = None;
                }
                Some(_) => break,
                // Done, or the oldest itself.
                None => {}
            }
            by_left.next();
        }
        worked += own;
        work[*oldest] = worked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(caller: usize, left: f64) -> Pending {
        Pending { caller, has_begun: false, left }
    }

    #[test]
    fn equal_requests_of_a_caller_are_done_in_the_order_of_their_arrival() {
        assert_eq!(completions(&[of(1, 2.0); 4], 2), [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn what_has_begun_is_the_oldest() {
        let begun = Pending { has_begun: true, ..of(1, 2.0) };

        assert_eq!(completions(&[of(1, 2.0), begun], 1), [4.0, 2.0]);
    }

    #[test]
    fn a_short_request_shares_the_turns_with_a_long_one_and_then_the_next_does() {
        assert_eq!(completions(&[of(1, 10.0), of(1, 1.0), of(1, 2.0)], 1), [13.0, 2.0, 6.0]);
        assert_eq!(completions(&[of(1, 3.0), of(1, 1.0), of(1, 2.5)], 1), [4.0, 2.0, 6.5]);
    }

    #[test]
    fn callers_share_the_workers_and_who_wants_less_is_done_sooner() {
        let done = completions(&[of(1, 4.0), of(1, 4.0), of(2, 1.0), of(3, 4.0)], 1);

        assert_eq!(done, [9.0, 13.0, 3.0, 9.0]);
    }

    #[test]
    fn all_work_is_done_when_the_last_request_is() {
        let pending: Vec<Pending> = (0..50).map(|number| of(number % 3, ((number * 7) % 11) as f64)).collect();
        let all: f64 = pending.iter().map(|request| request.left).sum();

        let last = completions(&pending, 2).into_iter().fold(0.0, f64::max);

        assert!((last - all / 2.0).abs() < 1e-9, "{last}");
        assert!(completions(&[], 2).is_empty());
    }
}
