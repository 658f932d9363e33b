//! Owns HTTP: routes, request and answer shapes, authentication, errors. The only module that knows actix-web, but for
//! the server's type in `app`. Refuses decisions: a handler extracts, converts, calls and renders.

mod auth;
mod batches;
mod body;
mod caching;
mod callers;
mod catalogue;
mod connection;
mod cors;
mod error;
mod etag;
mod following;
mod fronts;
mod health;
mod legacy;
mod lenient;
mod level;
mod limits;
mod links;
mod live;
mod metering;
mod normalize;
mod normalize_field;
mod observe;
mod openai;
mod openapi;
mod page;
mod phonemize;
mod pieces;
mod piper;
mod quality;
mod ranges;
mod responses;
mod server;
mod sound;
mod state;
mod synthesize;
mod times;
mod timestamps;
mod unread;
mod usage;
mod voice_files;
mod voices;

pub use batches::Items;
pub use callers::Callers;
pub use server::start;
pub use state::{AppState, RequestLimits};
#[cfg(fuzzing)]
pub use synthesize::read_request;
