//! Owns which voice speaks a language where a request names that and no voice.

use std::sync::Arc;

use wildmatch::WildMatch;

use super::{Catalogue, DefaultVoice, VoiceInfo};
use crate::domain::VoiceId;

/// A language and where it is spoken, such as `en-GB` or `de`, in whatever case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageTag {
    language: String,
    region: Option<String>,
}

/// Finds voices by their language. A clone is the same one.
#[derive(Clone)]
pub struct VoicesByLanguage {
    catalogue: Catalogue,
    /// The first before the others, and those before voices that none fits.
    preferred: Arc<[WildMatch]>,
    default: DefaultVoice,
}

/// One language by two names.
const SAME: [(&str, &str); 2] = [("cmn", "zh"), ("nb", "no")];
const MAX_TAG_BYTES: usize = 35;

/// English names of the languages of the public voices.
const NAMES: [(&str, &str); 52] = [
    ("ar", "Arabic"),
    ("bg", "Bulgarian"),
    ("bn", "Bengali"),
    ("ca", "Catalan"),
    ("cs", "Czech"),
    ("cy", "Welsh"),
    ("da", "Danish"),
    ("de", "German"),
    ("el", "Greek"),
    ("en", "English"),
    ("es", "Spanish"),
    ("et", "Estonian"),
    ("eu", "Basque"),
    ("fa", "Persian"),
    ("fi", "Finnish"),
    ("fr", "French"),
    ("he", "Hebrew"),
    ("hi", "Hindi"),
    ("hu", "Hungarian"),
    ("hy", "Armenian"),
    ("id", "Indonesian"),
    ("is", "Icelandic"),
    ("it", "Italian"),
    ("ja", "Japanese"),
    ("ka", "Georgian"),
    ("kk", "Kazakh"),
    ("ko", "Korean"),
    ("ku", "Kurdish"),
    ("lb", "Luxembourgish"),
    ("lv", "Latvian"),
    ("ml", "Malayalam"),
    ("mr", "Marathi"),
    ("ne", "Nepali"),
    ("nl", "Dutch"),
    ("no", "Norwegian"),
    ("pl", "Polish"),
    ("pt", "Portuguese"),
    ("ro", "Romanian"),
    ("ru", "Russian"),
    ("sk", "Slovak"),
    ("sl", "Slovenian"),
    ("sq", "Albanian"),
    ("sr", "Serbian"),
    ("sv", "Swedish"),
    ("sw", "Swahili"),
    ("te", "Telugu"),
    ("th", "Thai"),
    ("tr", "Turkish"),
    ("uk", "Ukrainian"),
    ("ur", "Urdu"),
    ("vi", "Vietnamese"),
    ("zh", "Chinese"),
];

// === impl LanguageTag ===

impl LanguageTag {
    pub fn parse(tag: &str) -> Option<Self> {
        let is_plain = tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let lower = tag.to_ascii_lowercase();
        let mut parts = lower.split(['-', '_']);
        let language =
            parts.next().filter(|language| is_plain && !language.is_empty() && tag.len() <= MAX_TAG_BYTES)?;
        let known = SAME.iter().find(|(other, _)| *other == language);
        Some(Self {
            language: known.map_or(language, |(_, name)| *name).to_owned(),
            // A script may stand before it.
            region: parts.find(|part| matches!(part.len(), 2 | 3)).map(str::to_owned),
        })
    }
}

/// What a language is called in English.
pub fn language_name(tag: &str) -> Option<&'static str> {
    let LanguageTag { language, .. } = LanguageTag::parse(tag)?;
    NAMES.iter().find(|(code, _)| *code == language).map(|(_, name)| *name)
}

// === impl VoicesByLanguage ===

impl VoicesByLanguage {
    pub fn new(catalogue: Catalogue, preferred: &[String], default: DefaultVoice) -> Self {
        let preferred = preferred.iter().map(|pattern| WildMatch::new(pattern)).collect();
        Self { catalogue, preferred, default }
    }

    /// An installed voice: of the region that is asked for before others, then in the order of preference, then the
    /// default voice before others, then by name.
    pub fn find(&self, wanted: &LanguageTag) -> Option<VoiceId> {
        self.best(wanted, |info| info.installed)
    }

    /// The same, or where none is installed, one that is fetched when it speaks.
    pub fn find_or_fetch(&self, wanted: &LanguageTag) -> Option<VoiceId> {
        self.best(wanted, |_| true)
    }

