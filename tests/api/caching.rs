//! What is kept: what a repeated request costs, what counts as the same request, and what headers say of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Answer, TestServer, VOICE};
use crate::{SYNTHESIZE, with};

const L1_HITS: &str = "tts_cache_lookups_total{result=\"hit\",tier=\"l1\"}";
const TWO: &str = "The first of two. The second of two.";

/// The answer to a request with these headers.
fn ask(server: &TestServer, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let request = server.post(SYNTHESIZE).json(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Answer::of(request.send().expect("an answer"))
}

fn cache(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.header("x-cache")
}

#[test]
fn a_repeated_request_is_a_hit_with_the_same_bytes_and_no_synthesis() {
    let server = TestServer::start(&[]);
    let body = json!({"text": "Once is enough."});
    let first = server.post_json(SYNTHESIZE, &body);
    let computed = server.sentences();
    let hits = server.metric(L1_HITS);

    let second = server.post_json(SYNTHESIZE, &body);

    assert_eq!((cache(&first), cache(&second)), ("MISS", "HIT-L1"));
    assert!(first.body == second.body, "the bytes differ");
    for header in ["content-type", "x-voice-id", "x-sample-rate", "x-audio-duration", "etag"] {
        assert_eq!(first.header(header), second.header(header));
    }
    assert!(second.header("age").parse::<u64>().unwrap() < 60 && !first.headers.contains_key("age"));
    assert_eq!((computed, server.sentences()), (1.0, 1.0));
    assert_eq!(server.metric(L1_HITS), hits + 1.0, "one look finds it");
}

#[test]
fn what_is_applied_after_the_network_costs_no_synthesis() {
    let server = TestServer::start(&[]);
    let base = json!({"text": TWO});
    let first = server.post_json(SYNTHESIZE, &base);

    for fields in [
        json!({"response_format": "pcm"}),
        json!({"sample_rate": 8_000}),
        json!({"volume": 0.5}),
        json!({"sentence_silence_ms": 1}),
        json!({"text": format!("{TWO} ")}),
        json!({"response_format": "pcm", "stream": true}),
    ] {
        assert_eq!(cache(&server.post_json(SYNTHESIZE, &with(&base, &fields))), "HIT-L1", "{fields}");
    }

    let pcm = server.post_json(SYNTHESIZE, &with(&base, &json!({"response_format": "pcm"})));
    assert!(first.body[44..] == pcm.body, "the samples differ");
    assert_eq!(server.sentences(), 2.0);
}

#[test]
fn whatever_changes_the_sound_is_made_anew() {
    let server = TestServer::start(&[]);
    let base = json!({"text": "Another."});
    let cached = |fields: &Value| cache(&server.post_json(SYNTHESIZE, &with(&base, fields))).to_owned();
    assert_eq!(cached(&json!({})), "MISS");

    for fields in
        [json!({"text": "Another one."}), json!({"speed": 1.01}), json!({"noise_scale": 0.5}), json!({"noise_w": 0.5})]
    {
        assert_eq!(cached(&fields), "MISS", "{fields}");
        assert_eq!(cached(&fields), "HIT-L1", "{fields}");
    }
    for fields in [json!({}), json!({"voice_id": VOICE}), json!({"deadline_ms": 20_000}), json!({"speed": 1.0})] {
        assert_eq!(cached(&fields), "HIT-L1", "{fields}");
    }
}

#[test]
fn of_a_text_with_one_new_sentence_one_sentence_is_made() {
    let server = TestServer::start(&[]);
    let text = |changed: &str| {
        let sentence = |n: usize| if n == 7 { changed.to_owned() } else { format!("This is sentence number {n}.") };
        json!({"text": (0..20).map(sentence).collect::<Vec<_>>().join(" "), "response_format": "pcm"})
    };
    let first = server.post_json(SYNTHESIZE, &text("This is the old one."));
    let made = server.sentences();

    let second = server.post_json(SYNTHESIZE, &text("And here is a new one."));

    assert_eq!((cache(&first), cache(&second)), ("MISS", "PARTIAL"));
    assert_eq!((made, server.sentences()), (20.0, 21.0));
    let same_beginning = first.body.iter().zip(&second.body).take_while(|(a, b)| a == b).count();
    assert!(same_beginning > first.body.len() / 4, "only {same_beginning} bytes are the same");
}

#[test]
fn a_stream_is_kept_and_comes_from_what_is_kept() {
    let server = TestServer::start(&[]);
    let (whole, streamed) = (json!({"text": TWO}), json!({"text": TWO, "stream": true}));

    let made = server.post_json(SYNTHESIZE, &streamed);
    let again = server.post_json(SYNTHESIZE, &streamed);
    let all = server.post_json(SYNTHESIZE, &whole);

    assert_eq!([&made, &again, &all].map(cache), ["MISS", "HIT-L1", "HIT-L1"]);
    assert!(made.body == again.body, "the streams differ");
    assert!(made.body[44..] == all.body[44..], "the samples differ");
    assert_eq!(server.sentences(), 2.0);
    assert_eq!(made.header("etag"), again.header("etag"));
    assert_ne!(made.header("etag"), all.header("etag"), "their first 44 bytes differ");
}

#[test]
fn a_caller_who_has_the_answer_gets_304_and_nothing_is_made() {
    let server = TestServer::start(&[]);
    let body = json!({"text": "Nothing new."});
    let tag = server.post_json(SYNTHESIZE, &body).header("etag").to_owned();
    let elsewhere = TestServer::start(&[]);

    for held in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
        for server in [&server, &elsewhere] {
            let answer = ask(server, &body, &[("if-none-match", &held)]);

            assert_eq!((answer.status, answer.body.len(), answer.header("etag")), (304, 0, tag.as_str()), "{held}");
        }
    }
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag} is not strong");
    assert_eq!((server.sentences(), elsewhere.sentences()), (1.0, 0.0));
    for other in ["\"other\"".to_owned(), tag.trim_matches('"').to_owned(), "*".to_owned()] {
        assert_eq!(ask(&server, &body, &[("if-none-match", &other)]).status, 200, "{other}");
    }
}

