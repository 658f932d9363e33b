//! Owns messages as bytes: a line of JSON that says how long what follows is, more JSON, and a payload. What is too
//! long is refused at the line that says so, before it is kept.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio_util::codec::Decoder;

use super::message::{Data, WyomingMessage};

/// Of the protocol's own library, whose messages these are.
const VERSION: &str = "1.10.2";

/// Reads messages. Their payloads are passed over: nothing that is understood here has one.
pub struct FrameDecoder {
    /// Of each part.
    limit: usize,
    /// Bytes of a line in which its end was looked for.
    searched: usize,
    stage: FrameState,
}

/// What comes next.
enum FrameState {
    Line,
    Data { kind: String, beside: Data, length: usize, payload: usize },
    Payload { message: WyomingMessage, left: usize },
}

/// What a message begins with. Its data may stand there or follow.
#[derive(Deserialize)]
struct FrameHeader<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    data_length: Option<usize>,
    payload_length: Option<usize>,
}

/// Nothing can be read behind it.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the line, the data or the payload of a message is larger than {0} bytes")]
    TooLarge(usize),
    #[error("this is no message: a line of JSON in UTF-8, with a type, and as much data as it says")]
    Malformed,
    #[error(transparent)]
    Io(#[from] io::Error),
}

// === impl FrameDecoder ===

impl FrameDecoder {
    pub fn new(limit: usize) -> Self {
        Self { limit, searched: 0, stage: FrameState::Line }
    }

    fn line(&self, line: &[u8]) -> Result<FrameState, FrameError> {
        let FrameHeader { kind, data, data_length, payload_length } =
            serde_json::from_slice(line).map_err(|_| FrameError::Malformed)?;
        let (length, payload) = (data_length.unwrap_or(0), payload_length.unwrap_or(0));
        if length > self.limit || payload > self.limit {
            return Err(FrameError::TooLarge(self.limit));
        }
        let beside = match data {
            Some(data) if WyomingMessage::is_known(&kind) => parse(data.get().as_bytes())?,
            _ => Data::default(),
        };
        Ok(FrameState::Data { kind, beside, length, payload })
    }
}

impl Decoder for FrameDecoder {
    type Item = WyomingMessage;
    type Error = FrameError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<WyomingMessage>, FrameError> {
        loop {
            match &mut self.stage {
                FrameState::Line => {
                    let end = bytes[self.searched..].iter().position(|byte| *byte == b'\n');
                    let end = end.map(|end| self.searched + end);
                    if end.unwrap_or(bytes.len()) > self.limit {
                        return Err(FrameError::TooLarge(self.limit));
                    }
                    let Some(end) = end else {
                        self.searched = bytes.len();
                        return Ok(None);
                    };
                    self.searched = 0;
                    self.stage = self.line(&bytes.split_to(end + 1))?;
                }
                FrameState::Data { kind, beside, length, payload } => {
                    if bytes.len() < *length {
                        bytes.reserve(*length - bytes.len());
                        return Ok(None);
                    }
                    let data = bytes.split_to(*length);
                    let is_read = *length > 0 && WyomingMessage::is_known(kind);
                    let data = if is_read { parse(&data)? } else { Data::default() };
                    let message =
                        WyomingMessage::of(kind, data.over(std::mem::take(beside))).ok_or(FrameError::Malformed)?;
                    self.stage = FrameState::Payload { message, left: *payload };
                }
                FrameState::Payload { left, .. } => {
                    let passed = (*left).min(bytes.len());
                    bytes.advance(passed);
                    *left -= passed;
                    if *left > 0 {
                        return Ok(None);
                    }
                    if let FrameState::Payload { message, .. } = std::mem::replace(&mut self.stage, FrameState::Line) {
                        return Ok(Some(message));
                    }
                }
            }
        }
    }
}

fn parse(json: &[u8]) -> Result<Data, FrameError> {
    serde_json::from_slice(json).map_err(|_| FrameError::Malformed)
}

