//! `POST /v1/synthesizeSpeech/timestamps`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Answer, Sound, TestServer, shared};
use crate::{SYNTHESIZE, noiseless};

const TIMESTAMPS: &str = "/v1/synthesizeSpeech/timestamps";

/// Sentences with silence between them. Few begin with a plosive: its closure is part of the word, but not to be heard.
const PAUSED: [&str; 20] = [
    "Stop. Now please wait.",
    "Good evening, everybody. Tonight we begin.",
    "Your order has left. Thank you.",
    "Take the next exit. Keep left.",
    "It is ten o'clock. Time to go.",
    "Say one for sales. Say two for support.",
    "Doctor Brown is in. Dogs bark.",
    "She sells sea shells. Peter picked peppers.",
    "The bridge is closed. Turn around.",
    "Battery low. Charge now.",
    "Breathe in. Breathe out.",
    "Chapter one. Call me Ishmael.",
    "Ready. Set. Go.",
    "Door open. Door closed.",
    "Two eggs. Ten cups of tea.",
    "Can you hear me? Tell me.",
    "Careful! Deep water.",
    "Paris is in France. Tokyo is in Japan.",
    "Buy twenty-five cards. Pay tomorrow.",
    "Done. Total: $5.20.",
];

fn timed(server: &TestServer, body: &Value) -> Value {
    let answer = server.post_json(TIMESTAMPS, body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn sound(answer: &Value) -> Sound {
    Sound::of_wav(&STANDARD.decode(answer["audio_base64"].as_str().unwrap()).unwrap())
}

fn spans(answer: &Value, kind: &str) -> Vec<(f64, f64)> {
    let all = answer[kind].as_array().unwrap().iter();
    all.map(|one| (one["start"].as_f64().unwrap(), one["end"].as_f64().unwrap())).collect()
}

fn texts<'a>(answer: &'a Value, kind: &str) -> Vec<&'a str> {
    answer[kind].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect()
}

/// Seconds at which sound begins after at least `quiet` seconds of near silence, the beginning included.
fn onsets(sound: &Sound, quiet: f64) -> Vec<f64> {
    let step = sound.sample_rate as usize / 200;
    let level = |window: &[i16]| {
        (window.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / window.len() as f64).sqrt()
    };
    let levels: Vec<f64> = sound.samples.chunks(step).map(level).collect();
    let threshold = levels.iter().fold(0.0, |most: f64, level| most.max(*level)) * 0.04;
    let mut onsets = Vec::new();
    let mut silent = usize::MAX / 2;
    for (at, level) in levels.iter().enumerate() {
        if *level < threshold {
            silent += 1;
        } else {
            if silent as f64 * 0.005 >= quiet {
                onsets.push(at as f64 * 0.005);
            }
            silent = 0;
        }
    }
    onsets
}

#[test]
fn words_begin_where_the_sound_does_after_a_pause() {
    let mut late = Vec::new();
    for text in PAUSED {
        let answer = timed(shared(), &noiseless(text, &json!({"sentence_silence_ms": 300, "normalize": false})));

        let starts: Vec<f64> = spans(&answer, "words").into_iter().map(|(start, _)| start).collect();
        let heard = onsets(&sound(&answer), 0.2);
        assert!(heard.len() >= spans(&answer, "sentences").len(), "{text}: {heard:?}");
        let nearest = |heard: f64| starts.iter().map(|start| heard - start).min_by(|a, b| a.abs().total_cmp(&b.abs()));
        late.extend(heard.into_iter().map(|heard| (nearest(heard).unwrap(), text)));
    }

    let wrong: Vec<_> = late.iter().filter(|(late, _)| late.abs() > 0.03).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}: {wrong:?}; all: {:?}",
        wrong.len(),
        late.len(),
        late.iter().map(|(late, _)| (late * 1000.0).round()).collect::<Vec<_>>()
    );
}

#[test]
fn the_audio_is_what_the_other_route_gives() {
    for fields in [json!({}), json!({"response_format": "pcm", "sample_rate": 16_000, "sentence_silence_ms": 250})] {
        let body = noiseless("Same sound. Another route.", &fields);

        let answer = timed(shared(), &body);

        let audio = STANDARD.decode(answer["audio_base64"].as_str().unwrap()).unwrap();
        assert_eq!(audio, shared().post_json(SYNTHESIZE, &body).body);
    }
}

