//! What the order of waiting units promises.

use std::time::Duration;

use super::*;
use crate::pool::pace::Pace;

fn in_seconds(seconds: u64) -> Deadline {
    Deadline::after(Duration::from_secs(seconds))
}

fn drain(queue: &mut FairQueue<&'static str>) -> Vec<&'static str> {
    std::iter::from_fn(|| queue.pop()).collect()
}

#[test]
fn a_caller_with_many_requests_does_not_hold_back_another() {
    let flood = CallerShare::default();
    let mut queue = FairQueue::default();
    for _ in 0..20 {
        queue.push(
            &Share::of(flood.clone(), Priority::Interactive, Demand::default()),
            in_seconds(10),
            (0, 0),
            "flood",
        );
    }
    for _ in 0..16 {
        queue.pop();
    }

    let other = Share::default();
    for frame in 0..10 {
        queue.push(&other, in_seconds(30), (0, frame), "other");
    }

    let served = drain(&mut queue);
    assert_eq!(served[..8], ["other"; 8], "which it had saved up");
    assert_eq!(served[8..], ["flood", "other", "flood", "other", "flood", "flood"]);
}

#[test]
fn a_caller_with_much_is_not_starved_by_one_that_always_wants_more() {
    let (much, more) = (Share::default(), Share::default());
    let mut queue = FairQueue::default();
    for _ in 0..20 {
        queue.push(&much, in_seconds(30), (0, 0), "much");
    }
    for _ in 0..16 {
        queue.pop();
    }

    let mut served = Vec::new();
    for _ in 0..12 {
        queue.push(&more, in_seconds(10), (0, 0), "more");
        served.extend(queue.pop());
    }

    assert!(served[8..].contains(&"much"), "{served:?}");
}

#[test]
fn a_short_request_does_not_wait_for_a_long_one_of_the_same_caller() {
    let caller = CallerShare::default();
    let (long, short) = (request(&caller, false, 400.0), request(&caller, false, 100.0));
    let mut queue = FairQueue::default();
    for _ in 0..4 {
        queue.push(&long, in_seconds(30), (0, 0), "long");
    }
    queue.pop();
    queue.push(&short, in_seconds(30), (0, 0), "short");

    assert_eq!(drain(&mut queue), ["short", "long", "long", "long"]);
}

#[test]
fn within_a_request_what_comes_first_in_its_text_goes_first() {
    let (text, other) = (Share::default(), Share::default());
    let deadline = in_seconds(30);
    let mut queue = FairQueue::default();
    queue.push(&text, deadline, (1, 0), "beginning of the second");
    queue.push(&other, deadline, (0, 0), "other");
    queue.push(&text, deadline, (0, 0), "first stretch of the first");
    queue.push(&text, deadline, (0, 0), "second stretch of the first");

    assert_eq!(
        drain(&mut queue),
        ["first stretch of the first", "other", "second stretch of the first", "beginning of the second"]
    );
}

#[test]
fn what_is_due_first_goes_first_among_equals() {
    let mut queue = FairQueue::default();
    queue.push(&Share::default(), in_seconds(30), (0, 0), "later");
    queue.push(&Share::default(), in_seconds(10), (0, 0), "sooner");

    assert_eq!(drain(&mut queue), ["sooner", "later"]);
}

#[test]
fn a_stream_of_new_requests_does_not_starve_an_old_one() {
    let caller = CallerShare::default();
    let request = || Share::of(caller.clone(), Priority::Interactive, Demand::default());
    let old = request();
    let mut queue = FairQueue::default();
    for _ in 0..2 {
        queue.push(&old, in_seconds(30), (0, 0), "old");
    }

    let mut served = Vec::new();
    for _ in 0..4 {
        queue.push(&request(), in_seconds(10), (0, 0), "new");
        served.extend(queue.pop());
    }

    assert!(served.contains(&"old"), "{served:?}");
}

#[test]
fn the_background_waits_for_everybody() {
    let background = || Share::of(CallerShare::default(), Priority::Background, Demand::default());
    let (bulk, other) = (background(), background());
    let mut queue = FairQueue::default();
    for item in ["bulk", "bulk"] {
        queue.push(&bulk, in_seconds(1), (0, 0), item);
    }
    queue.push(&other, in_seconds(1), (0, 0), "other");

    let caller = Share::default();
    queue.push(&caller, in_seconds(30), (0, 0), "caller");
    queue.push(&caller, in_seconds(30), (0, 0), "caller");

    assert_eq!(drain(&mut queue), ["caller", "caller", "bulk", "other", "bulk"]);
}

#[test]
fn unwanted_items_are_taken_out_wherever_they_wait() {
    let share = Share::default();
    let mut queue = FairQueue::default();
    for item in ["a", "b", "a"] {
        queue.push(&share, in_seconds(1), (0, 0), item);
    }

    assert_eq!(queue.drop_unless(|item| *item == "b"), ["a", "a"]);
    assert_eq!(drain(&mut queue), ["b"]);
    assert!(queue.callers.is_empty() && queue.requests.is_empty());
}

/// A request of so many ids.
fn request(caller: &CallerShare, is_stream: bool, ids: f64) -> Share {
    let demand = Demand::new(is_stream);
    demand.set(vec![(Arc::new(Pace::default()), ids)]);
    Share::of(caller.clone(), Priority::Interactive, demand)
}

fn push_all(queue: &mut FairQueue<&'static str>, share: &Share, items: [&'static str; 3]) {
    for (sentence, item) in items.into_iter().enumerate() {
        queue.push(share, in_seconds(30), (sentence, 0), item);
    }
}

