//! SSML: `text_type: "ssml"` on the routes of speech.

use serde_json::{Value, json};

use crate::support::{Answer, VOICE, shared};
use crate::{SYNTHESIZE, noiseless};

const TIMESTAMPS: &str = "/v1/synthesizeSpeech/timestamps";

fn speak(document: &str) -> Answer {
    shared().post_json(SYNTHESIZE, &noiseless(document, &json!({"text_type": "ssml"})))
}

fn plain(text: &str, fields: &Value) -> Answer {
    shared().post_json(SYNTHESIZE, &noiseless(text, fields))
}

#[test]
fn a_document_without_markup_sounds_as_its_text() {
    let said = speak("<speak>Hello. This &amp; that.</speak>").sound();

    assert_eq!(said.samples, plain("Hello. This & that.", &json!({})).sound().samples);
}

#[test]
fn a_break_is_silence_of_its_length() {
    let (first, second) = (plain("One.", &json!({})).sound(), plain("Two.", &json!({})).sound());

    let said = speak(r#"<speak>One.<break time="250ms"/>Two.<break time="1s"/></speak>"#).sound();

    let silence = |milliseconds: usize| vec![0; said.sample_rate as usize * milliseconds / 1000];
    assert_eq!(said.samples, [first.samples, silence(250), second.samples, silence(1000)].concat());
}

#[test]
fn what_is_said_instead_is_what_is_heard() {
    let cases = [
        (r#"<speak><sub alias="World Wide Web">WWW</sub>.</speak>"#, "World Wide Web."),
        (r#"<speak>Hello <phoneme ph="wˈɜːld">x</phoneme>.</speak>"#, "Hello [[ wˈɜːld ]]."),
        (r#"<speak><say-as interpret-as="digits">42</say-as></speak>"#, "4 2 "),
    ];
    for (document, text) in cases {
        assert_eq!(speak(document).sound().samples, plain(text, &json!({})).sound().samples, "{document}");
    }
}

#[test]
fn prosody_is_speed_and_volume() {
    let fast = plain("Fast.", &json!({"speed": 2.0})).sound();
    let soft = plain("Soft.", &json!({})).sound();

    let said =
        speak(r#"<speak><prosody rate="200%">Fast.</prosody><prosody volume="silent">Soft.</prosody></speak>"#).sound();

    let (begin, end) = said.samples.split_at(fast.samples.len());
    assert_eq!(begin, fast.samples);
    assert_eq!(end.len(), soft.samples.len());
    assert!(end.iter().all(|sample| *sample == 0));
}

#[test]
fn a_document_may_name_voices() {
    let named = speak(&format!(r#"<speak>One. <voice name="{VOICE}">Two.</voice></speak>"#)).sound();
    let unknown = speak(r#"<speak>One. <voice name="nobody">Two.</voice></speak>"#);

    let both = [plain("One.", &json!({})).sound().samples, plain("Two.", &json!({})).sound().samples].concat();
    assert_eq!(named.samples, both);
    unknown.assert_error(404, "voice_not_found", Some("voice_id"));
}

#[test]
fn it_streams_and_is_kept_as_other_texts_are() {
    let document = r#"<speak>Kept <break time="100ms"/> in pieces.</speak>"#;
    let fields =
        |stream: bool| noiseless(document, &json!({"text_type": "ssml", "stream": stream, "response_format": "pcm"}));

    let streamed = shared().post_json(SYNTHESIZE, &fields(true));
    let whole = shared().post_json(SYNTHESIZE, &fields(false));

    assert_eq!((streamed.header("x-cache"), whole.header("x-cache")), ("MISS", "HIT-L1"));
    assert_eq!(streamed.body, whole.body);
    // The sentences are kept, whatever stands around them.
    let other = speak(r#"<speak>Kept <break time="700ms"/> in pieces.</speak>"#);
    assert_eq!(other.header("x-cache"), "HIT-L1");
}

#[test]
fn words_and_marks_have_their_times_and_places() {
    let document = r#"<speak>Ask the <sub alias="World Wide Web Consortium">W3C</sub>.<break time="2s"/><mark name="go"/>Now go.</speak>"#;

    let answer =
        shared().post_json(TIMESTAMPS, &noiseless(document, &json!({"text_type": "ssml", "subtitles": "vtt"}))).json();

    let words = answer["words"].as_array().unwrap();
    let texts: Vec<&str> = words.iter().map(|word| word["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Ask", "the", "W3C", "Now", "go"]);
    for word in words {
        let [from, to] = ["start_char", "end_char"].map(|key| word[key].as_u64().unwrap() as usize);
        assert_eq!(&document[from..to], word["text"].as_str().unwrap());
    }
    let time = |value: &Value| value.as_f64().unwrap();
    assert!(time(&words[3]["start"]) - time(&words[2]["end"]) >= 2.0, "{answer}");
    assert_eq!(answer["marks"], json!([{"name": "go", "time": words[3]["start"]}]));
    let subtitles = answer["subtitles"].as_str().unwrap();
    assert!(subtitles.contains("\nAsk the W3C.\n") && subtitles.contains("\nNow go.\n"), "{subtitles}");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let wrong = speak("<speak>\n<audio src='x'/></speak>");

    wrong.assert_error(400, "invalid_ssml", Some("text"));
    assert!(wrong.text().contains("line 2, column 1: "), "{}", wrong.text());
    plain("Hi.", &json!({"text_type": "html"})).assert_error(400, "invalid_value", Some("text_type"));
}