#[test]
fn sentences_words_and_phonemes_lie_in_order_in_the_audio_and_in_the_text() {
    let text = "Café “Zoë” has 25 seats, of the 1,000 planned.  Isn't that — well — $5.20? Yes!";

    let answer = timed(shared(), &noiseless(text, &json!({"sentence_silence_ms": 100})));

    let chars: Vec<char> = text.chars().collect();
    for kind in ["sentences", "words", "phonemes"] {
        let mut reached = (0.0, 0);
        for one in answer[kind].as_array().unwrap() {
            let [start, end] = ["start", "end"].map(|key| one[key].as_f64().unwrap());
            assert!(reached.0 <= start && start <= end, "{kind}: {one}");
            reached.0 = end;
            let (Some(from), Some(to)) = (one["start_char"].as_u64(), one["end_char"].as_u64()) else { continue };
            let place = &chars[from as usize..to as usize];
            assert!(reached.1 <= from && from < to, "{kind}: {one}");
            if kind != "phonemes" {
                assert_eq!(place.iter().collect::<String>(), one["text"].as_str().unwrap());
                reached.1 = to;
            }
        }
        assert!(reached.0 <= answer["duration"].as_f64().unwrap() + 1e-4);
    }
    assert_eq!(
        texts(&answer, "words"),
        ["Café", "Zoë", "has", "25", "seats", "of", "the", "1,000", "planned", "Isn't", "that", "well", "$5.20", "Yes"]
    );
    assert_eq!(
        texts(&answer, "sentences"),
        ["Café “Zoë” has 25 seats, of the 1,000 planned.", "Isn't that — well — $5.20?", "Yes!"]
    );
    assert!(spans(&answer, "words").iter().all(|(start, end)| end - start > 0.03), "{answer}");
}

#[test]
fn speech_that_was_kept_is_timed_as_it_was_made() {
    let server = TestServer::start(&[]);
    let body = json!({"text": "Made once. Timed twice."});

    let cold: Answer = server.post_json(TIMESTAMPS, &body);
    let warm = server.post_json(TIMESTAMPS, &body);

    assert_eq!((cold.header("x-cache"), warm.header("x-cache")), ("MISS", "HIT-L1"));
    assert_eq!(warm.body, cold.body);
}

#[test]
fn slow_speech_takes_longer_for_each_word() {
    let at = |speed: f64| spans(&timed(shared(), &noiseless("Slow and steady.", &json!({"speed": speed}))), "words");

    let (slow, plain) = (at(0.5), at(1.0));

    assert_eq!(slow.len(), 3);
    assert!(
        slow.iter().zip(&plain).all(|(slow, plain)| slow.1 - slow.0 > 1.5 * (plain.1 - plain.0)),
        "{slow:?} {plain:?}"
    );
}

#[test]
fn subtitles_come_with_the_audio_or_alone() {
    let body = noiseless("Salt & pepper. That is all there is.", &json!({"subtitles": "srt"}));

    let with_audio = timed(shared(), &body);
    let alone = shared()
        .request(reqwest::Method::POST, TIMESTAMPS)
        .header("user-token", crate::support::TOKEN)
        .header("accept", "text/vtt");
    let alone = Answer::of(alone.json(&noiseless("Salt & pepper. That is all there is.", &json!({}))).send().unwrap());

    let srt = with_audio["subtitles"].as_str().unwrap();
    assert!(
        srt.starts_with("1\n00:00:00,") && srt.contains(" --> 00:00:0") && srt.contains("\nSalt & pepper.\n\n2\n"),
        "{srt}"
    );
    assert_eq!(alone.header("content-type"), "text/vtt; charset=utf-8");
    let vtt = alone.text();
    assert!(vtt.starts_with("WEBVTT\n\n00:00:00.") && vtt.contains("\nSalt &amp; pepper.\n\n"), "{vtt}");
    // As in the audio.
    let ends: f64 = spans(&with_audio, "words").last().unwrap().1;
    assert!(
        vtt.contains(&format!("{:06.3}\nThat is all there is.", (ends * 1000.0).round() / 1000.0)),
        "{ends}: {vtt}"
    );
}

