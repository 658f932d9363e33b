//! Owns one WebSocket: what is read goes to its protocol, what that has to tell goes out, in order and no faster than
//! it is taken. Refuses to know what messages mean.

use std::collections::VecDeque;
use std::io;
use std::str::Utf8Error;
use std::time::{Duration, Instant};

use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError};
use bytes::Bytes;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::super::body::mended_text;
use super::super::error::ApiError;
use super::reader::LiveReader;
use crate::live::{Event, Session, SessionPermit, Sessions};

/// The texts of a connection.
pub type LiveTexts = Session<LiveReader>;

/// What is spoken on a connection.
pub trait LiveProtocol: 'static {
    /// What is said first.
    fn greet(&mut self) -> Vec<Out> {
        Vec::new()
    }

    /// Does what a message says; gives what is to be answered.
    fn receive(&mut self, message: &str, texts: &mut LiveTexts) -> Vec<Out>;

    /// Tells what became of a text.
    fn tell(&mut self, text: &str, event: Event<ApiError>) -> Vec<Out>;

    /// Says why the connection is closed.
    fn refuse(&mut self, error: &ApiError) -> Vec<Out>;
}

/// What goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Out {
    Text(String),
    Binary(Bytes),
    /// Nothing follows.
    Close(Closing),
}

/// Why a connection is closed (RFC 6455, section 7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    Done,
    /// The service is stopping.
    Away,
    Malformed,
    /// Binary data, where only text is understood.
    Unsupported,
    NotUtf8,
    /// What was written is against the protocol.
    Policy,
    TooLarge,
    /// Nothing was written for too long.
    Silent,
}

/// A connection that is open.
pub struct OpenSocket {
    pub socket: actix_ws::Session,
    pub messages: AggregatedMessageStream,
    pub sessions: Sessions,
    /// How long nothing of what is sent may be taken.
    pub patience: Duration,
    pub _taken: SessionPermit,
}

/// Messages that wait to be sent; with more, nothing is read.
const MAX_WAITING: usize = 64;

/// Pings in a row that may be left without an answer.
const UNANSWERED_PINGS: u32 = 2;

/// Serves a connection until it ends.
pub async fn run(mut link: OpenSocket, mut protocol: impl LiveProtocol) {
    let (limits, sessions) = (*link.sessions.limits(), link.sessions.clone());
    let mut texts = LiveTexts::new(sessions.clone());
    let mut waiting: VecDeque<Out> = protocol.greet().into();
    let mut ticks = interval(limits.ping.min(limits.idle));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    let (mut heard, mut taken, mut pings) = (Instant::now(), Instant::now(), 0);
    let (mut is_leaving, mut is_closing) = (false, false);
    loop {
        if waiting.is_empty() {
            taken = Instant::now();
            if texts.has_left() {
                waiting.push_back(Out::Close(Closing::Away));
            }
        }
        let next = waiting.front().cloned();
        is_closing = is_closing || matches!(waiting.back(), Some(Out::Close(_)));
        tokio::select! {
            biased;
            () = sessions.leaving(), if !is_leaving => {
                is_leaving = true;
                texts.leave();
            }
            () = sessions.until_cut(), if !is_closing => refuse(&mut waiting, &mut protocol, Closing::Away),
            message = link.messages.recv(), if !is_closing && waiting.len() < MAX_WAITING => {
                pings = 0;
                match message {
                    Some(Ok(AggregatedMessage::Text(message))) => {
                        heard = Instant::now();
                        waiting.extend(protocol.receive(&mended_text(&message), &mut texts));
                    }
                    Some(Ok(AggregatedMessage::Binary(_))) => refuse(&mut waiting, &mut protocol, Closing::Unsupported),
                    Some(Ok(AggregatedMessage::Ping(payload))) => if link.socket.pong(&payload).await.is_err() { return },
                    Some(Ok(AggregatedMessage::Pong(_))) => {}
                    Some(Ok(AggregatedMessage::Close(_))) => return drop(link.socket.close(None).await),
                    Some(Err(error)) => refuse(&mut waiting, &mut protocol, of(&error)),
                    None => return,
                }
            }
            sent = send(&mut link.socket, next.clone()), if next.is_some() => {
                taken = Instant::now();
                waiting.pop_front();
                if sent.is_err() || matches!(next, Some(Out::Close(_))) {
                    return;
                }
            }
            (text, event) = texts.next(), if waiting.is_empty() => waiting.extend(protocol.tell(&text, event)),
            _ = ticks.tick() => {
                let is_idle = texts.is_silent() && waiting.is_empty() && heard.elapsed() >= limits.idle;
                if is_idle {
                    refuse(&mut waiting, &mut protocol, Closing::Silent);
                } else if pings >= UNANSWERED_PINGS || taken.elapsed() >= link.patience {
                    return;
                } else {
                    pings += 1;
                    if timeout(link.patience, link.socket.ping(b"")).await.is_ok_and(|sent| sent.is_ok()) { continue }
                    return;
                }
            }
        }
    }
}