#[test]
fn equal_requests_of_a_caller_are_computed_one_after_another() {
    let caller = CallerShare::default();
    let mut queue = FairQueue::default();
    for items in [["a1", "a2", "a3"], ["b1", "b2", "b3"], ["c1", "c2", "c3"]] {
        push_all(&mut queue, &request(&caller, false, 300.0), items);
    }

    assert_eq!(drain(&mut queue), ["a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2", "c3"]);
}

#[test]
fn turns_go_by_halves_to_the_oldest_request_and_to_the_one_that_has_least_left() {
    let caller = CallerShare::default();
    let mut queue = FairQueue::default();
    push_all(&mut queue, &request(&caller, false, 900.0), ["long", "long", "long"]);
    push_all(&mut queue, &request(&caller, false, 600.0), ["later", "later", "later"]);
    push_all(&mut queue, &request(&caller, false, 300.0), ["short", "short", "short"]);

    let served = drain(&mut queue);

    assert_eq!(served, ["long", "short", "long", "short", "long", "short", "later", "later", "later"]);
}

#[test]
fn what_was_begun_is_finished_before_the_next_also_if_it_waits_again() {
    let caller = CallerShare::default();
    let (first, second) = (request(&caller, false, 300.0), request(&caller, false, 300.0));
    let mut queue = FairQueue::default();
    queue.push(&first, in_seconds(30), (0, 0), "first");
    queue.push(&second, in_seconds(30), (0, 0), "second");

    assert_eq!(queue.pop(), Some("first"));
    queue.push(&first, in_seconds(30), (0, 24), "rest of the first");

    assert_eq!(drain(&mut queue), ["rest of the first", "second"]);
}

#[test]
fn streams_of_a_caller_all_go_on_while_they_are_heard() {
    let caller = CallerShare::default();
    let [one, other] = [request(&caller, true, 900.0), request(&caller, true, 900.0)];
    let mut queue = FairQueue::default();
    push_all(&mut queue, &one, ["one"; 3]);
    push_all(&mut queue, &other, ["other"; 3]);
    one.demand().begin();
    one.demand().sounds(60.0);

    assert_eq!(drain(&mut queue), ["other", "one", "one", "other", "one", "other"]);
}