#[test]
fn what_is_wrong_is_named() {
    let post = |fields: Value| shared().post_json(TIMESTAMPS, &noiseless("Wrong.", &fields));

    post(json!({"subtitles": "ass"})).assert_error(400, "invalid_value", Some("subtitles"));
    post(json!({"stream": true, "subtitles": "srt"})).assert_error(400, "invalid_value", Some("stream"));
    post(json!({"tempo": 1})).assert_error(422, "invalid_body", Some("tempo"));
    shared().post_json(SYNTHESIZE, &noiseless("Wrong.", &json!({"subtitles": "srt"}))).assert_error(
        400,
        "invalid_value",
        Some("subtitles"),
    );
}

/// The parts of a streamed answer, and what it was sent as.
fn streamed(body: &Value, accept: Option<&str>) -> (String, Vec<Value>) {
    let mut request = shared().post(TIMESTAMPS).json(&crate::with(body, &json!({"stream": true})));
    if let Some(accept) = accept {
        request = request.header("accept", accept);
    }
    let answer = Answer::of(request.send().unwrap());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let content_type = answer.header("content-type").to_owned();
    let (before, after) = if content_type == "text/event-stream" { ("data: ", "\n\n") } else { ("", "\n") };
    let parts = answer.text().trim_end_matches('\n').split(after);
    let parts = parts.map(|part| serde_json::from_str(part.strip_prefix(before).unwrap()).unwrap());
    (content_type, parts.collect())
}

#[test]
fn what_is_streamed_is_together_what_the_whole_answer_holds() {
    let document = "<speak><mark name=\"a\"/>It cost $5.20. <p>Was it <mark name=\"b\"/> Größe?</p><break time=\"200ms\"/> \
                    <prosody rate=\"fast\">The last one.</prosody><mark name=\"c\"/></speak>";
    let plain =
        "It rained all day, and nobody came. Was it late? He paid $5.20 at 5 p.m. Eastern time. “Größe” is a word.";
    for (text, kind) in [(plain, "plain"), (document, "ssml")] {
        let body = json!({"text": text, "text_type": kind, "response_format": "pcm"});
        let whole = timed(shared(), &body);
        for (accept, sent_as) in [
            (None, "text/event-stream"),
            (Some("text/event-stream"), "text/event-stream"),
            (Some("application/x-ndjson"), "application/x-ndjson"),
        ] {
            let (content_type, parts) = streamed(&body, accept);

            assert_eq!(content_type, sent_as);
            let [begin, parts @ .., end] = &parts[..] else { panic!("{parts:?}") };
            assert_eq!(*begin, json!({"type": "begin", "format": "pcm", "sample_rate": 22050}));
            assert!(parts.len() > 1 && parts.iter().all(|part| part["type"] == "part"));
            assert_eq!(*end, json!({"type": "end", "duration": whole["duration"], "marks": whole["marks"]}));
            for field in ["sentences", "words", "phonemes"] {
                let all: Vec<&Value> = parts.iter().flat_map(|part| part[field].as_array().unwrap()).collect();
                assert_eq!(json!(all), whole[field], "{field} of {kind}");
            }
            let audio = |part: &Value| STANDARD.decode(part["audio_base64"].as_str().unwrap()).unwrap();
            let all: Vec<u8> = parts.iter().flat_map(audio).collect();
            assert!(all == audio(&whole), "{} bytes", all.len());
        }
    }
}

#[test]
fn words_are_told_with_the_sound_that_they_begin_in() {
    let text = "The first sentence is here. The second one is behind it. And this is the third.";
    let (_, parts) = streamed(&json!({"text": text, "response_format": "pcm"}), None);

    let (mut seconds, mut sentences) = (0.0, 0);
    for part in parts.iter().filter(|part| part["type"] == "part") {
        let audio = STANDARD.decode(part["audio_base64"].as_str().unwrap()).unwrap();
        let end = seconds + audio.len() as f64 / 2.0 / 22_050.0;
        for sentence in part["sentences"].as_array().unwrap() {
            let start = sentence["start"].as_f64().unwrap();
            assert!((seconds - 1e-3..end + 1e-3).contains(&start), "{start} in {seconds} to {end}");
            sentences += 1;
        }
        seconds = end;
    }
    assert_eq!(sentences, 3);
}

#[test]
fn what_fails_before_its_first_part_is_a_clean_error() {
    let answer = shared().post_json(TIMESTAMPS, &json!({"text": "Ꭰ", "stream": true}));

    answer.assert_error(422, "unspeakable_text", Some("text"));
}
