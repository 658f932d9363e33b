//! The speech APIs of others as their clients use them, and as nobody should.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tungstenite::Message;

use crate::client::{Live, whole};
use crate::support::{TOKEN, TestServer, shared};

const DEEPGRAM: &str = "/v1/speak?encoding=linear16&sample_rate=24000";
const CARTESIA: &str = "/tts/websocket?cartesia_version=2025-04-16";
const ELEVENLABS: &str = "/v1/text-to-speech/any/stream-input?output_format=pcm_24000";
const SEVERAL: &str = "/v1/text-to-speech/any/multi-stream-input?output_format=pcm_24000";
const ALL: [&str; 4] = [DEEPGRAM, CARTESIA, ELEVENLABS, SEVERAL];

const TEXT: &str = "Über nine cats sat, and slept. They dreamt of mice. Ready?";

fn open(server: &TestServer, path: &str) -> Live {
    Live::connect_to(server, path, &[("user-token", TOKEN)]).unwrap()
}

/// The same text over HTTP.
fn samples(server: &TestServer, text: &str) -> Vec<u8> {
    whole(server, &json!({"text": text, "response_format": "pcm", "sample_rate": 24_000}))
}

/// How a text of Cartesia's begins.
fn transcript(context: &str, text: &str, more: &Value) -> Value {
    let mut message = json!({
        "context_id": context, "model_id": "sonic-3", "transcript": text, "voice": {"mode": "id", "id": "any"},
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24_000},
    });
    for (name, value) in more.as_object().unwrap() {
        message[name] = value.clone();
    }
    message
}

/// Messages up to one that is as wanted, with that.
fn until(live: &mut Live, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut messages = Vec::new();
    loop {
        messages.push(live.event());
        if is_last(messages.last().unwrap()) {
            return messages;
        }
    }
}

fn audio(messages: &[Value], field: &str) -> Vec<u8> {
    messages
        .iter()
        .filter_map(|message| message[field].as_str())
        .flat_map(|data| STANDARD.decode(data).unwrap())
        .collect()
}

// === keys and addresses ===

#[test]
fn keys_are_tokens_where_each_api_has_them_and_are_asked_for_before_the_upgrade() {
    let server = shared();
    let token = |key: &str| format!("Token {key}");
    let offered = |key: &str| format!("token, {key}");
    let own = |name: &'static str, path: &'static str, make: &dyn Fn(&str) -> String| {
        assert_eq!(Live::refused(server, path, &[]), 401, "{path}");
        assert_eq!(Live::refused(server, path, &[(name, &make("wrong"))]), 401, "{path}");
        assert!(Live::connect_to(server, path, &[(name, &make(TOKEN))]).is_ok(), "{path}");
        assert!(Live::connect_to(server, path, &[("authorization", &format!("Bearer {TOKEN}"))]).is_ok(), "{path}");
    };

    own("authorization", DEEPGRAM, &token);
    own("sec-websocket-protocol", DEEPGRAM, &offered);
    own("x-api-key", CARTESIA, &str::to_owned);
    own("xi-api-key", ELEVENLABS, &str::to_owned);
    own("xi-api-key", SEVERAL, &str::to_owned);
    assert!(Live::connect_to(server, &format!("{CARTESIA}&api_key={TOKEN}"), &[]).is_ok());
    assert_eq!(Live::refused(server, &format!("{CARTESIA}&api_key=wrong"), &[]), 401);
    assert_eq!(Live::refused(server, DEEPGRAM, &[("xi-api-key", TOKEN)]), 401);
    assert_eq!(Live::refused(server, "/v1/live", &[("authorization", &token(TOKEN))]), 403);
}

#[test]
fn what_is_wrong_with_an_address_is_told_before_the_upgrade() {
    for (path, status) in [
        ("/v1/speak?model=en_US-nobody-medium", 404),
        ("/v1/speak?encoding=mp3", 400),
        ("/v1/speak?encoding=mulaw&sample_rate=16000", 400),
        ("/v1/speak?sample_rate=1", 400),
        ("/v1/speak?sample_rate=NaN", 400),
        ("/v1/speak?speed=9", 400),
        ("/v1/text-to-speech/en_US-nobody-medium/stream-input", 404),
        ("/v1/text-to-speech/any/multi-stream-input?output_format=midi_44100", 400),
        ("/v1/text-to-speech/any/multi-stream-input?output_format=pcm_1", 400),
        ("/v1/text-to-speech/any/stream-input?enable_ssml_parsing=true", 400),
    ] {
        assert_eq!(Live::refused(shared(), path, &[("user-token", TOKEN)]), status, "{path}");
    }
}

