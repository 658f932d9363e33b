//! Owns which voice speaks where a request names none: the first that `TTS_VOICES` names and that can be had. Replicas
//! with the same settings have the same one, whatever else lies in their folders.

use std::sync::{Arc, OnceLock};

use wildmatch::WildMatch;

use super::Catalogue;
use crate::domain::VoiceId;

/// The voice of requests that name none. A clone is the same one.
#[derive(Clone)]
pub struct DefaultVoice(Arc<DefaultVoiceInner>);

struct DefaultVoiceInner {
    catalogue: Catalogue,
    patterns: Vec<String>,
    /// Does not change once it is known.
    found: OnceLock<VoiceId>,
}

// === impl DefaultVoice ===

impl DefaultVoice {
    /// The one that is named, or else the first of the patterns.
    pub fn new(named: Option<VoiceId>, patterns: Vec<String>, catalogue: Catalogue) -> Self {
        Self(Arc::new(DefaultVoiceInner { catalogue, patterns, found: named.map(OnceLock::from).unwrap_or_default() }))
    }

    /// `None` for as long as no voice can be had.
    pub fn get(&self) -> Option<VoiceId> {
        let DefaultVoiceInner { catalogue, patterns, found } = &*self.0;
        if let Some(found) = found.get() {
            return Some(found.clone());
        }
        let first = first(catalogue, patterns)?;
        Some(found.get_or_init(|| first).clone())
    }
}

/// A pattern with wildcards stands for what is installed: nobody meant to fetch the first voice of an alphabet.
fn first(catalogue: &Catalogue, patterns: &[String]) -> Option<VoiceId> {
    let installed = catalogue.ids();
    patterns.iter().find_map(|pattern| {
        if let Ok(id) = VoiceId::parse(pattern) {
            return catalogue.resolve(&id).filter(|id| catalogue.contains(id));
        }
        let pattern = WildMatch::new(pattern);
        installed.iter().find(|id| pattern.matches(id.as_str())).cloned()
    })
}