#[test]
fn tags_are_as_different_as_answers() {
    let server = TestServer::start(&[]);
    let base = json!({"text": "Tags."});

    let variants = [
        json!({}),
        json!({"stream": true}),
        json!({"response_format": "pcm"}),
        json!({"sample_rate": 16_000}),
        json!({"volume": 0.5}),
        json!({"text": "Tags"}),
        json!({"speed": 2.0}),
    ];
    let tags =
        variants.iter().map(|fields| server.post_json(SYNTHESIZE, &with(&base, fields)).header("etag").to_owned());

    assert_eq!(tags.collect::<BTreeSet<_>>().len(), variants.len());
}

#[test]
fn the_same_request_gives_the_same_bytes_after_a_restart() {
    let body = json!({"text": TWO});
    let answer = || {
        let server = TestServer::start(&[("TTS_REDIS_URL", "")]);
        let answer = server.post_json(SYNTHESIZE, &body);
        (cache(&answer).to_owned(), answer.header("etag").to_owned(), answer.body)
    };

    let (first, second) = (answer(), answer());

    assert_eq!((first.0.as_str(), second.0.as_str()), ("MISS", "MISS"));
    assert_eq!(first.1, second.1);
    assert!(first.2 == second.2, "the bytes differ");
}

#[test]
fn a_caller_who_forbids_storing_is_neither_answered_from_the_cache_nor_kept_in_it() {
    let server = TestServer::start(&[]);
    let body = json!({"text": "Leave no trace."});
    let private = |directives: &str| ask(&server, &body, &[("cache-control", directives)]);

    let first = private("no-store");
    let after_it = server.post_json(SYNTHESIZE, &body);
    let after_a_hit_is_there = private("max-age=0, No-Store");

    assert_eq!([&first, &after_it, &after_a_hit_is_there].map(cache), ["BYPASS", "MISS", "BYPASS"]);
    assert_eq!(server.sentences(), 3.0);
    assert!(first.body == after_it.body, "what is made is the same whether it is kept or not");
    let tag = after_it.header("etag");
    assert_eq!(ask(&server, &body, &[("cache-control", "no-store"), ("if-none-match", tag)]).status, 200);
}

