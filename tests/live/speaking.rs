//! What the messages of `/v1/live` do.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tungstenite::Message;

use crate::client::{Live, whole};
use crate::support::{TOKEN, TestServer, shared, until};

const LONG: &str = "This sentence is so long that it takes a while to say all of it, whoever says it, and there are more of its kind. ";

fn times(events: &[&Value], field: &str) -> Vec<(String, f64, u64)> {
    let parts = events.iter().flat_map(|event| match &event[field] {
        Value::Array(parts) => parts.clone(),
        part => vec![part.clone()],
    });
    let fields = |part: Value| {
        let (text, start) = (part["text"].as_str().unwrap().to_owned(), part["start"].as_f64().unwrap());
        (text, (start * 1_000.0).round() / 1_000.0, part["start_char"].as_u64().unwrap())
    };
    parts.map(fields).collect()
}

#[test]
fn a_sentence_is_spoken_before_the_text_has_ended() {
    let server = shared();
    let mut live = Live::connect(server);

    live.say("This comes first. Then ");

    let begun = live.until("audio");
    assert_eq!(begun.last()["sample_rate"], 22_050);
    let Message::Binary(first) = live.next() else { panic!("sound follows") };
    live.act("end");
    let rest = live.until("ended");
    let wav = whole(server, &json!({"text": "This comes first. Then"}));
    assert_eq!(first.len() + rest.audio.len(), wav.len());
}

#[test]
fn words_come_with_their_times_and_places_in_the_whole_text() {
    let server = shared();
    let text = "Über nine cats sat, and slept. They dreamt of mice. Ready?";
    let silence = json!(250);
    let whole = server.post_json(
        "/v1/synthesizeSpeech/timestamps",
        &json!({"text": text, "response_format": "pcm", "sentence_silence_ms": silence}),
    );
    let whole = whole.json();
    let mut live = Live::connect(server);
    live.send(&json!({"type": "start", "word_times": true, "response_format": "pcm", "sentence_silence_ms": silence}));

    for piece in text.split_inclusive(' ') {
        live.say(piece);
    }
    live.act("end");

    let heard = live.until("ended");
    let said = heard.of("words");
    assert_eq!(said.len(), 3);
    assert_eq!(times(&said, "words"), times(&[&whole], "words"));
    assert_eq!(times(&said, "sentence"), times(&[&whole], "sentences"));
    assert_eq!(heard.last()["seconds"], whole["duration"]);
}

#[test]
fn a_flush_speaks_what_is_there_and_is_answered_behind_it() {
    let mut live = Live::connect(shared());
    live.send(&json!({"type": "start", "response_format": "pcm"}));

    live.say("No stop here");
    live.act("flush");
    live.act("flush");

    let heard = live.until("flushed");
    let expected = heard.audio.len() as f64 / 2.0 / 22_050.0;
    assert!((heard.last()["seconds"].as_f64().unwrap() - expected).abs() < 1e-3);
    let again = live.until("flushed");
    assert!(again.audio.is_empty());
    live.say("More");
    live.act("end");
    assert!(!live.until("ended").audio.is_empty());
}

#[test]
fn a_clause_is_spoken_at_its_comma_if_it_has_waited_long_enough() {
    let mut live = Live::connect(shared());
    live.send(&json!({"type": "start", "response_format": "pcm", "clause_delay_ms": 1}));

    live.say("Well, this goes");

    live.until("audio");
    assert!(matches!(live.next(), Message::Binary(_)));
}

#[test]
fn what_is_cleared_is_not_sent_and_what_was_sent_is_told() {
    let server = TestServer::start(&[]);
    let mut live = Live::connect(&server);
    live.send(&json!({"type": "start", "response_format": "pcm", "word_times": true}));
    live.say(&LONG.repeat(40));
    live.until("audio");
    // A second, so that some words are in it.
    let mut first = 0;
    while first < 44_100 {
        if let Message::Binary(bytes) = live.next() {
            first += bytes.len();
        }
    }

    live.act("clear");

    let heard = live.until("cleared");
    let (seconds, characters) =
        (heard.last()["seconds"].as_f64().unwrap(), heard.last()["characters"].as_u64().unwrap());
    let sent = (first + heard.audio.len()) as f64 / 2.0 / 22_050.0;
    assert!((seconds - sent).abs() < 1e-3, "{seconds} and {sent}");
    assert!(characters > 0 && (characters as usize) < LONG.len() * 40);
    until("workers are free", || (server.metric("tts_queue_depth") == 0.0).then_some(()));
    live.say("This is new.");
    live.act("flush");
    let new = live.until("flushed");
    let whole = whole(&server, &json!({"text": "This is new.", "response_format": "pcm"}));
    assert!(new.audio == whole);
    assert_eq!(new.of("words")[0]["words"][0]["start_char"], LONG.len() * 40);
    assert_eq!(server.metric("tts_live_clears_total"), 1.0);
}

