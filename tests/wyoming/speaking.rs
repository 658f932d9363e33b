//! What is said, and in which order.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::client::{Wyoming, shared, start, until_nobody_is_there, whole};
use crate::support::{ModelsFolder, VOICE};

const UTTERANCE: [&str; 2] = ["audio-start", "audio-stop"];
const STREAM: [&str; 3] = ["audio-start", "audio-stop", "synthesize-stopped"];
const TEXT: &str =
    "It rained all day, and nobody came. Was it late? He paid $5.20 at 5 p.m. Eastern time. The **last** one left";

#[test]
fn a_text_is_one_sound_with_the_samples_of_the_same_text_over_http() {
    let server = shared();
    let mut wyoming = Wyoming::connect(server);
    let samples = whole(server, &json!({"text": TEXT}));

    wyoming.synthesize(TEXT);
    let heard = wyoming.until("audio-stop");

    assert!(heard.samples == samples, "{} bytes and not {}", heard.samples.len(), samples.len());
    assert_eq!(heard.kinds(), UTTERANCE);
    assert_eq!(heard.events[0].data, json!({"rate": 22_050, "width": 2, "channels": 1, "timestamp": 0}));
    let milliseconds = samples.len() as u64 / 2 * 1_000 / 22_050;
    assert_eq!(heard.events[1].data, json!({"timestamp": milliseconds}));
    assert!(heard.chunks >= samples.len() / 4_096);
}

#[test]
fn a_text_in_chunks_is_the_same_sound_and_its_repetition_is_passed_over() {
    let server = shared();
    let samples = whole(server, &json!({"text": TEXT}));
    for length in [1, 7, 1_000] {
        let mut wyoming = Wyoming::connect(server);
        wyoming.start(&json!({"voice": {"name": VOICE}}));
        let letters: Vec<char> = TEXT.chars().collect();
        for chunk in letters.chunks(length) {
            wyoming.chunk(&chunk.iter().collect::<String>());
        }
        wyoming.synthesize(TEXT);
        wyoming.stop();

        let heard = wyoming.until("synthesize-stopped");

        assert!(heard.samples == samples, "{} bytes and not {}", heard.samples.len(), samples.len());
        assert_eq!(heard.kinds(), STREAM);
        wyoming.goes_on();
    }
}

#[test]
fn a_sentence_is_heard_while_the_next_one_is_written() {
    let server = shared();
    let mut wyoming = Wyoming::connect(server);
    wyoming.start(&json!({}));
    wyoming.chunk("The first sentence is over. The second");

    let first = wyoming.until("audio-start");
    wyoming.chunk(" goes on.");
    wyoming.stop();
    let rest = wyoming.until("synthesize-stopped");

    assert_eq!(first.chunks, 0);
    assert_eq!(rest.kinds(), ["audio-stop", "synthesize-stopped"]);
    let text = "The first sentence is over. The second goes on.";
    assert!(rest.samples == whole(server, &json!({"text": text})));
}

#[test]
fn documents_in_ssml_are_spoken_whole_or_from_chunks() {
    let server = shared();
    let document = "<speak>One. <break time=\"300ms\"/> <prosody rate=\"fast\">Two.</prosody></speak>";
    let samples = whole(server, &json!({"text": document, "text_type": "ssml"}));
    let mut wyoming = Wyoming::connect(server);

    wyoming.send("synthesize", &json!({"text": document, "text_format": "ssml"}));
    assert!(wyoming.until("audio-stop").samples == samples);
    wyoming.start(&json!({"text_format": "ssml"}));
    let (first, second) = document.split_at(20);
    wyoming.chunk(first);
    wyoming.chunk(second);
    wyoming.send("synthesize", &json!({"text": document, "text_format": "ssml"}));
    wyoming.stop();
    let heard = wyoming.until("synthesize-stopped");

    assert!(heard.samples == samples);
    assert_eq!(heard.kinds(), STREAM);
}

