//! Owns which voices there are: those in the folders, those that the source lists, and before that is known those whose
//! names come with the program. Ids are looked up here and nowhere joined into a path.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use piper_acoustic::{MAX_CONFIG_BYTES, VoiceConfig, VoiceFiles};
use wildmatch::WildMatch;

use super::card::{LicenseRule, MAX_PROBLEM_CHARS, shortened};
use super::digest::VoiceDigest;
use super::disk;
use super::download::Downloader;
use super::downloads::Downloads;
use super::error::CatalogueError;
use super::folder::InstalledVoice;
use super::folders::Folders;
use super::ignored::{self, Ignored};
use super::info::{VoiceFacts, VoiceInfo};
use super::leftovers;
use super::lockfile::Lockfile;
use super::loudness::Loudness;
use super::published::{MAX_CATALOGUE_BYTES, Published, PublishedVoice};
use super::settings::{Retries, VoiceSettings, VoiceSource};
use super::snapshot::{self, PublicVoice};
use super::verify::Verifier;
use crate::domain::VoiceId;
use crate::files::{self, Detached, SingleFlight};

/// The voices. A clone is another handle to them.
#[derive(Debug, Clone)]
pub struct Catalogue(pub(super) Arc<CatalogueInner>);

/// What [`Catalogue::rescan`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rescan {
    pub added: Vec<VoiceId>,
    pub removed: Vec<VoiceId>,
}

#[derive(Debug)]
pub(super) struct CatalogueInner {
    pub settings: VoiceSettings,
    pub folders: Arc<Folders>,
    pub downloader: Downloader,
    pub flights: Downloads,
    pub verifier: Verifier,
    /// Held by whoever refreshes the catalogue.
    pub refreshing: tokio::sync::Mutex<()>,
    /// Read and compare whole voices, each of which may lie on a disk that hangs.
    pub threads: Detached,
    pub digesting: SingleFlight<VoiceId, Option<VoiceDigest>>,
    pub state: RwLock<CatalogueState>,
    allowed: Vec<WildMatch>,
    licenses: LicenseRule,
    pub public: BTreeMap<VoiceId, PublicVoice>,
}

#[derive(Debug, Default)]
pub(super) struct CatalogueState {
    pub installed: BTreeMap<VoiceId, InstalledVoice>,
    /// Of installed voices that someone asked for.
    pub digests: BTreeMap<VoiceId, VoiceDigest>,
    /// Of voices with such a digest, what was found wrong with them when they were loaded.
    pub problems: BTreeMap<VoiceId, String>,
    /// Files that are not used.
    pub ignored: BTreeSet<Ignored>,
    /// How loud voices are, as this process measured it.
    pub measured: BTreeMap<VoiceId, Loudness>,
    pub published: Option<Arc<Published>>,
    /// When this process last fetched the catalogue, or tried to.
    pub refreshed: Option<Instant>,
    /// When somebody last asked for it who only wanted to know what there is.
    pub asked: Option<Instant>,
}

/// The source's list, in a folder of voices as at the source.
pub const CATALOGUE_FILE: &str = "voices.json";

/// Voices that are read at a time. Some may never end.
const THREADS: usize = 8;

// === impl Catalogue ===

impl Catalogue {
    /// Finds the voices in the folders, and takes the source's list from there if it was fetched before. Opens no
    /// connection.
    pub fn open(settings: &VoiceSettings) -> Result<Self, CatalogueError> {
        let folders = Arc::new(Folders::new(settings.models_dir.clone(), settings.fallback_dir.clone()));
        let catalogue = Self::with_state(settings.clone(), folders, CatalogueState::default());
        let missing = fs::metadata(&settings.models_dir);
        if let Err(error) = missing
            && catalogue.0.reachable_source().is_none()
        {
            return Err(folder_error(&settings.models_dir, error));
        }
        let published = catalogue.0.stored_catalogue();
        for folder in catalogue.0.folders.all() {
            leftovers::remove(folder, published.as_ref());
        }
        catalogue.0.write().published = published.map(Arc::new);
        catalogue.rescan()?;
        Ok(catalogue)
    }

