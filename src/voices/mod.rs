//! Owns which voices there are and where their files lie: the only map from a voice id to a path. Refuses to load a voice into memory.

mod catalogue;

pub use catalogue::{Catalogue, CatalogueError, VoiceFiles};
