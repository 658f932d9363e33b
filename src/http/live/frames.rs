//! Owns the bound on the size of frames. What reads frames keeps all of one until it is there, and looks at its length
//! then; here it is refused at its head.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::error::PayloadError;
use actix_web::{FromRequest, HttpRequest, web};
use bytes::Bytes;
use futures_util::Stream;

/// The bytes of a WebSocket as they come, up to a frame that is too large.
struct Bounded<S> {
    bytes: S,
    frames: Frames,
}

/// What is known of the frame that is coming (RFC 6455, section 5.2).
struct Frames {
    most: u64,
    head: Vec<u8>,
    /// Bytes of it behind its head that have not come.
    left: u64,
}

/// A frame's payload that is bounded. Its error is [`PayloadError::Overflow`].
pub async fn bounded(request: &HttpRequest, payload: web::Payload, most: usize) -> actix_web::Result<web::Payload> {
    let frames = Frames { most: most as u64, head: Vec::new(), left: 0 };
    let bounded = Bounded { bytes: payload, frames };
    let bounded: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(bounded);
    let mut payload = actix_web::dev::Payload::Stream { payload: bounded };
    web::Payload::from_request(request, &mut payload).await
}

// === impl Frames ===

impl Frames {
    /// Whether all of it may come.
    fn admit(&mut self, mut bytes: &[u8]) -> bool {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let passed = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= passed as u64;
                bytes = &bytes[passed..];
                continue;
            }
            self.head.push(*first);
            bytes = rest;
            if let Some(length) = length(&self.head) {
                if length > self.most {
                    return false;
                }
                self.left = length;
                self.head.clear();
            }
        }
        true
    }
}

/// Of what is behind a frame's head, once that is complete.
fn length(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (length, extended) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(head.get(2..4)?.try_into().ok()?)), 2),
        127 => (u64::from_be_bytes(head.get(2..10)?.try_into().ok()?), 8),
        length => (length.into(), 0),
    };
    (head.len() >= 2 + extended + mask).then_some(length)
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for Bounded<S> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.bytes).poll_next(cx));
        Poll::Ready(match next {
            Some(Ok(bytes)) if !self.frames.admit(&bytes) => Some(Err(PayloadError::Overflow)),
            next => next,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [9, 9, 9, 9];

    fn frame(length: u64) -> Vec<u8> {
        let mut frame = vec![0x81];
        match length {
            0..126 => frame.push(0x80 | length as u8),
            126..65_536 => {
                frame.push(0x80 | 0x7e);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 0x7f);
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.resize(frame.len() + length.min(70_000) as usize, 7);
        frame
    }

    fn admits(bytes: &[u8], part: usize) -> bool {
        let mut frames = Frames { most: 70_000, head: Vec::new(), left: 0 };
        bytes.chunks(part).all(|part| frames.admit(part))
    }

    #[test]
    fn frames_up_to_the_bound_pass_however_they_come_and_others_are_refused_at_their_heads() {
        let good: Vec<u8> = [0, 1, 125, 126, 65_535, 65_536, 70_000].into_iter().flat_map(frame).collect();
        for part in [1, 2, 3, 1_000, good.len()] {
            assert!(admits(&good, part), "parts of {part}");
            for length in [70_001, 16 << 20, u64::MAX] {
                let head = &frame(length)[..14];
                assert!(!admits(&[&good[..], head].concat(), part), "{length} in parts of {part}");
            }
        }
    }
}