    fn best(&self, wanted: &LanguageTag, may_speak: impl Fn(&VoiceInfo) -> bool) -> Option<VoiceId> {
        let default = self.default.get().and_then(|id| self.catalogue.resolve(&id));
        let speaks = |info: VoiceInfo| {
            let tag = LanguageTag::parse(info.language.as_deref()?)?;
            let is_fit = may_speak(&info) && info.problem.is_none() && tag.language == wanted.language;
            let is_elsewhere = wanted.region.is_some() && tag.region != wanted.region;
            let rank = (!info.installed, is_elsewhere, self.place(&info.id), default.as_ref() != Some(&info.id));
            is_fit.then_some((rank, info.id))
        };
        self.catalogue.voices().into_iter().filter_map(speaks).min().map(|(_, id)| id)
    }

    fn place(&self, id: &VoiceId) -> usize {
        self.preferred.iter().position(|pattern| pattern.matches(id.as_str())).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use piper_acoustic::VoiceFiles;

    use super::super::settings::{Retries, VoiceSettings, VoiceSource};
    use super::*;

    fn found(preferred: &[&str], wanted: &str) -> Option<String> {
        let files = VoiceFiles { model: "m".into(), config: "c".into() };
        let id = |name: &str| VoiceId::parse(name).unwrap();
        let names = ["de_DE-a-low", "de_DE-b-low", "de_AT-c-low", "en_US-d-low", "no_NO-e-low", "mine"];
        let catalogue: Catalogue = names.iter().map(|name| (id(name), files.clone())).collect();
        let default = DefaultVoice::new(Some(id("de_DE-b-low")), Vec::new(), catalogue.clone());
        let preferred: Vec<String> = preferred.iter().map(|pattern| (*pattern).to_owned()).collect();
        let found = VoicesByLanguage::new(catalogue, &preferred, default).find(&LanguageTag::parse(wanted)?)?;
        Some(found.to_string())
    }

    #[test]
    fn every_public_voice_has_a_language_with_a_name() {
        for id in super::super::snapshot::voices().keys() {
            let language = super::super::published::told_by_id(id).0.unwrap();
            assert!(language_name(&language).is_some(), "{id}");
        }
        assert_eq!(
            (language_name("en-us"), language_name("nb"), language_name("xx")),
            (Some("English"), Some("Norwegian"), None)
        );
    }

    #[test]
    fn the_region_comes_before_the_preference_and_that_before_the_default_voice() {
        for (preferred, wanted, expected) in [
            (&[][..], "de", Some("de_DE-b-low")),
            (&["de_*-a-*"], "de", Some("de_DE-a-low")),
            (&["de_AT-*", "de_DE-a-low"], "de", Some("de_AT-c-low")),
            (&["de_AT-*", "de_DE-a-low"], "de-DE", Some("de_DE-a-low")),
            (&[], "DE_at", Some("de_AT-c-low")),
            (&[], "de-Latn-AT", Some("de_AT-c-low")),
            (&[], "en-GB", Some("en_US-d-low")),
            (&[], "nb", Some("no_NO-e-low")),
            (&["*"], "fr", None),
            (&[], "", None),
            (&[], "de/../x", None),
        ] {
            assert_eq!(found(preferred, wanted).as_deref(), expected, "{preferred:?} {wanted}");
        }
    }

    #[test]
    fn one_that_is_to_be_fetched_speaks_where_none_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(&VoiceSettings {
            models_dir: folder.path().to_owned(),
            fallback_dir: None,
            allowed: vec!["*".to_owned()],
            source: Some(VoiceSource::Folder(folder.path().to_owned())),
            offline: false,
            allowed_licenses: Vec::new(),
            max_bytes: 0,
            download_timeout: Duration::ZERO,
            stall_timeout: Duration::ZERO,
            retries: Retries::default(),
        })
        .unwrap();
        let default = DefaultVoice::new(None, Vec::new(), catalogue.clone());
        let voices = VoicesByLanguage::new(catalogue, &[], default);
        let german = LanguageTag::parse("de-AT").unwrap();

        assert_eq!(voices.find(&german), None);
        let found = voices.find_or_fetch(&german).unwrap().to_string();
        assert!(found.starts_with("de_DE-"), "{found}");
    }
}
