#![doc = include_str!("ARCHITECTURE.md")]

pub mod app;
pub mod audio;
pub mod batch;
pub mod cache;
pub mod cli;
pub mod config;
pub mod domain;
pub mod files;
pub mod http;
pub mod pool;
pub mod resilience;
pub mod speech;
pub mod telemetry;
pub mod text;
pub mod usage;
pub mod voices;