#[test]
fn texts_are_said_one_after_the_other_and_questions_answered_meanwhile() {
    let server = shared();
    let mut wyoming = Wyoming::connect(server);
    wyoming.synthesize("The first one.");
    wyoming.send("ping", &json!({}));
    wyoming.synthesize("The second one.");
    wyoming.start(&json!({}));
    wyoming.chunk("The third one.");
    wyoming.stop();

    let heard = wyoming.until("synthesize-stopped");

    let kinds: Vec<&str> = heard.kinds().into_iter().filter(|kind| *kind != "pong").collect();
    assert_eq!(kinds, [&UTTERANCE[..], &UTTERANCE, &STREAM].concat());
    let texts = ["The first one.", "The second one.", "The third one."];
    let samples = texts.map(|text| whole(server, &json!({"text": text}))).concat();
    assert!(heard.samples == samples);
    let pong = heard.events.iter().find(|event| event.kind == "pong").unwrap();
    assert_eq!(pong.data, json!({"text": null}));
}

#[test]
fn a_text_without_words_is_no_sound_and_its_end_is_told() {
    let mut wyoming = Wyoming::connect(shared());
    wyoming.start(&json!({}));
    wyoming.chunk(" \n");
    wyoming.synthesize(" \n");
    wyoming.stop();

    assert_eq!(wyoming.until("synthesize-stopped").kinds(), ["synthesize-stopped"]);
}

#[test]
fn it_is_told_which_voices_there_are() {
    let mut wyoming = Wyoming::connect(shared());

    wyoming.send("describe", &json!({}));
    let info = wyoming.until("info").events.remove(0).data;

    let program = &info["tts"][0];
    assert_eq!(program["installed"], true);
    assert_eq!(program["supports_synthesize_streaming"], true);
    let voices = program["voices"].as_array().unwrap();
    assert_eq!(voices.len(), 1);
    assert_eq!(
        (&voices[0]["name"], &voices[0]["languages"], &voices[0]["description"], &voices[0]["installed"]),
        (&json!(VOICE), &json!(["en_US"]), &json!("joe (medium)"), &json!(true))
    );
    for nothing in ["asr", "handle", "intent", "wake", "mic", "snd"] {
        assert_eq!(info[nothing], json!([]), "{nothing}");
    }
}

#[test]
fn voices_are_listed_with_speakers_and_chosen_by_name_speaker_and_language() {
    const SPEAKERS: &str = "de_DE-both-low";
    let folder = ModelsFolder::with_copies(&[VOICE]);
    folder.add_fixture("speakers", SPEAKERS);
    let variables = [("TTS_MODELS_DIR", folder.name()), ("TTS_VOICES", "*"), ("TTS_DEFAULT_VOICE", VOICE)];
    let server = start(&variables);
    let mut wyoming = Wyoming::connect(&server);
    wyoming.send("describe", &json!({}));
    let info = wyoming.until("info").events.remove(0).data;
    let voices = info["tts"][0]["voices"].as_array().unwrap();
    let names: Vec<&Value> = voices.iter().map(|voice| &voice["name"]).collect();
    assert_eq!(names, [&json!(VOICE), &json!(SPEAKERS)], "that of callers who name none comes first");
    let speakers: Vec<&str> =
        voices[1]["speakers"].as_array().unwrap().iter().map(|speaker| speaker["name"].as_str().unwrap()).collect();
    assert!(speakers.len() > 1);

    let mut spoken = |voice: &Value| {
        wyoming.send("synthesize", &json!({"text": "Who is this?", "voice": voice}));
        wyoming.until("audio-stop").samples
    };

    let over_http = |voice: &str| whole(&server, &json!({"text": "Who is this?", "voice_id": voice}));
    let default = over_http(VOICE);
    for voice in [json!({"name": VOICE}), json!({"language": "en_GB"}), json!(null), json!({})] {
        assert!(spoken(&voice) == default, "{voice}");
    }
    for speaker in &speakers {
        let other = spoken(&json!({"name": SPEAKERS, "speaker": speaker}));
        assert!(other == over_http(&format!("{SPEAKERS}#{speaker}")), "{speaker}");
    }
    assert!(spoken(&json!({"language": "de-AT"})) == over_http(SPEAKERS));
}