    /// Files in the folders that are not used, as they were when these were last looked into.
    pub fn ignored(&self) -> Vec<Ignored> {
        self.0.read().ignored.iter().cloned().collect()
    }

    /// Whether the voice may be served: it is allowed, and it is installed or can be fetched.
    pub fn contains(&self, id: &VoiceId) -> bool {
        let state = self.0.read();
        self.0.resolve(&state, id).is_some_and(|id| {
            let installed = state.installed.get(&id);
            let usable = installed.map_or_else(|| self.0.is_fetchable(&state, &id), |voice| self.0.may_speak(voice));
            usable && self.0.is_allowed(&state, &id)
        })
    }

    /// Today's id of a voice that is known by this one.
    pub fn resolve(&self, id: &VoiceId) -> Option<VoiceId> {
        self.0.resolve(&self.0.read(), id)
    }

    /// The files of a voice that is here and may be served. They are not looked into; [`Catalogue::files`] does that.
    pub fn installed(&self, id: &VoiceId) -> Option<VoiceFiles> {
        let state = self.0.read();
        let id = self.0.resolve(&state, id)?;
        let voice = state.installed.get(&id).filter(|voice| self.0.may_speak(voice))?;
        self.0.is_allowed(&state, &id).then(|| voice.files.clone())
    }

    /// What a voice that is here speaks by, as far as that is known without loading it.
    pub fn config(&self, id: &VoiceId) -> Option<Arc<VoiceConfig>> {
        self.0.read().installed.get(id)?.config.clone()
    }

    /// Voices that are here and may be served.
    pub fn ids(&self) -> Vec<VoiceId> {
        let state = self.0.read();
        let allowed =
            |(id, voice): &(&VoiceId, &InstalledVoice)| self.0.may_speak(voice) && self.0.is_allowed(&state, id);
        state.installed.iter().filter(allowed).map(|(id, _)| id.clone()).collect()
    }

    /// The models of all voices that are here, whether they may be served or not.
    pub fn installed_models(&self) -> Vec<PathBuf> {
        self.0.read().installed.values().map(|voice| voice.files.model.clone()).collect()
    }

    /// Whether no voice is here that may be served, and none can be fetched.
    pub fn is_empty(&self) -> bool {
        self.voices().is_empty()
    }

    /// Voices that may be served, here or not.
    pub fn voices(&self) -> Vec<VoiceInfo> {
        self.all().into_iter().filter(|info| self.contains(&info.id)).collect()
    }

    /// Whether the source's own list is known, and not only the names that come with the program.
    pub fn has_list(&self) -> bool {
        self.0.read().published.is_some()
    }

    /// Whether a name or pattern fits a voice that is here, in the source's list, or before that is known among the
    /// public voices.
    pub fn knows(&self, pattern: &str) -> bool {
        let state = self.0.read();
        let pattern = WildMatch::new(pattern);
        let fits = |id: &VoiceId| pattern.matches(id.as_str());
        state.installed.keys().any(fits)
            || match &state.published {
                Some(published) => published.voices.keys().chain(published.aliases.keys()).any(fits),
                None => self.0.public.keys().any(fits),
            }
    }

    /// Voices that are known, whether they may be served or not.
    pub fn all(&self) -> Vec<VoiceInfo> {
        let state = self.0.read();
        let published = state.published.as_ref().map(|published| published.voices.keys());
        let names = if state.published.is_none() { Some(self.0.public.keys()) } else { None };
        let literal = self.0.settings.allowed.iter().filter_map(|name| VoiceId::parse(name).ok());
        let literal = literal.filter_map(|id| self.0.resolve(&state, &id));
        let known = published.into_iter().flatten().chain(names.into_iter().flatten()).chain(state.installed.keys());
        let ids: BTreeSet<VoiceId> = known.cloned().chain(literal).collect();
        ids.iter().map(|id| self.0.info(&state, id)).collect()
    }

    /// The configurations of the installed voices that may be served, as they lie there.
    pub async fn configs(&self) -> Vec<(VoiceId, Vec<u8>)> {
        let installed = self.voices().into_iter().filter_map(|info| Some((self.installed(&info.id)?, info.id)));
        let installed: Vec<_> = installed.collect();
        // One that cannot be read is no voice to offer.
        let read = |(voice, id): (VoiceFiles, _)| Some((id, files::read(&voice.config, MAX_CONFIG_BYTES).ok()?));
        self.0.threads.run(move || installed.into_iter().filter_map(read).collect()).await.unwrap_or_default()
    }