#[test]
fn a_caller_who_wants_it_fresh_has_it_made_and_kept() {
    let server = TestServer::start(&[]);
    let body = json!({"text": "Fresh."});
    server.post_json(SYNTHESIZE, &body);

    let fresh = ask(&server, &body, &[("cache-control", "no-cache")]);
    let after = server.post_json(SYNTHESIZE, &body);

    assert_eq!([&fresh, &after].map(cache), ["MISS", "HIT-L1"]);
    assert_eq!(server.sentences(), 2.0);
}

#[test]
fn a_caller_who_wants_it_from_the_cache_alone_causes_no_synthesis() {
    let server = TestServer::start(&[]);
    let body = json!({"text": TWO});
    let only = |fields: &Value| ask(&server, &with(&body, fields), &[("cache-control", "only-if-cached")]);

    let missing = [only(&json!({})), only(&json!({"stream": true}))];
    let made = server.sentences();
    server.post_json(SYNTHESIZE, &body);
    let there = [json!({}), json!({"sample_rate": 8_000}), json!({"stream": true})].map(|fields| only(&fields));

    for answer in &missing {
        answer.assert_error(504, "not_cached", None);
    }
    assert_eq!(made, 0.0);
    assert_eq!(there.each_ref().map(cache), ["HIT-L1"; 3]);
    assert_eq!(server.sentences(), 2.0);
    let without = TestServer::start(&[("TTS_CACHE_ENABLED", "false")]);
    ask(&without, &body, &[("cache-control", "only-if-cached")]).assert_error(504, "not_cached", None);
}

#[test]
fn an_answer_without_any_sentence_is_kept_too() {
    let server = TestServer::start(&[]);
    let body = json!({"text": "\u{200b}"});

    let answers = [(); 2].map(|()| server.post_json(SYNTHESIZE, &body));

    assert_eq!(answers.each_ref().map(cache), ["MISS", "HIT-L1"]);
}

#[test]
fn errors_are_not_kept() {
    let server = TestServer::start(&[]);
    let text = "Too late. ".repeat(100);

    let late = [(); 2].map(|()| server.post_json(SYNTHESIZE, &json!({"text": text, "deadline_ms": 1})));
    let kept = ask(&server, &json!({"text": text}), &[("cache-control", "only-if-cached")]);

    for answer in late {
        answer.assert_error(504, "deadline_exceeded", None);
    }
    kept.assert_error(504, "not_cached", None);
}

#[test]
fn many_requests_for_one_new_text_cause_one_synthesis() {
    let server = TestServer::start(&[("TTS_QUEUE_LIMIT", "2")]);
    let bodies = [json!({"text": "All at once."}), json!({"text": "All at once.", "stream": true})];

    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..40)
            .map(|n| {
                scope.spawn({
                    let (server, body) = (&server, &bodies[n % 2]);
                    move || server.post_json(SYNTHESIZE, body)
                })
            })
            .collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });

    let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, BTreeSet::from([200]), "waiting for another's work takes no place in the queue");
    assert!(answers.iter().all(|answer| answer.body[44..] == answers[0].body[44..]), "the samples differ");
    assert_eq!(server.sentences(), 1.0);
}

#[test]
fn a_server_without_a_cache_says_so_and_computes_every_time() {
    let server = TestServer::start(&[("TTS_CACHE_ENABLED", "false")]);
    let body = json!({"text": "Twice."});

    let answers = [(); 2].map(|()| server.post_json(SYNTHESIZE, &body));

    assert_eq!(answers.each_ref().map(cache), ["BYPASS", "BYPASS"]);
    assert!(answers[0].body == answers[1].body, "the same request, yet not the same samples");
    assert_eq!(server.sentences(), 2.0);
}
