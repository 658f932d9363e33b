//! Telling somebody: signed, again if it failed, and to nobody who was not meant.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{BATCHES, hand_in, items};
use crate::support::TestServer;

const SECRET: &str = "secret of the hook";
const CANARY: &str = "quetzalcoatlus";

struct Told {
    signature: String,
    body: Vec<u8>,
}

/// Answers one request with each of these statuses.
fn hook(statuses: &'static [u16]) -> (String, Receiver<Told>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, told) = channel();
    std::thread::spawn(move || {
        for status in statuses {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let (mut length, mut signature) = (0, String::new());
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                match line.trim_end().split_once(": ") {
                    Some(("content-length", value)) => length = value.parse().unwrap(),
                    Some(("x-tts-signature", value)) => value.clone_into(&mut signature),
                    _ if line == "\r\n" => break,
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            sender.send(Told { signature, body }).unwrap();
        }
    });
    (url, told)
}

fn signed(body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().iter().fold("sha256=".to_owned(), |digits, byte| digits + &format!("{byte:02x}"))
}

fn server(more: &[(&str, &str)]) -> TestServer {
    // The hook stands on this machine, which is not the network.
    let ours = [("TTS_BATCH_WEBHOOK_SECRET", SECRET), ("TTS_OFFLINE", "false")];
    TestServer::start(&[&ours, more].concat())
}

#[test]
fn the_end_of_a_batch_is_told_signed_and_without_text() {
    let (url, told) = hook(&[200]);
    let server = server(&[("TTS_BATCH_WEBHOOK_PRIVATE", "true")]);
    let id = hand_in(&server, &json!({"items": items(&[CANARY, "x"]), "webhook_url": url}));

    let told = told.recv_timeout(Duration::from_mins(1)).unwrap();

    assert_eq!(told.signature, signed(&told.body));
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(
        (body["id"].as_str(), body["state"].as_str(), body["done"].as_u64()),
        (Some(&*id), Some("succeeded"), Some(2))
    );
    assert!(!String::from_utf8(told.body).unwrap().contains(CANARY));
}

#[test]
fn a_hook_that_fails_is_told_again() {
    let (url, told) = hook(&[500, 200]);
    let server = server(&[("TTS_BATCH_WEBHOOK_PRIVATE", "true"), ("TTS_BATCH_WEBHOOK_RETRY_MS", "100")]);
    hand_in(&server, &json!({"items": items(&["x"]), "webhook_url": url}));

    let bodies: Vec<Vec<u8>> = (0..2).map(|_| told.recv_timeout(Duration::from_mins(1)).unwrap().body).collect();

    assert_eq!(bodies[0], bodies[1]);
}

#[test]
fn a_hook_that_never_answers_keeps_no_other_waiting() {
    let (url, told) = hook(&[200]);
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let hangs = format!("http://{}/hook", hanging.local_addr().unwrap());
    let server = server(&[("TTS_BATCH_WEBHOOK_PRIVATE", "true")]);
    hand_in(&server, &json!({"items": items(&["x"]), "webhook_url": hangs}));
    let (mut connection, _) = hanging.accept().unwrap();
    hand_in(&server, &json!({"items": items(&["y"]), "webhook_url": url}));

    let told = told.recv_timeout(Duration::from_mins(1)).unwrap();

    assert!(String::from_utf8(told.body).unwrap().contains("succeeded"));
    connection.set_nonblocking(true).unwrap();
    let end = connection.read_to_end(&mut Vec::new());
    assert!(end.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "the first one was given up before");
}

#[test]
fn addresses_beside_the_service_are_refused() {
    let server = server(&[]);
    for url in ["http://127.0.0.1:1/", "http://[::1]/", "http://169.254.169.254/latest/", "ftp://example.com/"] {
        let batch = json!({"items": items(&["x"]), "webhook_url": url});
        server.post_json(BATCHES, &batch).assert_error(400, "invalid_webhook", Some("webhook_url"));
    }
}
