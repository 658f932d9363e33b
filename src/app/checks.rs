//! Owns judging settings by what there is: voices that they name, memory that voices take. What cannot work ends the
//! start; what may not be meant is told.

use piper_acoustic::Engine;

use super::settings::voice_settings;
use crate::config::{Config, ConfigError};
use crate::domain::VoiceId;
use crate::voices::{Catalogue, CatalogueError, VoiceFilesError};

const VOICES: &str = "TTS_VOICES";

/// The voices; none, and why, where the folder cannot be read.
pub fn open_catalogue(config: &Config) -> Result<(Catalogue, Option<ConfigError>), ConfigError> {
    let opened = Catalogue::open(&voice_settings(config)?);
    let trouble =
        |error: CatalogueError| (Catalogue::default(), Some(config.error("TTS_MODELS_DIR", error.to_string())));
    Ok(opened.map_or_else(trouble, |catalogue| (catalogue, None)))
}

/// What may not be meant, a line for each.
pub fn tell<'a>(suspicions: impl IntoIterator<Item = &'a ConfigError>) {
    for ConfigError { key, problem } in suspicions {
        tracing::warn!(setting = key, problem, "a setting may not be what was meant");
    }
}

/// Finds settings by which nobody can be served as they say.
///
/// # Errors
/// The first one that cannot work. What may not be meant comes as values.
pub fn check_voice_settings(config: &Config, catalogue: &Catalogue) -> Result<Vec<ConfigError>, ConfigError> {
    let mut suspicions = check_patterns(config, catalogue)?;
    let voices = &config.voices;
    let named = [
        ("TTS_DEFAULT_VOICE", voices.default.iter().collect::<Vec<_>>()),
        ("TTS_PRELOAD_VOICES", voices.preload.iter().flatten().collect()),
        ("TTS_PINNED_VOICES", voices.pinned.iter().collect()),
        ("TTS_OPENAI_VOICES", voices.openai_names.values().collect()),
    ];
    for (key, names) in named {
        for name in names {
            known_voice(config, key, voice_of(name), catalogue)?;
        }
    }
    if catalogue.is_empty() {
        suspicions.push(nothing_to_serve(config, catalogue));
    } else if has_none_to_begin_with(config, catalogue) {
        let problem = "is not set, and no voice is here: requests that name none are refused until one was fetched";
        suspicions.push(config.error("TTS_DEFAULT_VOICE", problem));
    }
    Ok(suspicions)
}

/// Whether voices can be fetched, but none is here and no setting names one.
fn has_none_to_begin_with(config: &Config, catalogue: &Catalogue) -> bool {
    let voices = &config.voices;
    let is_named = voices.default.is_some() || voices.preload.as_ref().is_some_and(|named| !named.is_empty());
    catalogue.ids().is_empty() && !is_named && voices.allowed.iter().all(|pattern| pattern.contains(['*', '?']))
}

/// The voice that a setting names.
pub fn known_voice(config: &Config, key: &str, name: &str, catalogue: &Catalogue) -> Result<VoiceId, ConfigError> {
    let checked = VoiceId::parse(name).map_err(|error| format!("names {name:?}, and {error}")).and_then(|id| {
        let why_not = catalogue.check(&id).err().map(|error| error.to_string());
        why_not.map_or(Ok(id), |why_not| Err(format!("{why_not}; `voices list` names those that may be served")))
    });
    checked.map_err(|problem| config.error(key, problem))
}

/// Memory for voices that holds none of those that are here.
pub fn check_memory(config: &Config, catalogue: &Catalogue, engine: &dyn Engine) -> Result<(), ConfigError> {
    let files = catalogue.ids().into_iter().filter_map(|id| catalogue.installed(&id));
    let smallest = files.map(|files| engine.memory_needed(&files, config.synthesis.workers)).min();
    match smallest {
        Some(bytes) if bytes > config.voices.memory_bytes => {
            let problem = format!("is too little for any voice that is here: the smallest takes {bytes}");
            Err(config.error("TTS_POOL_MEMORY_BYTES", problem))
        }
        _ => Ok(()),
    }
}

/// Names and patterns of `TTS_VOICES` that fit no voice.
fn check_patterns(config: &Config, catalogue: &Catalogue) -> Result<Vec<ConfigError>, ConfigError> {
    let patterns = &config.voices.allowed;
    for (key, patterns) in [(VOICES, patterns), ("TTS_LANGUAGE_VOICES", &config.voices.choosing.language_voices)] {
        if let Some(wrong) = patterns.iter().find(|pattern| VoiceId::parse(&without_wildcards(pattern)).is_err()) {
            let problem =
                format!("{wrong:?} fits no voice: names have letters, digits, `_`, `-`, `+` and `.`, and no quotes");
            return Err(config.error(key, problem));
        }
    }
    // Another source may have voices that only its list names.
    if !catalogue.has_list() && !config.voices.has_public_source() && !config.voices.offline {
        return Ok(Vec::new());
    }
    let unknown: Vec<&String> = patterns.iter().filter(|pattern| !catalogue.knows(pattern)).collect();
    let suspicion = |pattern: &&String| {
        config.error(VOICES, format!("{pattern} fits no voice; `voices list --all` names those there are"))
    };
    if unknown.len() == patterns.len() {
        return Err(suspicion(&unknown[0]));
    }
    Ok(unknown.iter().map(suspicion).collect())
}

/// Something that is a name if `pattern` can be that of one.
fn without_wildcards(pattern: &str) -> String {
    pattern.replace(['*', '?'], "x")
}

/// The part before `#`, behind which is a speaker.
fn voice_of(name: &str) -> &str {
    name.split_once('#').map_or(name, |(voice, _)| voice)
}

/// Why no voice can be served though some are known.
fn nothing_to_serve(config: &Config, catalogue: &Catalogue) -> ConfigError {
    let why_not = |id: &VoiceId| catalogue.check(id).err();
    let reasons: Vec<VoiceFilesError> = catalogue.all().iter().filter_map(|voice| why_not(&voice.id)).collect();
    if reasons.iter().any(|reason| matches!(reason, VoiceFilesError::LicenseRefused { .. })) {
        return config.error("TTS_ALLOWED_LICENSES", "allows no voice that is here and that TTS_VOICES names");
    }
    let folder = config.voices.models_dir.display();
    if !config.voices.offline {
        let problem = format!("names no voice that is in {folder} or that can be fetched");
        return config.error(VOICES, problem);
    }
    config.error(
        "TTS_MODELS_DIR",
        format!("no voice that TTS_VOICES names is in {folder}, and TTS_OFFLINE forbids fetching"),
    )
}
