//! Owns which voice a name means: as it is written, by a name that the voice had, or in other capitals.

use super::catalogue::{CatalogueInner, CatalogueState};
use crate::domain::VoiceId;

// === impl CatalogueInner ===

impl CatalogueInner {
    /// Capitals make no difference where no voice has the name as it is written.
    pub fn resolve(&self, state: &CatalogueState, id: &VoiceId) -> Option<VoiceId> {
        self.resolve_as_written(state, id).or_else(|| self.resolve_as_written(state, &self.in_any_case(state, id)?))
    }

    fn in_any_case(&self, state: &CatalogueState, id: &VoiceId) -> Option<VoiceId> {
        let name = id.as_str().to_lowercase();
        let is_meant = |known: &&VoiceId| known.as_str().to_lowercase() == name;
        let listed =
            state.published.iter().flat_map(|published| published.voices.keys().chain(published.aliases.keys()));
        let public = self.public.keys().filter(|_| state.published.is_none());
        state.installed.keys().chain(listed).chain(public).find(is_meant).cloned()
    }

    fn resolve_as_written(&self, state: &CatalogueState, id: &VoiceId) -> Option<VoiceId> {
        if state.installed.contains_key(id) || self.is_listed(state, id) {
            return Some(id.clone());
        }
        let alias = state.published.as_ref().and_then(|published| published.aliases.get(id));
        alias.cloned().or_else(|| self.is_hoped_for(state, id).then(|| id.clone()))
    }

    /// In the source's list, or until that is known among the public voices.
    pub fn is_listed(&self, state: &CatalogueState, id: &VoiceId) -> bool {
        match &state.published {
            Some(published) => published.voices.contains_key(id),
            None => self.public.contains_key(id),
        }
    }

    /// Not listed, but `TTS_VOICES` names it letter by letter and this process has not asked the source yet. Callers
    /// cannot cause that question for names of their own.
    pub fn is_hoped_for(&self, state: &CatalogueState, id: &VoiceId) -> bool {
        state.refreshed.is_none()
            && self.reachable_source().is_some()
            && self.settings.allowed.iter().any(|name| name == id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use piper_acoustic::VoiceFiles;

    use super::super::Catalogue;
    use super::*;

    #[test]
    fn capitals_make_no_difference_where_no_voice_has_the_name_as_it_is_written() {
        let files = VoiceFiles { model: "m".into(), config: "c".into() };
        let id = |name: &str| VoiceId::parse(name).unwrap();
        let names = ["de_DE-A-low", "de_DE-a-low", "en_US-joe-medium"];
        let catalogue: Catalogue = names.iter().map(|name| (id(name), files.clone())).collect();

        for (name, meant) in [
            ("EN_us-JOE-Medium", Some("en_US-joe-medium")),
            ("de_DE-a-low", Some("de_DE-a-low")),
            ("de_de-a-low", Some("de_DE-A-low")),
            ("DE_DE-KERSTIN-LOW", Some("de_DE-kerstin-low")),
            ("en_US-joe", None),
        ] {
            assert_eq!(catalogue.resolve(&id(name)), meant.map(id), "{name}");
        }
    }
}
