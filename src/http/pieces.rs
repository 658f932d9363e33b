//! Owns the body of a whole answer: pieces that share its bytes. The server copies what it sends into a buffer of the
//! connection; of a whole body it would copy all of it, for each reader, however slowly he reads.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};

use crate::resilience::SharedHold;

/// What is left to be sent of a body whose length is known.
pub struct Pieces {
    left: Bytes,
    /// What it holds.
    _held: SharedHold,
}

/// JSON with a string of bytes in base64, which are encoded as they are sent.
pub struct WithBase64 {
    before: Bytes,
    encoded: Bytes,
    after: Bytes,
    _held: [SharedHold; 2],
}

/// As much as the socket takes at a time, or a little less; whole groups of base64.
const PIECE_BYTES: usize = 48 << 10;

// === impl Pieces ===

impl Pieces {
    pub fn new(body: Bytes, held: SharedHold) -> Self {
        Self { left: body, _held: held }
    }
}

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(next_piece(&mut self.left).map(Ok))
    }
}

fn next_piece(left: &mut Bytes) -> Option<Bytes> {
    let length = left.len().min(PIECE_BYTES);
    (length > 0).then(|| left.split_to(length))
}

/// The same for a stream, whose parts may be long.
pub fn in_pieces<E: 'static>(
    parts: impl Stream<Item = Result<Bytes, E>> + 'static,
) -> impl Stream<Item = Result<Bytes, E>> + 'static {
    parts.flat_map(|part| match part {
        Ok(mut left) => stream::iter(std::iter::from_fn(move || next_piece(&mut left).map(Ok))).left_stream(),
        Err(error) => stream::once(std::future::ready(Err(error))).right_stream(),
    })
}

// === impl WithBase64 ===

impl WithBase64 {
    /// `encoded` stands between `before` and `after`.
    pub fn new(before: impl Into<Bytes>, encoded: Bytes, after: impl Into<Bytes>, held: [SharedHold; 2]) -> Self {
        Self { before: before.into(), encoded, after: after.into(), _held: held }
    }
}

impl MessageBody for WithBase64 {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        let encoded = self.encoded.len().div_ceil(3) * 4;
        BodySize::Sized((self.before.len() + encoded + self.after.len()) as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = &mut *self;
        let encoded = |piece: Bytes| Bytes::from(STANDARD.encode(piece));
        let piece = next_piece(&mut this.before)
            .or_else(|| next_piece(&mut this.encoded).map(encoded))
            .or_else(|| next_piece(&mut this.after));
        Poll::Ready(piece.map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::poll_fn;

    use super::*;

    fn numbers() -> Bytes {
        (0..=PIECE_BYTES * 2).map(|n| n as u8).collect::<Vec<_>>().into()
    }

    async fn sent(mut body: impl MessageBody<Error = Infallible> + Unpin) -> Vec<u8> {
        let mut sent = Vec::new();
        while let Some(Ok(piece)) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
            sent.extend(piece);
        }
        sent
    }

    #[tokio::test]
    async fn the_pieces_are_the_body_and_share_its_bytes() {
        let body = numbers();
        let mut pieces = Pieces::new(body.clone(), SharedHold::default());
        assert_eq!(pieces.size(), BodySize::Sized(body.len() as u64));

        let mut sent = 0;
        while let Some(Ok(piece)) = poll_fn(|cx| Pin::new(&mut pieces).poll_next(cx)).await {
            assert_eq!(piece.as_ptr(), body[sent..].as_ptr());
            sent += piece.len();
        }

        assert_eq!(sent, body.len());
    }

    #[tokio::test]
    async fn what_is_encoded_as_it_is_sent_is_as_if_it_was_encoded_at_once() {
        for bytes in [0, 1, 2, 3, PIECE_BYTES, PIECE_BYTES + 1, PIECE_BYTES * 2 + 1] {
            let audio = numbers().slice(..bytes);
            let held = [SharedHold::default(), SharedHold::default()];
            let body = WithBase64::new("{\"a\":\"", audio.clone(), "\",\"b\":1}", held);
            let size = body.size();

            let sent = sent(body).await;

            let expected = format!("{{\"a\":\"{}\",\"b\":1}}", STANDARD.encode(audio));
            assert!(sent == expected.as_bytes(), "{bytes} bytes");
            assert_eq!(size, BodySize::Sized(sent.len() as u64));
        }
    }

    #[tokio::test]
    async fn long_parts_of_a_stream_are_cut() {
        let parts = [Ok(numbers()), Ok(Bytes::new()), Err("end")];

        let pieces: Vec<Result<Bytes, &str>> = in_pieces(stream::iter(parts)).collect().await;

        let (last, sent) = pieces.split_last().unwrap();
        assert_eq!(*last, Err("end"));
        assert!(sent.iter().all(|piece| piece.as_ref().unwrap().len() <= PIECE_BYTES));
        assert_eq!(sent.iter().flat_map(|piece| piece.clone().unwrap()).collect::<Vec<_>>(), numbers());
    }
}
