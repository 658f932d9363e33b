//! `stream: true`: the same samples as a whole answer, as they are made.

use std::io::{BufRead, BufReader, Read, Write};

use serde_json::json;

use crate::support::{Answer, TOKEN, samples, shared};
use crate::{SYNTHESIZE, noiseless};

const TEXT: &str = "The first sentence. And a second one! Was there a third?";
const HEADER_BYTES: usize = 44;

#[test]
fn a_streamed_wav_answer_has_an_open_length_and_the_same_samples() {
    let whole = shared().post_json(SYNTHESIZE, &noiseless(TEXT, &json!({})));

    let streamed = shared().post_json(SYNTHESIZE, &noiseless(TEXT, &json!({"stream": true})));

    let unknown = u32::MAX.to_le_bytes();
    assert_eq!((streamed.status, streamed.header("content-type")), (200, "audio/wav"));
    assert_eq!((&streamed.body[4..8], &streamed.body[40..44]), (&unknown[..], &unknown[..]));
    // Everything else in the header is as in a whole file.
    for range in [0..4, 8..40] {
        assert_eq!(streamed.body[range.clone()], whole.body[range]);
    }
    assert!(samples(&streamed.body[HEADER_BYTES..]) == whole.sound().samples, "the samples differ");
}

#[test]
fn a_streamed_pcm_answer_has_the_same_samples_at_the_rate_asked_for() {
    let fields = json!({"response_format": "pcm", "sample_rate": 16_000, "sentence_silence_ms": 100});
    let whole = shared().post_json(SYNTHESIZE, &noiseless(TEXT, &fields));

    let body = noiseless(TEXT, &crate::with(&fields, &json!({"stream": true})));
    let streamed = shared().post_json(SYNTHESIZE, &body);

    assert_eq!((streamed.header("content-type"), streamed.header("x-sample-rate")), ("audio/pcm", "16000"));
    assert!(streamed.body == whole.body, "the samples differ");
}

#[test]
fn a_sentence_is_sent_in_stretches_that_begin_short() {
    let body = noiseless(
        "All of this is one single sentence, and it is long enough to be cut into several stretches of its sound.",
        &json!({"stream": true, "response_format": "pcm"}),
    );
    let mut connection = shared().connect();
    write!(
        connection,
        "POST {SYNTHESIZE} HTTP/1.1\r\nhost: here\r\nuser-token: {TOKEN}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.to_string().len()
    )
    .unwrap();

    let lengths = chunk_lengths(BufReader::new(connection));

    let seconds = |bytes: &usize| *bytes as f64 / 2.0 / 22_050.0;
    assert!(lengths.len() >= 4, "{lengths:?}");
    assert!(seconds(&lengths[0]) < 0.3 && lengths.iter().map(seconds).sum::<f64>() > 3.0, "{lengths:?}");
}

/// Of the body of a chunked answer.
fn chunk_lengths(mut answer: impl BufRead) -> Vec<usize> {
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        answer.read_line(&mut line).unwrap();
    }
    let mut lengths = Vec::new();
    loop {
        line.clear();
        answer.read_line(&mut line).unwrap();
        match usize::from_str_radix(line.trim_end(), 16).expect("a chunk's length") {
            0 => return lengths,
            length => {
                lengths.push(length);
                answer.read_exact(&mut vec![0; length + 2]).unwrap();
            }
        }
    }
}

#[test]
fn a_streamed_answer_promises_no_length() {
    let answer = shared().post_json(SYNTHESIZE, &json!({"text": "No length.", "stream": true}));

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("transfer-encoding"), "chunked");
    for header in ["content-length", "x-audio-duration"] {
        assert!(!answer.headers.contains_key(header), "{header}");
    }
    assert!(answer.headers.contains_key("x-request-id"));
}

#[test]
fn what_fails_before_the_first_byte_is_a_clean_error() {
    let unknown = shared().post_json(SYNTHESIZE, &json!({"text": "A.", "stream": true, "speaker": 7}));
    let late = shared().post_json(SYNTHESIZE, &json!({"text": TEXT, "stream": true, "deadline_ms": 1}));

    unknown.assert_error(400, "speaker_not_found", Some("speaker"));
    late.assert_error(504, "deadline_exceeded", None);
}

#[test]
fn what_fails_after_the_first_byte_cuts_the_connection() {
    // Each sentence has the deadline's time to itself, and is long: far more is made of it than its first sound before
    // the deadline, of which some machines need more for that sound.
    let begin = |deadline_ms: u64| {
        // Sentences of its own, of which none is kept from a try before.
        let sentence =
            |n: usize| format!("{deadline_ms} has {n} of them {} and then it ends. ", "and it goes on ".repeat(20));
        let text: String = (1..=12).map(sentence).collect();
        let body = noiseless(&text, &json!({"stream": true, "deadline_ms": deadline_ms}));
        let response = shared().post(SYNTHESIZE).json(&body).send().unwrap();
        (response.status().as_u16() == 200).then_some(response)
    };
    let mut streamed =
        [500, 1_000, 2_000, 4_000, 8_000, 16_000].into_iter().find_map(begin).expect("a sentence in 16 s");

    let mut received = Vec::new();
    let ended = streamed.read_to_end(&mut received);

    assert!(ended.is_err(), "a cut answer looks whole");
    assert!(received.len() > HEADER_BYTES, "no audio came first");
    assert!(!String::from_utf8_lossy(&received).contains("error"), "JSON inside audio");
}

#[test]
fn an_answer_without_any_sentence_is_an_empty_wav_file() {
    let answer = shared().post_json(SYNTHESIZE, &json!({"text": "\u{200b}\u{200b}", "stream": true}));

    assert_eq!((answer.status, answer.body.len()), (200, HEADER_BYTES));
}

#[test]
fn a_stream_on_http_1_0_ends_with_the_connection() {
    let body = json!({"text": "Old.", "response_format": "pcm", "stream": true}).to_string();
    let head = format!(
        "POST {SYNTHESIZE} HTTP/1.0\r\nuser-token: {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = shared().connect();

    connection.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).unwrap();

    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    assert!(head.contains(" 200 ") && !head.contains("chunked"), "{head}");
    assert!(!samples(&bytes[end + 4..]).is_empty());
}

#[test]
fn whole_and_streamed_answers_leave_the_connection_usable() {
    let ask = |stream: bool| {
        let request = shared().post(SYNTHESIZE).json(&noiseless("Again.", &json!({"stream": stream})));
        Answer::of(request.send().unwrap()).status
    };

    assert_eq!([true, false, true].map(ask), [200; 3]);
}