#[test]
fn what_is_not_wanted_is_not_there_and_names_are_the_operators() {
    let server = TestServer::start(&[("TTS_FRONTS", "elevenlabs"), ("TTS_FRONT_VOICES", "nobody=en_US-nobody-medium")]);

    assert_eq!(Live::refused(&server, DEEPGRAM, &[("user-token", TOKEN)]), 404);
    assert_eq!(Live::refused(&server, CARTESIA, &[("user-token", TOKEN)]), 404);
    assert!(Live::connect_to(&server, SEVERAL, &[("xi-api-key", TOKEN)]).is_ok());
    let named = SEVERAL.replace("any", "nobody");
    assert_eq!(Live::refused(&server, &named, &[("xi-api-key", TOKEN)]), 404);
}

// === messages that are none ===

#[test]
fn messages_that_are_none_close_the_connection_with_a_reason() {
    let closed = |path: &str, message: Message, code: &str, closing: u16| {
        let mut live = open(shared(), path);
        live.0.send(message).unwrap();
        let (mut said, mut reason) = (String::new(), 0);
        while reason == 0 {
            match live.next() {
                Message::Text(text) => said = text.to_string(),
                Message::Close(frame) => reason = frame.unwrap().code.into(),
                other => panic!("{other:?}"),
            }
        }
        assert!(reason == closing && said.contains(code), "{path}: {reason} {said}");
    };
    let large = "a".repeat(300 << 10);
    for path in ALL {
        closed(path, Message::text("{"), "invalid_json", 1008);
        closed(path, Message::text("[]"), "invalid_body", 1008);
        closed(path, Message::binary(vec![1, 2, 3]), "binary", 1003);
        closed(path, Message::text(json!({"text": large}).to_string()), "message_too_large", 1009);
    }
    closed(DEEPGRAM, Message::text(r#"{"type": "Sing"}"#), "invalid_body", 1008);
    closed(DEEPGRAM, Message::text(r#"{"type": "Speak", "text": 5}"#), "invalid_body", 1008);
    closed(CARTESIA, Message::text(r#"{"transcript": "a"}"#), "invalid_body", 1008);
    closed(SEVERAL, Message::text(r#"{"text": 5}"#), "invalid_body", 1008);
    assert_eq!(shared().get("/livez").status, 200);
}

// === Deepgram ===

/// What is heard up to a message of this type.
fn heard(live: &mut Live, kind: &str) -> (Vec<u8>, Value) {
    let mut samples = Vec::new();
    loop {
        match live.next() {
            Message::Binary(bytes) => samples.extend_from_slice(&bytes),
            Message::Text(text) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(message["type"], kind, "{message}");
                return (samples, message);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn deepgrams_text_is_spoken_at_a_flush_and_forgotten_at_a_clear() {
    let server = shared();
    let mut live = open(server, DEEPGRAM);
    assert_eq!(heard(&mut live, "Metadata").1["model_name"], "");

    // Out of order: there is nothing to flush or to clear.
    live.act("Flush");
    assert_eq!(heard(&mut live, "Flushed"), (vec![], json!({"type": "Flushed", "sequence_id": 0})));
    live.act("Clear");
    assert_eq!(heard(&mut live, "Cleared").1["sequence_id"], 1);

    for word in TEXT.split_inclusive(' ') {
        live.send(&json!({"type": "Speak", "text": word}));
    }
    live.act("Flush");
    let (said, flushed) = heard(&mut live, "Flushed");
    assert!(said == samples(server, TEXT));
    assert_eq!(flushed["sequence_id"], 2);

    live.send(&json!({"type": "Speak", "text": TEXT}));
    live.act("Close");
    let mut last = Vec::new();
    let code: u16 = loop {
        match live.next() {
            Message::Binary(bytes) => last.extend_from_slice(&bytes),
            Message::Close(frame) => break frame.unwrap().code.into(),
            other => panic!("{other:?}"),
        }
    };
    assert!(last == said);
    assert_eq!(code, 1000);
}

#[test]
fn who_waits_for_a_flush_of_a_text_that_cannot_be_said_waits_no_longer() {
    let server = shared();
    let mut live = open(server, DEEPGRAM);
    heard(&mut live, "Metadata");
    live.send(&json!({"type": "Speak", "text": "Ꭰ"}));

    live.act("Flush");

    assert_eq!(heard(&mut live, "Error").1["code"], "unspeakable_text");
    assert_eq!(heard(&mut live, "Flushed").1["sequence_id"], 0);
    live.send(&json!({"type": "Speak", "text": TEXT}));
    live.act("Flush");
    assert!(heard(&mut live, "Flushed").0 == samples(server, TEXT));
    live.send(&json!({"type": "Speak", "text": "a".repeat(20_001)}));
    assert_eq!(heard(&mut live, "Warning").1["code"], "too_much_text");
}

// === Cartesia ===

#[test]
fn cartesias_texts_go_on_side_by_side_with_their_words() {
    let server = shared();
    let mut live = open(server, CARTESIA);
    for word in TEXT.split_inclusive(' ') {
        live.send(&transcript("a", word, &json!({"continue": true, "add_timestamps": true})));
        live.send(&transcript("b", word, &json!({"continue": true})));
    }
    live.send(&transcript("a", "", &json!({})));
    live.send(&transcript("b", "", &json!({"continue": null})));

    let mut done = 0;
    let mut messages = Vec::new();
    while done < 2 {
        let message = live.event();
        done += usize::from(message["type"] == "done");
        messages.push(message);
    }

    let (first, second): (Vec<Value>, Vec<Value>) =
        messages.into_iter().partition(|message| message["context_id"] == "a");
    let expected = samples(server, TEXT);
    assert!(audio(&first, "data") == expected);
    assert!(audio(&second, "data") == expected);
    let words: Vec<&str> = first
        .iter()
        .filter_map(|message| message["word_timestamps"]["words"].as_array())
        .flatten()
        .map(|word| word.as_str().unwrap())
        .collect();
    assert_eq!(words.join(" "), TEXT);
    assert!(second.iter().all(|message| message["type"] != "timestamps"));
}

#[test]
fn cartesias_messages_out_of_order_are_answered_and_the_session_goes_on() {
    let server = shared();
    let mut live = open(server, CARTESIA);
    let mut refused = |message: Value, code: &str| {
        live.send(&message);
        let answer = live.event();
        assert_eq!((&answer["type"], &answer["error_code"]), (&json!("error"), &json!(code)), "{message}");
        answer
    };

    refused(json!({"context_id": "a", "transcript": "No voice"}), "invalid_value");
    refused(transcript("a", "x", &json!({"voice": {"id": "en_US-nobody-medium"}})), "voice_not_found");
    refused(
        transcript("a", "x", &json!({"output_format": {"container": "mp3", "sample_rate": 44_100}})),
        "invalid_value",
    );
    refused(
        transcript("a", "x", &json!({"output_format": {"container": "raw", "encoding": "pcm_s8"}})),
        "invalid_value",
    );
    refused(transcript("a", "x", &json!({"max_buffer_delay_ms": 60_001})), "invalid_value");
    assert_eq!(refused(transcript(&"x".repeat(129), "x", &json!({})), "invalid_value")["done"], true);
    live.send(&json!({"context_id": "nobody", "cancel": true}));

    // Nothing is written behind the end.
    live.send(&transcript("a", &TEXT.repeat(20), &json!({})));
    live.send(&transcript("a", "More", &json!({})));
    let messages = until(&mut live, |message| message["type"] == "error");
    let error = messages.last().unwrap();
    assert_eq!((&error["error_code"], &error["done"]), (&json!("context_ended"), &json!(false)));
    live.send(&json!({"context_id": "a", "cancel": true}));
    live.send(&transcript("b", TEXT, &json!({})));
    let messages = until(&mut live, |message| message["type"] == "done");
    let last: Vec<Value> = messages.into_iter().filter(|message| message["context_id"] == "b").collect();
    assert!(audio(&last, "data") == samples(server, TEXT));
}

#[test]
fn cartesias_texts_whose_first_message_is_refused_take_no_place() {
    let server = shared();
    let mut live = open(server, CARTESIA);

    // More than may go on at a time.
    for number in 0..40 {
        live.send(&transcript(&format!("refused-{number}"), "none\0", &json!({"continue": number % 2 == 0})));
        let answer = live.event();
        assert_eq!((&answer["type"], &answer["done"]), (&json!("error"), &json!(true)), "{answer}");
    }
    live.send(&transcript("good", TEXT, &json!({})));
    let messages = until(&mut live, |message| message["done"] == true);

    assert!(audio(&messages, "data") == samples(server, TEXT));
}

#[test]
fn cartesias_transcripts_are_marked_where_they_are_flushed() {
    let mut live = open(shared(), CARTESIA);

    live.send(&transcript("a", "No stop here", &json!({"continue": true, "flush": true})));
    let first = until(&mut live, |message| message["type"] == "flush_done");
    live.send(&transcript("a", "nor here", &json!({"continue": true, "max_buffer_delay_ms": 0})));
    let second = until(&mut live, |message| message["type"] == "flush_done");

    assert!(!audio(&first, "data").is_empty() && !audio(&second, "data").is_empty());
    assert_eq!([&first, &second].map(|messages| messages.last().unwrap()["flush_id"].as_u64()), [Some(1), Some(2)]);
}

// === ElevenLabs ===

/// All characters with their times, and how long they are in all, in milliseconds; each message's from where its sound
/// begins.
fn alignment(messages: &[Value]) -> (String, u64) {
    let (mut chars, mut summed, mut played) = (String::new(), 0, 0);
    for message in messages {
        let alignment = &message["alignment"];
        if alignment.is_object() {
            let numbers = |field: &str| -> Vec<u64> {
                alignment[field].as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
            };
            let (starts, durations) = (numbers("charStartTimesMs"), numbers("charDurationsMs"));
            assert!(starts.is_sorted() && starts.len() == durations.len());
            chars.extend(alignment["chars"].as_array().unwrap().iter().map(|char| char.as_str().unwrap()));
            let has_sound = message["audio"] != "";
            assert!(!has_sound || u64::abs_diff(summed, played / 48) <= 2, "{summed} of {}", played / 48);
            summed += starts.last().unwrap() + durations.last().unwrap();
            assert_eq!(message["normalizedAlignment"], *alignment);
        }
        played += STANDARD.decode(message["audio"].as_str().unwrap_or_default()).unwrap().len() as u64;
    }
    (chars, summed)
}

#[test]
fn elevenlabs_characters_have_times_that_add_up_to_the_sound() {
    let server = TestServer::start(&[("TTS_SENTENCE_SILENCE_MS", "250")]);
    let mut live = open(&server, ELEVENLABS);
    live.send(&json!({"text": " ", "voice_settings": {"stability": 0.5, "speed": 1.0}}));
    for word in TEXT.split_inclusive(' ') {
        live.send(&json!({"text": word, "try_trigger_generation": true}));
    }

    live.send(&json!({"text": ""}));

    let messages = until(&mut live, |message| message["isFinal"] == true);
    let sound = audio(&messages, "audio");
    assert!(sound == samples(&server, TEXT));
    let (chars, milliseconds) = alignment(&messages);
    assert_eq!(chars.split_whitespace().collect::<Vec<_>>().join(" "), TEXT);
    assert!(milliseconds.abs_diff(sound.len() as u64 / 48) <= 2, "{milliseconds} of {}", sound.len() / 48);
    assert_eq!(live.closed().1, 1000);
}

#[test]
fn elevenlabs_texts_go_on_side_by_side_and_end_by_themselves() {
    let server = shared();
    let mut live = open(server, SEVERAL);
    // Out of order: signs of life, and ends of what has not begun.
    live.send(&json!({"text": ""}));
    live.send(&json!({"text": "", "context_id": "a"}));
    live.send(&json!({"context_id": "a", "close_context": true}));

    for context in ["a", "b"] {
        live.send(&json!({"text": " ", "context_id": context, "voice_settings": null}));
        live.send(&json!({"text": TEXT, "context_id": context}));
    }
    live.send(&json!({"context_id": "b", "text": "Ꭰ", "flush": true}));
    live.send(&json!({"context_id": "a", "close_context": true}));

    let messages = until(&mut live, |message| message["isFinal"] == true && message["contextId"] == "a");
    let first: Vec<Value> = messages.iter().filter(|message| message["contextId"] == "a").cloned().collect();
    assert!(audio(&first, "audio") == samples(server, TEXT));
    live.send(&json!({"text": "x", "context_id": "x".repeat(129)}));
    live.send(&json!({"close_socket": true}));
    let mut rest = Vec::new();
    let code: u16 = loop {
        match live.next() {
            Message::Text(text) => rest.push(serde_json::from_str::<Value>(&text).unwrap()),
            Message::Close(frame) => break frame.unwrap().code.into(),
            other => panic!("{other:?}"),
        }
    };
    let errors: Vec<&str> = messages.iter().chain(&rest).filter_map(|message| message["error"].as_str()).collect();
    assert!(errors.contains(&"unspeakable_text") && errors.contains(&"invalid_value"), "{errors:?}");
    assert_eq!(code, 1000);
}

#[test]
fn elevenlabs_messages_are_spoken_as_they_are_where_that_is_asked_for() {
    let mut live = open(shared(), &format!("{SEVERAL}&auto_mode=true"));
    live.send(&json!({"text": "No stop here ", "context_id": "a"}));

    let message = live.event();

    assert!(!STANDARD.decode(message["audio"].as_str().unwrap()).unwrap().is_empty(), "{message}");
}
