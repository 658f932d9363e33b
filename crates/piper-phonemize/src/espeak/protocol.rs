//! Owns the frames between the service and a phonemizer child: a tag byte, the payload's length as u32 little-endian,
//! the payload. Decoding refuses what does not fit and never panics.

use std::io::{self, Read, Write};

/// A clause as `espeak_TextToPhonemesWithTerminator` returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// IPA phonemes, with language flags such as `(en)` still in them.
    pub phonemes: String,
    /// Pause and punctuation bits, as in espeak-ng's `translate.h`.
    pub terminator: u32,
    /// How many bytes of the text had been read behind it: up to a character more than it has.
    pub end: u32,
}

/// One text for a child.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub language: &'a str,
    pub text: &'a str,
}

/// What a child says.
#[derive(Debug, PartialEq, Eq)]
pub enum Response {
    /// espeak-ng is initialised.
    Ready,
    Clause(Clause),
    /// All clauses of the text were sent.
    Done,
    UnknownLanguage,
    /// The fork that worked on the text died.
    Crashed,
    /// The child cannot work at all; the message says why.
    Unavailable(String),
}

pub const HEADER_BYTES: usize = 5;

/// Above any frame that is sent: a text is bounded, and its phonemes are a few times as long.
pub const MAX_PAYLOAD_BYTES: usize = 4 << 20;

const REQUEST: u8 = 0;
const READY: u8 = 1;
const CLAUSE: u8 = 2;
const DONE: u8 = 3;
const UNKNOWN_LANGUAGE: u8 = 4;
const CRASHED: u8 = 5;
const UNAVAILABLE: u8 = 6;

/// A frame that does not follow the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed frame")]
pub struct Malformed;

/// Splits a header into the tag and the payload's length.
pub fn decode_header(header: [u8; HEADER_BYTES]) -> Result<(u8, usize), Malformed> {
    let [tag, length @ ..] = header;
    let length = u32::from_le_bytes(length) as usize;
    (length <= MAX_PAYLOAD_BYTES).then_some((tag, length)).ok_or(Malformed)
}

/// The next frame's tag and payload; `None` where the input ends. Reads nothing behind the frame.
pub fn read_frame(input: &mut impl Read) -> io::Result<Option<(u8, Vec<u8>)>> {
    let mut header = [0; HEADER_BYTES];
    match input.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let (tag, length) = decode_header(header).map_err(io::Error::other)?;
    let mut payload = vec![0; length];
    input.read_exact(&mut payload)?;
    Ok(Some((tag, payload)))
}

// === impl Request ===

impl<'a> Request<'a> {
    pub fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(self.language.len() + 1 + self.text.len());
        payload.extend_from_slice(self.language.as_bytes());
        payload.push(0);
        payload.extend_from_slice(self.text.as_bytes());
        frame(REQUEST, &payload)
    }

    pub fn decode(tag: u8, payload: &'a [u8]) -> Result<Self, Malformed> {
        if tag != REQUEST {
            return Err(Malformed);
        }
        let (language, text) =
            str::from_utf8(payload).ok().and_then(|payload| payload.split_once('\0')).ok_or(Malformed)?;
        Ok(Self { language, text })
    }
}

// === impl Response ===

impl Response {
    pub fn send(&self, output: &mut impl Write) -> io::Result<()> {
        output.write_all(&self.encode())?;
        output.flush()
    }

    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ready => frame(READY, &[]),
            Self::Clause(clause) => {
                let mut payload = clause.terminator.to_le_bytes().to_vec();
                payload.extend_from_slice(&clause.end.to_le_bytes());
                payload.extend_from_slice(clause.phonemes.as_bytes());
                frame(CLAUSE, &payload)
            }
            Self::Done => frame(DONE, &[]),
            Self::UnknownLanguage => frame(UNKNOWN_LANGUAGE, &[]),
            Self::Crashed => frame(CRASHED, &[]),
            Self::Unavailable(reason) => frame(UNAVAILABLE, reason.as_bytes()),
        }
    }

    pub fn decode(tag: u8, payload: &[u8]) -> Result<Self, Malformed> {
        match tag {
            READY => Ok(Self::Ready),
            CLAUSE => {
                let (terminator, rest) = payload.split_first_chunk().ok_or(Malformed)?;
                let (end, phonemes) = rest.split_first_chunk().ok_or(Malformed)?;
                Ok(Self::Clause(Clause {
                    phonemes: String::from_utf8_lossy(phonemes).into_owned(),
                    terminator: u32::from_le_bytes(*terminator),
                    end: u32::from_le_bytes(*end),
                }))
            }
            DONE => Ok(Self::Done),
            UNKNOWN_LANGUAGE => Ok(Self::UnknownLanguage),
            CRASHED => Ok(Self::Crashed),
            UNAVAILABLE => Ok(Self::Unavailable(String::from_utf8_lossy(payload).into_owned())),
            _ => Err(Malformed),
        }
    }
}

fn frame(tag: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER_BYTES + payload.len());
    frame.push(tag);
    // A longer payload than u32 cannot be built: texts are bounded far below.
    frame.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(frame: &[u8]) -> (u8, &[u8]) {
        let (header, payload) = frame.split_first_chunk::<HEADER_BYTES>().unwrap();
        let (tag, length) = decode_header(*header).unwrap();
        assert_eq!(length, payload.len());
        (tag, payload)
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let request = Request { language: "en-us", text: "naïve" };
        let encoded = request.encode();
        let (tag, payload) = split(&encoded);
        assert_eq!(Request::decode(tag, payload), Ok(request));

        for response in [
            Response::Ready,
            Response::Clause(Clause { phonemes: "həlˈoʊ".into(), terminator: 0x80028, end: 7 }),
            Response::Done,
            Response::UnknownLanguage,
            Response::Crashed,
            Response::Unavailable("no library".into()),
        ] {
            let encoded = response.encode();
            let (tag, payload) = split(&encoded);
            assert_eq!(Response::decode(tag, payload), Ok(response));
        }
    }

    #[test]
    fn frames_out_of_form_are_refused() {
        assert_eq!(decode_header([2, 255, 255, 255, 255]), Err(Malformed));
        assert_eq!(Response::decode(99, &[]), Err(Malformed));
        assert_eq!(Response::decode(CLAUSE, &[1, 2]), Err(Malformed));
        assert_eq!(Request::decode(REQUEST, b"no separator"), Err(Malformed));
        assert_eq!(Request::decode(REQUEST, &[0xff, 0, 0xff]), Err(Malformed));
    }
}