    /// Notes why a voice cannot speak, in words for its callers; `None`: it can. Forgotten when its files change.
    pub fn note_problem(&self, id: &VoiceId, problem: Option<String>) {
        let mut state = self.0.write();
        match problem {
            Some(problem) => state.problems.insert(id.clone(), shortened(&problem, MAX_PROBLEM_CHARS)),
            None => state.problems.remove(id),
        };
    }

    pub fn info(&self, id: &VoiceId) -> Option<VoiceInfo> {
        let state = self.0.read();
        let id = self.0.resolve(&state, id)?;
        Some(self.0.info(&state, &id))
    }

    /// Looks into the folders again; an error changes nothing. Takes file accesses: not for an async thread.
    pub fn rescan(&self) -> Result<Rescan, CatalogueError> {
        if self.0.folders.all().next().is_none() {
            return Ok(Rescan::default());
        }
        let mut installed = BTreeMap::new();
        for folder in self.0.folders.all() {
            installed.extend(self.0.folders.scan(folder).map_err(|error| folder_error(folder, error))?);
        }
        self.0.verifier.keep_existing();
        self.0.look_for_ignored(&installed);
        let digests = self.digests_of_unchanged(&installed);
        let mut state = self.0.write();
        let rescan = Rescan {
            added: installed.keys().filter(|id| !state.installed.contains_key(id)).cloned().collect(),
            removed: state.installed.keys().filter(|id| !installed.contains_key(id)).cloned().collect(),
        };
        state.installed = installed;
        state.problems.retain(|id, _| digests.contains_key(id));
        state.digests = digests;
        Ok(rescan)
    }

    /// The digests that were known, but for those of files that changed: these are read when somebody asks for the
    /// voice.
    fn digests_of_unchanged(&self, installed: &BTreeMap<VoiceId, InstalledVoice>) -> BTreeMap<VoiceId, VoiceDigest> {
        let known: Vec<VoiceId> = self.0.read().digests.keys().cloned().collect();
        let digest = |id: VoiceId| Some((id.clone(), self.0.digest_of_unchanged(installed.get(&id)?)?));
        known.into_iter().filter_map(digest).collect()
    }

    fn with_state(settings: VoiceSettings, folders: Arc<Folders>, state: CatalogueState) -> Self {
        let threads = Detached::new("voice-files", THREADS);
        Self(Arc::new(CatalogueInner {
            downloader: Downloader::new(&settings, folders.clone()),
            flights: Downloads::new(settings.retries.cool_down),
            verifier: Verifier::default(),
            refreshing: tokio::sync::Mutex::default(),
            digesting: SingleFlight::new(threads.clone()),
            threads,
            state: RwLock::new(state),
            allowed: settings.allowed.iter().map(|pattern| WildMatch::new(pattern)).collect(),
            licenses: LicenseRule::new(&settings.allowed_licenses),
            public: snapshot::voices(),
            folders,
            settings,
        }))
    }
}

impl Default for Catalogue {
    /// No voices, and none to be had.
    fn default() -> Self {
        std::iter::empty().collect()
    }
}

impl FromIterator<(VoiceId, VoiceFiles)> for Catalogue {
    /// These voices, all of them installed and allowed, and no others.
    fn from_iter<I: IntoIterator<Item = (VoiceId, VoiceFiles)>>(voices: I) -> Self {
        let installed = voices.into_iter().map(|(id, files)| (id, InstalledVoice::of_files(files))).collect();
        let settings = VoiceSettings {
            models_dir: std::path::PathBuf::new(),
            fallback_dir: None,
            allowed: vec!["*".to_owned()],
            source: None,
            offline: true,
            allowed_licenses: Vec::new(),
            max_bytes: 0,
            download_timeout: std::time::Duration::ZERO,
            stall_timeout: std::time::Duration::ZERO,
            retries: Retries::default(),
        };
        Self::with_state(settings, Arc::default(), CatalogueState { installed, ..CatalogueState::default() })
    }
}