async fn send(socket: &mut actix_ws::Session, out: Option<Out>) -> Result<(), actix_ws::Closed> {
    match out {
        None => Ok(()),
        Some(Out::Text(text)) => socket.text(text).await,
        Some(Out::Binary(bytes)) => socket.binary(bytes).await,
        Some(Out::Close(closing)) => socket.clone().close(Some(closing.reason())).await,
    }
}

/// Says why, and closes, in place of what waits.
fn refuse(waiting: &mut VecDeque<Out>, protocol: &mut impl LiveProtocol, closing: Closing) {
    waiting.clear();
    waiting.extend(protocol.refuse(&closing.error()));
    waiting.push_back(Out::Close(closing));
}

fn of(error: &ProtocolError) -> Closing {
    match error {
        ProtocolError::Overflow => Closing::TooLarge,
        ProtocolError::Io(error) => match error.get_ref() {
            Some(inner) if inner.is::<Utf8Error>() => Closing::NotUtf8,
            Some(inner)
                if inner
                    .downcast_ref::<PayloadError>()
                    .is_some_and(|inner| !matches!(inner, PayloadError::Overflow)) =>
            {
                Closing::Malformed
            }
            // Of a frame, or of several that are one message.
            _ if error.kind() == io::ErrorKind::Other => Closing::TooLarge,
            _ => Closing::Malformed,
        },
        _ => Closing::Malformed,
    }
}

// === impl Out ===

impl Out {
    pub fn json(message: &Value) -> Self {
        Self::Text(message.to_string())
    }
}

// === impl Closing ===

impl Closing {
    fn reason(self) -> CloseReason {
        let code = match self {
            Self::Done => CloseCode::Normal,
            Self::Away => CloseCode::Away,
            Self::Malformed => CloseCode::Protocol,
            Self::Unsupported => CloseCode::Unsupported,
            Self::NotUtf8 => CloseCode::Invalid,
            Self::Policy => CloseCode::Policy,
            Self::TooLarge => CloseCode::Size,
            Self::Silent => CloseCode::Other(4408),
        };
        CloseReason { code, description: Some(self.error().code.to_owned()) }
    }

    fn error(self) -> ApiError {
        let (status, code, message) = match self {
            Self::Done => (StatusCode::OK, "done", "everything was said"),
            Self::Away => (StatusCode::SERVICE_UNAVAILABLE, "going_away", "the service is stopping: connect again"),
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed", "this is no frame of a WebSocket"),
            Self::Unsupported => (StatusCode::BAD_REQUEST, "binary", "messages are JSON, as text"),
            Self::NotUtf8 => (StatusCode::BAD_REQUEST, "not_utf8", "messages are UTF-8"),
            Self::Policy => (StatusCode::BAD_REQUEST, "invalid_message", "the message is none that is known here"),
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "message_too_large", "the message is larger than one may be")
            }
            Self::Silent => (StatusCode::REQUEST_TIMEOUT, "silent", "nothing was written for too long"),
        };
        ApiError::new(status, code, message)
    }
}
