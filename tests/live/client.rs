//! Owns one WebSocket to the service, as a program of a caller has it.

use std::net::TcpStream;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::HandshakeError;
use tungstenite::http::StatusCode;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket};

use crate::support::{TOKEN, TestServer};

pub struct Live(pub WebSocket<TcpStream>);

/// What came of a text up to an event.
#[derive(Debug, Default)]
pub struct Heard {
    pub audio: Vec<u8>,
    /// All events, the last one included.
    pub events: Vec<Value>,
}

// === impl Live ===

impl Live {
    pub fn connect(server: &TestServer) -> Self {
        Self::connect_to(server, "/v1/live", &[("user-token", TOKEN)]).expect("an upgrade")
    }

    /// With other headers; the answer's status, if it is no upgrade.
    pub fn connect_to(server: &TestServer, path: &str, headers: &[(&'static str, &str)]) -> Result<Self, StatusCode> {
        let mut request = format!("ws://{}{path}", server.address()).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let config = WebSocketConfig::default().max_write_buffer_size(64 << 20);
        match tungstenite::client::client_with_config(request, server.connect(), Some(config)) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(HandshakeError::Failure(Error::Http(answer))) => Err(answer.status()),
            Err(error) => panic!("{error}"),
        }
    }

    pub fn refused(server: &TestServer, path: &str, headers: &[(&'static str, &str)]) -> StatusCode {
        Self::connect_to(server, path, headers).err().expect("no upgrade")
    }

    pub fn send(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).unwrap();
    }

    pub fn send_raw(&mut self, message: &str) {
        self.0.send(Message::text(message)).unwrap();
    }

    pub fn say(&mut self, text: &str) {
        self.send(&json!({"type": "text", "text": text}));
    }

    pub fn act(&mut self, kind: &str) {
        self.send(&json!({"type": kind}));
    }

    /// The next message that is no ping.
    pub fn next(&mut self) -> Message {
        loop {
            match self.0.read().unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    pub fn event(&mut self) -> Value {
        match self.next() {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Everything up to an event of this type.
    pub fn until(&mut self, kind: &str) -> Heard {
        let mut heard = Heard::default();
        loop {
            match self.next() {
                Message::Binary(bytes) => heard.audio.extend_from_slice(&bytes),
                Message::Text(text) => {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    let is_last = event["type"] == kind;
                    assert!(is_last || event["type"] != "error", "{event}");
                    heard.events.push(event);
                    if is_last {
                        return heard;
                    }
                }
                other => panic!("{other:?} before {kind}"),
            }
        }
    }

    /// The code of the error that comes next, and with which the connection is closed then.
    pub fn closed(&mut self) -> (String, u16) {
        let mut error = String::new();
        loop {
            match self.next() {
                Message::Close(frame) => return (error, frame.expect("a reason").code.into()),
                Message::Text(text) => {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    if event["type"] == "error" {
                        event["error"]["code"].as_str().unwrap().clone_into(&mut error);
                    }
                }
                _ => {}
            }
        }
    }
}

// === impl Heard ===

impl Heard {
    pub fn last(&self) -> &Value {
        self.events.last().unwrap()
    }

    pub fn of(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["type"] == kind).collect()
    }
}

/// The bytes of the same text over HTTP.
pub fn whole(server: &TestServer, body: &Value) -> Vec<u8> {
    let answer = server.post_json("/v1/synthesizeSpeech", body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.body
}