#[test]
fn several_texts_go_on_at_once_each_in_its_own_manner() {
    let server = shared();
    let mut live = Live::connect(server);
    for (context, format) in [("a", "pcm"), ("b", "mulaw")] {
        live.send(&json!({"type": "start", "context": context, "response_format": format}));
        live.send(&json!({"type": "text", "context": context, "text": format!("I am {context}. And I am not done.")}));
    }
    live.send(&json!({"type": "end", "context": "a"}));
    live.send(&json!({"type": "end", "context": "b"}));

    let (mut sounds, mut sounding, mut ended) = ([Vec::new(), Vec::new()], 0, 0);
    while ended < 2 {
        match live.next() {
            Message::Binary(bytes) => sounds[sounding].extend_from_slice(&bytes),
            Message::Text(text) => {
                let event: Value = serde_json::from_str(&text).unwrap();
                if event["type"] == "audio" {
                    sounding = usize::from(event["context"] == "b");
                }
                ended += usize::from(event["type"] == "ended");
            }
            other => panic!("{other:?}"),
        }
    }

    for (context, format, sound) in [("a", "pcm", &sounds[0]), ("b", "mulaw", &sounds[1])] {
        let text = format!("I am {context}. And I am not done.");
        assert!(*sound == whole(server, &json!({"text": text, "response_format": format})), "{context}");
    }
}

#[test]
fn a_connection_is_closed_when_all_is_said() {
    let mut live = Live::connect(shared());
    live.act("ping");
    assert_eq!(live.event()["type"], "pong");
    live.say("That is all");

    live.act("close");

    assert!(!live.until("ended").audio.is_empty());
    assert_eq!(live.closed(), (String::new(), 1000));
}

#[test]
fn tokens_are_asked_for_before_the_upgrade_and_pages_offer_theirs() {
    let server = shared();
    let offer = |token: &str| format!("tts-live.v1, tts-token.{}", URL_SAFE_NO_PAD.encode(token));

    assert_eq!(Live::refused(server, "/v1/live", &[]), 403);
    assert_eq!(Live::refused(server, "/v1/live", &[("user-token", "wrong")]), 403);
    assert_eq!(Live::refused(server, "/v1/live", &[("sec-websocket-protocol", &offer("wrong"))]), 403);
    assert_eq!(Live::refused(server, "/v1/live", &[("sec-websocket-protocol", "tts-live.v1, tts-token.!")]), 403);
    let authorization = format!("Bearer {TOKEN}");
    assert!(Live::connect_to(server, "/v1/live", &[("authorization", &authorization)]).is_ok());
    let mut page = Live::connect_to(server, "/v1/live", &[("sec-websocket-protocol", &offer(TOKEN))]).ok().unwrap();
    page.act("ping");
    assert_eq!(page.event()["type"], "pong");
    let plain = server.request(reqwest::Method::GET, "/v1/live").header("user-token", TOKEN).send().unwrap();
    assert_eq!(plain.status(), 426);
}

#[test]
fn when_the_service_stops_a_sentence_is_finished_and_callers_are_sent_away() {
    let server = TestServer::start(&[]);
    let (mut speaking, mut silent) = (Live::connect(&server), Live::connect(&server));
    speaking.send(&json!({"type": "start", "response_format": "pcm"}));
    speaking.say(&format!("{LONG}{LONG}Then "));
    silent.say("Not");
    speaking.until("audio");

    server.signal(Signal::SIGTERM);

    let last = speaking.until("ended");
    assert!(last.audio.len() as f64 / 2.0 / 22_050.0 > 4.0);
    assert_eq!(speaking.closed().1, 1001);
    silent.until("ended");
    assert_eq!(silent.closed().1, 1001);
    assert!(server.wait().success());
}

#[test]
fn a_sentence_that_outlasts_the_time_to_drain_is_cut_and_its_caller_sent_away() {
    let server = TestServer::start(&[("TTS_DRAIN_TIMEOUT_MS", "0")]);
    let mut speaking = Live::connect(&server);
    speaking.send(&json!({"type": "start", "response_format": "pcm", "speed": 0.25}));
    speaking.say(&LONG.replace(". ", " ").repeat(8));
    speaking.act("flush");
    speaking.until("audio");

    server.signal(Signal::SIGTERM);

    assert_eq!(speaking.closed(), ("going_away".to_owned(), 1001));
    assert_eq!(server.wait().code(), Some(1));
}