/// Writes a message.
pub fn write(bytes: &mut BytesMut, kind: &str, data: &impl Serialize, payload: Option<&Bytes>) {
    // What is written here has no keys but strings, so that it can be written.
    let data = serde_json::to_vec(data).unwrap_or_default();
    let mut line = json!({"type": kind, "version": VERSION, "data_length": data.len()});
    if let Some(payload) = payload {
        line["payload_length"] = Value::from(payload.len());
    }
    bytes.put(line.to_string().as_bytes());
    bytes.put_u8(b'\n');
    bytes.put(&data[..]);
    bytes.put(payload.map(|payload| &payload[..]).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All messages of these bytes, which come in parts of that length.
    fn decoded(bytes: &[u8], part: usize) -> Result<Vec<WyomingMessage>, FrameError> {
        let (mut decoder, mut buffer, mut messages) = (FrameDecoder::new(1_000), BytesMut::new(), Vec::new());
        for part in bytes.chunks(part) {
            buffer.extend_from_slice(part);
            while let Some(message) = decoder.decode(&mut buffer)? {
                messages.push(message);
            }
        }
        assert!(buffer.capacity() < 10_000, "{} bytes are held", buffer.capacity());
        Ok(messages)
    }

    fn chunk(text: &str) -> WyomingMessage {
        WyomingMessage::Chunk(text.to_owned())
    }

    #[test]
    fn messages_are_the_same_however_they_come() {
        let bytes = concat!(
            r#"{"type": "synthesize-chunk", "data_length": 15, "payload_length": 5, "version": "1"}"#,
            "\n",
            r#"{"text": "né"}"#,
            "\u{0}\u{1}\n{}",
            r#"{"type": "synthesize-chunk", "data": {"text": "beside"}}"#,
            "\n",
            r#"{"type": "synthesize-chunk", "data": {"text": "beside"}, "data_length": 17}"#,
            "\n",
            r#"{"text":"behind"}"#,
        );

        for part in [1, 7, bytes.len()] {
            let messages = decoded(bytes.as_bytes(), part).unwrap();

            assert_eq!(messages, [chunk("né"), chunk("beside"), chunk("behind")]);
        }
    }

    #[test]
    fn what_is_unknown_is_passed_over_with_all_that_it_has() {
        let bytes = b"{\"type\": \"sing\", \"data\": {\"text\": 5}, \"data_length\": 3, \"payload_length\": 2}\n\xff{\n\x00\n{\"type\": \"describe\"}\n";

        assert_eq!(decoded(bytes, 5).unwrap(), [WyomingMessage::Unknown, WyomingMessage::Describe]);
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_comes() {
        let too_large = |bytes: &[u8]| matches!(decoded(bytes, 100), Err(FrameError::TooLarge(1_000)));

        assert!(too_large(&[b' '; 1_001]));
        assert!(too_large(b"{\"type\": \"ping\", \"data_length\": 1001}\n"));
        assert!(too_large(b"{\"type\": \"audio-chunk\", \"payload_length\": 16777216}\n"));
        assert!(decoded(b"{\"type\": \"ping\", \"payload_length\": 1000}\n", 100).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let lines: [&[u8]; 9] = [
            b"\n",
            b"GET / HTTP/1.1\r\n",
            b"{\"data\": {}}\n",
            b"{\"type\": 5}\n",
            b"{\"type\": \"\xff\"}\n",
            b"{\"type\": \"ping\", \"data_length\": -1}\n",
            b"{\"type\": \"ping\", \"data_length\": 2}\n[]",
            b"{\"type\": \"synthesize-chunk\"}\n",
            b"{\"type\": \"synthesize\", \"data\": {\"text\": \"a\", \"voice\": \"b\"}}\n",
        ];

        for line in lines {
            let refused = decoded(line, line.len());
            assert!(matches!(refused, Err(FrameError::Malformed)), "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut bytes = BytesMut::new();

        write(&mut bytes, "synthesize-chunk", &json!({"text": "a\nb"}), Some(&Bytes::from_static(b"\n\n")));

        assert_eq!(decoded(&bytes, bytes.len()).unwrap(), [chunk("a\nb")]);
        assert!(bytes.ends_with(b"\n\n"));
    }
}
