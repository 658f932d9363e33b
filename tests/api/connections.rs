//! Several requests on one connection, and how connections end.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::SYNTHESIZE;
use crate::support::{TOKEN, TestServer, shared};

const LIVEZ: &str = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";

fn post(version: &str, headers: &str, body: &str) -> String {
    format!("POST {SYNTHESIZE} {version}\r\nhost: x\r\n{headers}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// All that the server says until it closes the connection.
fn said(connection: &mut TcpStream) -> String {
    let mut said = Vec::new();
    connection.read_to_end(&mut said).expect("the connection is closed, and not reset");
    String::from_utf8_lossy(&said).into_owned()
}

fn answers(said: &str) -> usize {
    said.matches("HTTP/1.1 ").count()
}

#[test]
fn a_thousand_requests_at_once_on_a_connection_are_all_answered() {
    // The first takes a while, and the others are more than the server reads ahead.
    let first = post(
        "HTTP/1.1",
        &format!("user-token: {TOKEN}\r\ncontent-type: application/json"),
        &json!({"text": "Those behind me wait.", "response_format": "flac"}).to_string(),
    );
    let padded = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(150));
    let mut connection = shared().connect();
    let mut reader = connection.try_clone().unwrap();
    let reading = std::thread::spawn(move || {
        let (mut said, mut buffer) = (Vec::new(), [0; 4096]);
        while said.windows(8).filter(|window| window == b"\"alive\"}").count() < 1_000 {
            match reader.read(&mut buffer) {
                Ok(count @ 1..) => said.extend_from_slice(&buffer[..count]),
                ended => panic!("{ended:?} after {} answers", answers(&String::from_utf8_lossy(&said))),
            }
        }
    });

    connection.write_all((first + &padded.repeat(1_000)).as_bytes()).unwrap();

    reading.join().unwrap();
}

#[test]
fn after_an_answer_that_closes_the_connection_nothing_is_answered() {
    let json = "content-type: application/json";
    let text = r#"{"text": "Hello."}"#;
    let closing = [
        post("HTTP/1.1", &format!("user-token: wrong\r\n{json}"), text),
        post("HTTP/1.1", json, text),
        post("HTTP/1.1", json, text).replace(SYNTHESIZE, "/nothing"),
        post("HTTP/1.1", json, text).replace("POST", "PATCH"),
        post("HTTP/1.1", &format!("user-token: {TOKEN}\r\ncontent-type: text/plain"), text),
        post("HTTP/1.1", &format!("user-token: {TOKEN}\r\n{json}"), &" ".repeat((256 << 10) + 1)),
        "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned(),
    ];

    for request in closing {
        let mut connection = shared().connect();
        connection.write_all((request + &LIVEZ.repeat(3)).as_bytes()).unwrap();

        let said = said(&mut connection);

        assert!(said.contains("connection: close"), "{said}");
        assert_eq!(answers(&said), 1, "{said}");
    }
}

#[test]
fn chunks_may_have_extensions_but_not_without_end() {
    let ask = |extension: usize| {
        let head = format!(
            "POST {SYNTHESIZE} HTTP/1.1\r\nhost: x\r\nuser-token: {TOKEN}\r\ncontent-type: application/json\r\n\
             connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        let extension = "a".repeat(extension);
        let body = r#"{"text": "Hello.", "noise_scale": 0}"#;
        let mut connection = shared().connect();
        // It may be refused before all of it is written.
        let _ = connection.write_all(format!("{head}{:x};x={extension}\r\n{body}\r\n0\r\n\r\n", body.len()).as_bytes());
        let mut begins = [0; 12];
        connection.read_exact(&mut begins).unwrap();
        String::from_utf8_lossy(&begins).into_owned()
    };

    assert_eq!(ask(1_000), "HTTP/1.1 200");
    assert_eq!(ask(4 << 20), "HTTP/1.1 400");
}

#[test]
fn bodies_in_the_smallest_chunks_are_taken() {
    let body = format!(r#"{{"text": "Hello."{}}}"#, " ".repeat(20_000));
    let chunks: Vec<String> = body.chars().map(|character| format!("1;x\r\n{character}\r\n")).collect();
    let chunks = chunks.concat();
    let head = format!(
        "POST {SYNTHESIZE} HTTP/1.1\r\nhost: x\r\nuser-token: {TOKEN}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n"
    );

    assert_eq!(shared().raw(format!("{head}{chunks}0\r\n\r\n").as_bytes()).status, 200);
}

#[test]
fn an_answer_that_ends_with_its_connection_is_reset_where_it_is_cut() {
    let server = TestServer::start(&[]);
    let headers = format!("user-token: {TOKEN}\r\ncontent-type: application/json");
    let ask = |text: &str| {
        let body = json!({"text": text, "stream": true, "sample_rate": 48_000}).to_string();
        let mut connection = server.connect();
        connection.write_all(post("HTTP/1.0", &headers, &body).as_bytes()).unwrap();
        connection
    };
    let whole = said(&mut ask("Hello."));
    let mut cut = ask(&"This sentence takes its time, and it is not the only one. ".repeat(70));
    cut.read_exact(&mut [0; 1_000]).unwrap();

    server.signal(Signal::SIGTERM);
    server.wait_for_log("stopping");
    server.signal(Signal::SIGTERM);
    server.wait();
    let ended = cut.read_to_end(&mut Vec::new()).map_err(|error| error.kind());

    assert!(whole.starts_with("HTTP/1.0 200") || whole.starts_with("HTTP/1.1 200"), "{whole}");
    assert_eq!(ended, Err(ErrorKind::ConnectionReset), "a cut answer looks whole");
}
