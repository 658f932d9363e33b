//! Owns the Wyoming protocol, in which Home Assistant asks for speech: a connection over TCP or a Unix socket, on which
//! either side writes messages. It has no tokens. Refuses to know how speech is made.
//!
//! - `server`: who may connect, and the end; `parts`: what all connections share; `connection`: one of them;
//!   `utterance`: one text and its sound.
//! - `frame`: messages as bytes; `message`: what they say; `failure`: what is told of errors.
//! - `voices`: which voices are offered, and which one a caller means; `reader`: texts as requests.
//! - `announcement`: telling the local network of it.

mod announcement;
mod connection;
mod failure;
mod frame;
mod message;
mod parts;
mod reader;
mod server;
mod utterance;
mod voices;

pub use parts::{ServerParts, UtteranceDefaults};
pub use server::{Listener, WyomingServer};
