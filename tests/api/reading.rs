//! How texts are read before they are spoken: `normalize`, its classes and settings, `/v1/normalize`.

use serde_json::{Value, json};

use crate::support::{TestServer, shared};
use crate::{SYNTHESIZE, noiseless, with};

const PHONEMIZE: &str = "/v1/phonemize";
const NORMALIZE: &str = "/v1/normalize";
const TEXT: &str = "Dr. Smith paid $5.20.";
const IN_WORDS: &str = "Doctor Smith paid 5 dollars and 20 cents.";

fn phonemes(server: &TestServer, text: &str, fields: &Value) -> Value {
    server.post_json(PHONEMIZE, &with(&json!({"text": text}), fields)).json()
}

#[test]
fn notation_is_said_in_words_unless_a_request_wants_none() {
    let off = json!({"normalize": false});

    let read = phonemes(shared(), TEXT, &json!({}));

    assert_eq!(read["said"], IN_WORDS);
    assert_eq!(read["sentences"], phonemes(shared(), IN_WORDS, &off)["sentences"]);
    assert_eq!(read["sentences"].as_array().unwrap().len(), 1);
    let as_written = phonemes(shared(), TEXT, &off);
    assert_eq!(as_written["said"], TEXT);
    assert_eq!(as_written["sentences"].as_array().unwrap().len(), 2);
    let switched = phonemes(shared(), TEXT, &json!({"normalize": {"money": false, "symbol": false}}));
    assert!(switched["said"].as_str().unwrap().starts_with("Doctor Smith paid $"), "{switched}");
}

#[test]
fn every_route_reads() {
    let sound = |path: &str, body: Value| shared().post_json(path, &body).sound().samples;
    let said = |path: &str, text: &str| sound(path, noiseless(text, &json!({})));

    assert_eq!(said(SYNTHESIZE, TEXT), said(SYNTHESIZE, IN_WORDS));
    let openai = |fields: Value| {
        let body = json!({"input": TEXT, "response_format": "wav", "noise_scale": 0, "noise_w": 0, "stream": false});
        sound("/v1/audio/speech", with(&body, &fields))
    };
    assert_eq!(openai(json!({})), said(SYNTHESIZE, IN_WORDS));
    let off = noiseless(TEXT, &json!({"normalize": false}));
    assert_eq!(openai(json!({"normalize": false})), sound(SYNTHESIZE, off));
}

#[test]
fn the_operator_switches_for_all() {
    let server = TestServer::start(&[
        ("TTS_NORMALIZE", "false"),
        ("TTS_NORMALIZE_OFF", "abbreviation"),
        ("TTS_RAW_PHONEMES", "false"),
        ("TTS_SPEED", "1.25"),
        ("TTS_SENTENCE_SILENCE_MS", "300"),
        ("TTS_PARAGRAPH_SILENCE_MS", "700"),
    ]);
    let said = |text: &str, fields: Value| phonemes(&server, text, &fields)["said"].clone();

    assert_eq!(said(TEXT, json!({})), TEXT);
    assert_eq!(said(TEXT, json!({"normalize": true})), "Dr. Smith paid 5 dollars and 20 cents.");
    assert_eq!(phonemes(&server, "Hi [[ tˈɪm ]].", &json!({}))["sentences"][0]["missing"], json!([]));
    assert_ne!(
        phonemes(&server, "Hi [[ tˈɪm ]].", &json!({}))["sentences"],
        phonemes(&server, "Hi [[ tˈɪm ]].", &json!({"raw_phonemes": true}))["sentences"]
    );
    let samples = |server: &TestServer, text: &str, fields: Value| {
        server.post_json(SYNTHESIZE, &noiseless(text, &fields)).sound().samples
    };
    let same = json!({"speed": 1.25, "sentence_silence_ms": 300});
    assert_eq!(samples(&server, "One. Two.", json!({})), samples(shared(), "One. Two.", same.clone()));
    // Paragraphs are sentences, too.
    let paragraphs = samples(&server, "One.\n\nTwo.", json!({}));
    assert_eq!(
        paragraphs.len(),
        samples(shared(), "One. Two.", with(&same, &json!({"sentence_silence_ms": 1_000}))).len()
    );
}

#[test]
fn markdown_is_read_as_that() {
    let text = "# Plan\n\nMilk and\n**Eggs**";
    let said = |fields: Value| phonemes(shared(), text, &fields)["said"].clone();

    assert_eq!(said(json!({"text_type": "markdown"})), "Plan.\n\nMilk and\nEggs");
    assert_eq!(said(json!({"text_type": "markdown", "normalize": false})), "Plan.\n\nMilk and\nEggs");
    assert_eq!(said(json!({"normalize": false})), text);
}

#[test]
fn what_will_be_said_is_shown_token_by_token() {
    let answer = shared().post_json(NORMALIZE, &json!({"text": "Süß: **$5** now", "lexicon": {"now": "soon"}})).json();

    assert_eq!(answer["said"], "Süß: 5 dollars soon");
    assert_eq!(answer["language"], "en-us");
    let token = |written: &str, said: &str, class: &str, start: usize, end: usize| json!({"written": written, "said": said, "class": class, "start_char": start, "end_char": end});
    let expected = json!([
        token("Süß:", "Süß:", "plain", 0, 4),
        token("**", "", "markup", 5, 7),
        token("$5", "5 dollars", "money", 7, 9),
        token("**", "", "markup", 9, 11),
        token("now", "soon", "given", 12, 15),
    ]);
    assert_eq!(answer["tokens"], expected);
}

#[test]
fn switches_that_are_none_are_refused() {
    for normalize in [json!("yes"), json!(1), json!({"roman": 1}), json!({"poem": false})] {
        let answer = shared().post_json(SYNTHESIZE, &noiseless("Hi.", &json!({"normalize": normalize})));
        answer.assert_error(422, "invalid_body", Some("normalize"));
    }
}

#[test]
fn times_and_subtitles_are_those_of_what_was_written() {
    let text = "## Prices\n\n- **Tea** for $5.20\n- Dr. J. R. Hale's 2 kg";
    let body = noiseless(text, &json!({"subtitles": "srt"}));
    let answer = shared().post_json("/v1/synthesizeSpeech/timestamps", &body).json();

    let words: Vec<&str> =
        answer["words"].as_array().unwrap().iter().map(|word| word["text"].as_str().unwrap()).collect();
    assert_eq!(words, ["Prices", "Tea", "for", "$5.20", "Dr.", "J. R.", "Hale's", "2 kg"]);
    let chars: Vec<char> = text.chars().collect();
    let mut reached = 0;
    for word in answer["words"].as_array().unwrap() {
        let (start, end) = (word["start_char"].as_u64().unwrap() as usize, word["end_char"].as_u64().unwrap() as usize);
        assert_eq!(chars[start..end].iter().collect::<String>(), word["text"].as_str().unwrap());
        assert!(reached <= start, "{word}");
        reached = end;
    }
    let lines: Vec<&str> = answer["subtitles"].as_str().unwrap().lines().collect();
    let shown: Vec<&str> = lines.into_iter().filter(|line| line.contains(char::is_alphabetic)).collect();
    assert_eq!(shown, ["Prices", "Tea for $5.20", "Dr. J. R. Hale's 2 kg"]);
}
