// The tests of the routes; included by each binary that runs all of them.

mod auth;
mod bodies;
mod broken_voices;
mod caching;
mod connections;
mod cors;
mod formats;
mod health;
mod legacy;
mod lexicons;
mod lifecycle;
mod openai;
mod pages;
mod phonemize;
mod piper;
mod quotas;
mod reading;
mod refusals;
mod replaced;
mod secrecy;
mod ssml;
mod streaming;
#[path = "../support/mod.rs"]
mod support;
mod synthesize;
mod timestamps;
mod usage;
mod voices;

include!("words.rs");
