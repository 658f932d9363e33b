//! Owns answers of the service: whole, and as a test asks about them.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::Sound;

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

// === impl Answer ===

impl Answer {
    pub fn of(response: reqwest::blocking::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().expect("a whole body").into(),
        }
    }

    /// Reads one answer with a known length off a connection.
    pub fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            if let Some(answer) = Self::parse(&bytes) {
                return answer;
            }
            match stream.read(&mut buffer) {
                Ok(0) => panic!("the connection ended inside an answer: {}", String::from_utf8_lossy(&bytes)),
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error} after: {}", String::from_utf8_lossy(&bytes)),
            }
        }
    }

    /// The answer, if all of it is there.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).expect("a head is text");
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().expect("a status is a number");
        let headers: HeaderMap = lines
            .map(|line| {
                let (name, value) = line.split_once(':').expect("a header has a colon");
                let name: HeaderName = name.parse().expect("a header has a name");
                (name, HeaderValue::from_str(value.trim()).expect("a header has a value"))
            })
            .collect();
        let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
        let body = bytes[end + 4..].get(..length)?.to_vec();
        Some(Self { status, headers, body })
    }

    /// The one value of a header that must be there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().unwrap_or_else(|| panic!("no header {name} in {:?}", self.headers));
        assert_eq!(values.next(), None, "header {name} is there twice");
        value.to_str().unwrap()
    }

    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// The WAV file of an answer that must be one.
    #[track_caller]
    pub fn sound(&self) -> Sound {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        Sound::of_wav(&self.body)
    }

    /// Asserts that this is an error in the envelope of the OpenAI API.
    #[track_caller]
    pub fn assert_error(&self, status: u16, code: &str, param: Option<&str>) {
        let body = self.json();
        let error = body["error"].as_object().unwrap_or_else(|| panic!("no error in {body}"));
        let kind = match status {
            403 => "permission_error",
            429 => "rate_limit_error",
            ..500 => "invalid_request_error",
            _ => "server_error",
        };
        let mut fields: Vec<&str> = error.keys().map(String::as_str).collect();
        fields.sort_unstable();

        assert_eq!(self.status, status, "{body}");
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(body.as_object().map(serde_json::Map::len), Some(1), "{body}");
        assert_eq!(fields, ["code", "message", "param", "type"]);
        assert_eq!((error["code"].as_str(), error["type"].as_str()), (Some(code), Some(kind)), "{body}");
        assert_eq!(error["param"].as_str(), param, "{body}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        assert!(self.headers.contains_key("x-request-id"));
    }
}

/// Asserts that the server closes the connection, with nothing more to say.
#[track_caller]
pub fn assert_closed(stream: &mut TcpStream) {
    match stream.read(&mut [0]) {
        Ok(count) => assert_eq!(count, 0, "more than one answer"),
        // Closed with bytes of ours unread.
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "the connection is still open: {error}"),
    }
}
