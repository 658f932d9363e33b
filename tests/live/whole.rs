//! However a text comes, what is said is what the same text says that is sent whole.

use serde_json::{Value, json};

use crate::client::{Live, whole};
use crate::support::{TestServer, shared};

/// What texts are made of. Some end no sentence where it looks as if they did, some end one where it does not.
const PIECES: [&str; 36] = [
    "It rained. ",
    "It rained all day. ",
    "Was it late? ",
    "Go home! ",
    "Dr. Smith came. ",
    "Mr. and Mrs. Hale left. ",
    "J. R. Smith met Prof. Jones. ",
    "St. Paul is in Minn. Nobody knows. ",
    "He paid $5.20. She paid 3. ",
    "At 5 p.m. Eastern time. ",
    "The U.S. Army left. ",
    "See fig. 3. It helps. ",
    "In 2024. Then it ended. ",
    "e.g. this one, i.e. that one. ",
    "“It is late.” He left. ",
    "\"Stop it.\" \"No.\" ",
    "(He was late. She was not.) ",
    "Wait... What? ",
    "Wait… Why? ",
    "No 5. Yes 6. ",
    "Version 2.0 is out. ",
    "Ask nginx.org. Now. ",
    "Yes; no: so, then — perhaps. ",
    "This is **bold. Very** so. ",
    "Some *words. Here* too. ",
    "Look at `a. B` there. ",
    "See [this. One](there) now. ",
    "[[ təmˈɑːtoʊ ]]. Tomato. ",
    "\n\n# A heading\n\nThen text. ",
    "\n- One\n- Two. Three\n\n",
    "\n1. Mix it.\n2. Bake it.\n\n",
    "\n\nA short line\n\n",
    "A line that\nis broken. And\nbroken again. ",
    "\n| a | b |\n|---|---|\n| c | d |\n\n",
    "\n```\nlet a = b. C;\n```\n",
    "No stop at all ",
];

/// Numbers below a bound, the same in each run (Knuth's generator).
fn random() -> impl FnMut(usize) -> usize {
    let mut state: u64 = 21;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

/// The samples of a text that comes in pieces of 1 to 20 characters.
fn in_pieces(live: &mut Live, text: &str, random: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    live.send(&json!({"type": "start", "response_format": "pcm"}));
    let mut rest: Vec<char> = text.chars().collect();
    while !rest.is_empty() {
        let piece: String = rest.drain(..(1 + random(20)).min(rest.len())).collect();
        live.say(&piece);
    }
    live.act("end");
    live.until("ended").audio
}

fn is_the_same(server: &TestServer, live: &mut Live, text: &str, random: &mut impl FnMut(usize) -> usize) {
    let whole = whole(server, &json!({"text": text, "response_format": "pcm"}));

    let samples = in_pieces(live, text, random);

    assert!(samples == whole, "{} bytes and not {}: {text:?}", samples.len(), whole.len());
}

/// How many texts; a machine with time makes more.
fn texts() -> usize {
    std::env::var("TTS_TEST_LIVE_TEXTS").map_or(30, |count| count.parse().unwrap())
}

#[test]
fn texts_in_pieces_say_bit_for_bit_what_they_say_whole() {
    let (server, mut random) = (shared(), random());
    let mut live = Live::connect(server);
    for piece in PIECES {
        is_the_same(server, &mut live, piece, &mut random);
    }

    for _ in 0..texts() {
        let text: String = (0..2 + random(7)).map(|_| PIECES[random(PIECES.len())]).collect();

        is_the_same(server, &mut live, &text, &mut random);
    }
}

#[test]
fn paragraphs_and_sentences_stand_apart_as_they_do_in_the_whole() {
    let server = TestServer::start(&[("TTS_PARAGRAPH_SILENCE_MS", "300"), ("TTS_SENTENCE_SILENCE_MS", "50")]);
    let (mut live, mut random) = (Live::connect(&server), random());
    for text in [
        "It rained. It was late.\n\nNobody came. Nobody left.\n\n\nThat was all.",
        "\n\nNo stop here\n\n- One\n- Two. Three\n\nAnd then?\n\n",
        "It was \n\nlate. It\n\nrained.",
    ] {
        is_the_same(&server, &mut live, text, &mut random);
    }
}

#[test]
fn a_sentence_is_in_the_cache_as_if_it_had_been_sent_alone() {
    let server = shared();
    let mut live = Live::connect(server);
    live.send(&json!({"type": "start", "response_format": "pcm"}));
    live.say("Nobody has asked for this before. And this is not complete");
    live.until("audio");

    live.act("clear");
    live.until("cleared");
    live.say("What was cleared is forgotten. ");
    live.act("flush");
    live.until("flushed");

    let before = server.sentences();
    whole(server, &json!({"text": "What was cleared is forgotten."}));
    assert_eq!(server.sentences(), before);
}

#[test]
fn each_format_is_as_a_stream_over_http() {
    let server = shared();
    for (format, rate) in [
        ("wav", None),
        ("pcm", Some(8_000)),
        ("flac", None),
        ("opus", None),
        ("mp3", Some(24_000)),
        ("aac", None),
        ("mulaw", None),
        ("alaw", Some(8_000)),
    ] {
        let mut fields = json!({"response_format": format});
        if let Some(rate) = rate {
            fields["sample_rate"] = rate.into();
        }
        let with = |name: &str, value: Value| {
            let mut fields = fields.clone();
            fields[name] = value;
            fields
        };
        let mut streamed = with("text", "It was late. Then it rained.".into());
        streamed["stream"] = true.into();
        let whole = whole(server, &streamed);
        let mut live = Live::connect(server);
        live.send(&with("type", "start".into()));

        live.say("It was late. Th");
        live.say("en it rained.");
        live.act("end");

        let heard = live.until("ended");
        assert!(heard.audio == whole, "{format}");
        assert_eq!(heard.of("audio")[0]["format"], format);
    }
}
