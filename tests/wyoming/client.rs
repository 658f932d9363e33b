//! Owns one connection to the service over Wyoming, as a program of a caller has it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::{TestServer, until};

/// What TCP and Unix sockets have in common.
pub trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

pub struct Wyoming(pub BufReader<Box<dyn Stream>>);

/// What the service says.
#[derive(Debug, PartialEq)]
pub struct Event {
    pub kind: String,
    pub data: Value,
    pub payload: Vec<u8>,
}

/// Everything up to an event of some kind.
#[derive(Debug, Default)]
pub struct Heard {
    pub samples: Vec<u8>,
    /// But for chunks of sound, the last one included.
    pub events: Vec<Event>,
    pub chunks: usize,
}

/// The server that most tests share.
pub fn shared() -> &'static TestServer {
    static SERVER: OnceLock<TestServer> = OnceLock::new();
    SERVER.get_or_init(|| start(&[]))
}

pub fn start(variables: &[(&str, &str)]) -> TestServer {
    // What is named twice is what it is named last.
    TestServer::start(&[&[("TTS_WYOMING_BIND", "127.0.0.1:0")], variables].concat())
}

/// Waits until nobody is connected over Wyoming.
pub fn until_nobody_is_there(server: &TestServer) {
    let open = "tts_live_sessions{protocol=\"wyoming\"}";
    until("the end of all connections", || (server.metric(open) == 0.0).then_some(()));
}

/// The samples of the same text over HTTP.
pub fn whole(server: &TestServer, body: &Value) -> Vec<u8> {
    let mut body = body.clone();
    body["response_format"] = "pcm".into();
    let answer = server.post_json("/v1/synthesizeSpeech", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.body
}

// === impl Wyoming ===

impl Wyoming {
    pub fn connect(server: &TestServer) -> Self {
        let address = server.wyoming();
        match address.strip_prefix("unix:") {
            Some(path) => Self::of(UnixStream::connect(path).unwrap()),
            None => Self::of(Self::tcp(server)),
        }
    }

    pub fn tcp(server: &TestServer) -> TcpStream {
        let stream = TcpStream::connect(server.wyoming()).expect("the server listens");
        stream.set_read_timeout(Some(crate::support::LIMIT)).unwrap();
        stream
    }

    pub fn of(stream: impl Stream + 'static) -> Self {
        Self(BufReader::new(Box::new(stream)))
    }

    /// As Home Assistant sends it: data behind the line.
    pub fn send(&mut self, kind: &str, data: &Value) {
        let data = data.to_string();
        let line = json!({"type": kind, "version": "1.7.2", "data_length": data.len()});
        self.send_raw(format!("{line}\n{data}").as_bytes());
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    pub fn synthesize(&mut self, text: &str) {
        self.send("synthesize", &json!({"text": text}));
    }

    pub fn start(&mut self, data: &Value) {
        self.send("synthesize-start", data);
    }

    pub fn chunk(&mut self, text: &str) {
        self.send("synthesize-chunk", &json!({"text": text}));
    }

    pub fn stop(&mut self) {
        self.send("synthesize-stop", &json!({}));
    }

    /// The next event; `None` at the end of the connection.
    pub fn next(&mut self) -> Option<Event> {
        let mut line = String::new();
        if self.0.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        let line: Value = serde_json::from_str(&line).unwrap();
        let mut bytes = |field: &str| {
            let mut bytes = vec![0; line[field].as_u64().unwrap_or(0) as usize];
            self.0.read_exact(&mut bytes).unwrap();
            bytes
        };
        let data = serde_json::from_slice(&bytes("data_length")).unwrap();
        Some(Event { kind: line["type"].as_str().unwrap().to_owned(), data, payload: bytes("payload_length") })
    }

    /// Everything up to an event of this kind.
    pub fn until(&mut self, kind: &str) -> Heard {
        let mut heard = Heard::default();
        loop {
            let event = self.next().unwrap_or_else(|| panic!("an end before {kind}: {heard:?}"));
            if event.kind == "audio-chunk" {
                heard.samples.extend_from_slice(&event.payload);
                heard.chunks += 1;
            } else {
                heard.events.push(event);
            }
            if heard.events.last().is_some_and(|event| event.kind == kind) {
                return heard;
            }
        }
    }

    /// The next event, which is an error with this code.
    #[track_caller]
    pub fn is_refused(&mut self, code: &str) {
        let event = self.next().expect("an error");
        assert_eq!((event.kind.as_str(), &event.data["code"]), ("error", &json!(code)), "{event:?}");
    }

    #[track_caller]
    pub fn is_closed(&mut self) {
        assert_eq!(self.next(), None);
    }

    /// That the connection goes on, and that nothing was said before.
    #[track_caller]
    pub fn goes_on(&mut self) {
        self.send("ping", &json!({"text": "there?"}));
        let event = self.next().expect("a pong");
        assert_eq!((event.kind.as_str(), event.data), ("pong", json!({"text": "there?"})));
    }
}

// === impl Heard ===

impl Heard {
    /// The kinds of events in their order.
    pub fn kinds(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.kind.as_str()).collect()
    }
}