// === impl CatalogueInner ===

impl CatalogueInner {
    /// Finds them anew; tells of those that are.
    fn look_for_ignored(&self, installed: &BTreeMap<VoiceId, InstalledVoice>) {
        let found = self.folders.all().flat_map(|folder| ignored::in_folder(folder, installed)).collect();
        let mut state = self.write();
        let before = std::mem::replace(&mut state.ignored, found);
        for Ignored { file, reason } in state.ignored.difference(&before) {
            tracing::warn!(file, reason, "a file in the models folder is not used");
        }
    }

    pub fn read(&self) -> RwLockReadGuard<'_, CatalogueState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn write(&self) -> RwLockWriteGuard<'_, CatalogueState> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The source, if it may be used.
    pub fn reachable_source(&self) -> Option<&VoiceSource> {
        let source = self.settings.source.as_ref()?;
        (!self.settings.offline || !source.is_remote()).then_some(source)
    }

    /// Whether `TTS_VOICES` names it, by today's id or a former one.
    pub fn is_allowed(&self, state: &CatalogueState, id: &VoiceId) -> bool {
        let matches = |id: &VoiceId| self.allowed.iter().any(|pattern| pattern.matches(id.as_str()));
        let published = state.published.as_ref().and_then(|published| published.voices.get(id));
        matches(id) || published.is_some_and(|voice| voice.aliases.iter().any(matches))
    }

    pub fn may_speak(&self, voice: &InstalledVoice) -> bool {
        self.licenses.allows(voice.card.as_ref().map(|(_, card)| card))
    }

    pub fn is_fetchable(&self, state: &CatalogueState, id: &VoiceId) -> bool {
        self.reachable_source().is_some()
            && self.foreign_phonemes(id).is_none()
            && (self.is_listed(state, id) || self.is_hoped_for(state, id))
    }

    /// The type of a public voice's phonemes, if nothing here makes such.
    pub fn foreign_phonemes(&self, id: &VoiceId) -> Option<&'static str> {
        self.public.get(id)?.foreign_phonemes
    }

    fn info(&self, state: &CatalogueState, id: &VoiceId) -> VoiceInfo {
        let published = state.published.as_ref().and_then(|published| published.voices.get(id));
        let known = VoiceFacts {
            installed: state.installed.get(id),
            problem: state.problems.get(id),
            loudness: state.loudness(id, state.digests.get(id)).and_then(Loudness::usual),
            quality: state.quality(id),
            published,
            public: self.public.get(id),
        };
        VoiceInfo::new(id, &known)
    }

    /// The source's list: where it is a folder as it stands there, else as an earlier process stored it or someone put
    /// it there. A list of another source is of no use: its sizes and checksums are of other files.
    fn stored_catalogue(&self) -> Option<Published> {
        let source = self.settings.source.as_ref()?;
        if let VoiceSource::Folder(folder) = source {
            return read_catalogue(folder);
        }
        let folders: Vec<&Path> = self.folders.all().collect();
        folders.into_iter().rev().find_map(|folder| {
            let stored_of = Lockfile::read(folder).ok()?;
            if stored_of.catalogue_source().is_some_and(|name| name != source.name()) {
                return None;
            }
            read_catalogue(folder)
        })
    }
}

impl CatalogueState {
    pub fn published(&self, id: &VoiceId) -> Option<PublishedVoice> {
        self.published.as_ref()?.voices.get(id).cloned()
    }
}

fn read_catalogue(folder: &Path) -> Option<Published> {
    let json = disk::read_if_there(&folder.join(CATALOGUE_FILE), MAX_CATALOGUE_BYTES);
    let published = json
        .map_err(|error| error.to_string())
        .and_then(|json| json.map(|json| Published::parse(&json).map_err(|error| error.to_string())).transpose());
    published.inspect_err(|error| tracing::warn!(%error, "the stored catalogue is of no use")).ok().flatten()
}

fn folder_error(folder: &Path, error: std::io::Error) -> CatalogueError {
    CatalogueError::Folder { folder: folder.display().to_string(), error }
}