#[test]
fn what_cannot_be_said_is_told_and_ends_what_waits_for_it() {
    let refusals = [
        (json!({"text": "a", "voice": {"name": "xx_XX-none-low"}}), "voice_not_found"),
        (json!({"text": "a", "voice": {"name": "../x"}}), "voice_not_found"),
        (json!({"text": "a", "voice": {"name": VOICE, "speaker": "anna"}}), "speaker_not_found"),
        (json!({"text": "a", "voice": {"language": "xx"}}), "language_not_found"),
        (json!({"text": "a", "text_format": "tape"}), "invalid_value"),
        (json!({"text": " "}), "invalid_text"),
        (json!({"text": "a\u{0}"}), "invalid_text"),
        (json!({"text": "Ꭰ"}), "unspeakable_text"),
        (json!({"text": "<speak>", "text_format": "ssml"}), "invalid_ssml"),
    ];
    for (data, code) in refusals {
        // Whoever waits for the sound of a text learns that there is none from the end of the connection.
        let mut wyoming = Wyoming::connect(shared());
        wyoming.send("synthesize", &data);
        wyoming.is_refused(code);
        wyoming.is_closed();

        let mut wyoming = Wyoming::connect(shared());
        wyoming.start(&data);
        wyoming.chunk(data["text"].as_str().unwrap());
        wyoming.send("synthesize", &data);
        wyoming.stop();
        if data["text"] != " " {
            wyoming.is_refused(code);
        }
        assert_eq!(wyoming.until("synthesize-stopped").kinds(), ["synthesize-stopped"], "{code}");
        // The next text is spoken.
        wyoming.synthesize("Well");
        wyoming.until("audio-stop");
    }
}

#[test]
fn a_stream_that_fails_behind_its_first_sentence_has_its_sound_ended() {
    let mut wyoming = Wyoming::connect(shared());
    wyoming.start(&json!({}));
    wyoming.chunk("The first sentence is over. Then it");
    wyoming.until("audio-start");

    wyoming.chunk(" \u{0}");

    assert_eq!(wyoming.until("synthesize-stopped").kinds(), ["error", "audio-stop", "synthesize-stopped"]);
    wyoming.goes_on();
}

#[test]
fn who_leaves_frees_the_workers() {
    let server = start(&[]);
    let mut wyoming = Wyoming::connect(&server);
    wyoming.synthesize(&"Nobody listens to this sentence any more. ".repeat(100));
    wyoming.until("audio-start");

    drop(wyoming);

    until_nobody_is_there(&server);
    assert_eq!(server.metric("tts_queue_depth"), 0.0);
}

#[test]
fn when_the_service_stops_sentences_are_finished_and_connections_closed() {
    let server = start(&[]);
    let mut idle = Wyoming::connect(&server);
    idle.goes_on();
    let (mut streaming, mut whole_text) = (Wyoming::connect(&server), Wyoming::connect(&server));
    streaming.start(&json!({}));
    streaming.chunk("The first sentence is rather long, so that it lasts. And the second");
    streaming.until("audio-start");
    whole_text.synthesize(TEXT);
    let begun = whole_text.until("audio-start");
    assert_eq!(begun.chunks, 0);

    server.signal(Signal::SIGTERM);

    let stopped = streaming.until("synthesize-stopped");
    assert_eq!(stopped.kinds(), ["audio-stop", "synthesize-stopped"]);
    streaming.is_closed();
    whole_text.until("audio-stop");
    whole_text.is_closed();
    idle.is_closed();
    assert!(server.wait().success());
}

#[test]
fn what_outlasts_the_time_to_drain_is_cut_with_a_word() {
    let server = start(&[("TTS_DRAIN_TIMEOUT_MS", "0")]);
    let mut wyoming = Wyoming::connect(&server);
    wyoming.synthesize(&TEXT.repeat(20));
    wyoming.until("audio-start");

    server.signal(Signal::SIGTERM);

    let cut = wyoming.until("error");
    assert_eq!(cut.events.last().unwrap().data["code"], "stopping");
    wyoming.is_closed();
    assert_eq!(server.wait().code(), Some(1));
}

#[test]
fn what_is_said_stands_in_no_log() {
    let server = start(&[("TTS_LOG_LEVEL", "trace")]);
    let mut wyoming = Wyoming::connect(&server);
    wyoming.synthesize("Dodos were large birds.");
    wyoming.until("audio-stop");
    wyoming.start(&json!({"voice": {"name": "dodo"}}));
    wyoming.chunk("dodo");
    wyoming.stop();
    wyoming.until("synthesize-stopped");
    wyoming.send_raw(b"dodo\n");
    wyoming.until("error");

    let log = server.stop();

    assert!(log.iter().any(|line| line.contains("Wyoming has no tokens")));
    assert!(!log.iter().any(|line| line.to_lowercase().contains("dodo")), "{log:#?}");
}
