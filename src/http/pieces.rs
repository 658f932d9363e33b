//! Owns how a whole answer goes out: in pieces that share its bytes. The server copies what it sends into a buffer of the connection; of a whole
//! body it would copy all of it, for each reader, however slowly he reads.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

/// What is left to be sent of a body whose length is known.
pub struct Pieces(Bytes);

/// As much as the socket takes at a time, or a little less.
const PIECE_BYTES: usize = 64 << 10;

impl Pieces {
    pub fn new(body: Bytes) -> Self {
        Self(body)
    }
}

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let length = self.0.len().min(PIECE_BYTES);
        Poll::Ready((length > 0).then(|| Ok(self.0.split_to(length))))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn the_pieces_are_the_body_and_share_its_bytes() {
        let body = Bytes::from((0..=PIECE_BYTES * 2).map(|n| n as u8).collect::<Vec<_>>());
        let mut pieces = Pieces::new(body.clone());
        assert_eq!(pieces.size(), BodySize::Sized(body.len() as u64));

        let mut sent = 0;
        while let Some(Ok(piece)) = poll_fn(|cx| Pin::new(&mut pieces).poll_next(cx)).await {
            assert_eq!(piece.as_ptr(), body[sent..].as_ptr());
            sent += piece.len();
        }

        assert_eq!(sent, body.len());
    }
}
