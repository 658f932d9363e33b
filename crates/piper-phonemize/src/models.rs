//! Owns models that only some languages need. Each is loaded once, for the first text that needs it, on a thread that
//! nobody joins: the disk may hang.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use piper_acoustic::OnnxRuntime;
use tokio::sync::watch;

/// A model that is loaded at first use.
pub struct LazyModel<M> {
    name: &'static str,
    runtime: OnnxRuntime,
    folder: Option<PathBuf>,
    load: Load<M>,
    loaded: OnceLock<watch::Receiver<Option<ModelResult<M>>>>,
}

type Load<M> = fn(&Path, &OnnxRuntime) -> Result<M, String>;

/// The model, or why there is none.
type ModelResult<M> = Result<Arc<M>, String>;

// === impl LazyModel ===

impl<M: Send + Sync + 'static> LazyModel<M> {
    pub fn new(name: &'static str, runtime: OnnxRuntime, folder: Option<PathBuf>, load: Load<M>) -> Self {
        Self { name, runtime, folder, load, loaded: OnceLock::new() }
    }

    /// # Errors
    /// It is not installed.
    pub fn folder(&self) -> Result<&Path, String> {
        self.folder.as_deref().ok_or_else(|| "its model is not installed".to_owned())
    }

    pub async fn get(&self) -> Result<Arc<M>, String> {
        let folder = self.folder()?;
        let mut loaded = self.loaded.get_or_init(|| self.begin(folder.to_owned())).clone();
        let loaded = loaded.wait_for(Option::is_some).await.ok().and_then(|loaded| loaded.clone());
        loaded.unwrap_or_else(|| Err("loading its model panicked".to_owned()))
    }

    fn begin(&self, folder: PathBuf) -> watch::Receiver<Option<ModelResult<M>>> {
        let (sender, receiver) = watch::channel(None);
        let (load, runtime) = (self.load, self.runtime.clone());
        let load = move || {
            sender.send_replace(Some(load(&folder, &runtime).map(Arc::new)));
        };
        // Without a thread the sender is dropped, which tells those who wait.
        let _ = std::thread::Builder::new().name(self.name.to_owned()).spawn(load);
        receiver
    }
}

/// Where the longest beginning of a text that is looked at as one ends: behind a sentence, or else behind a word, or
/// else anywhere where no sign follows.
pub fn end_of_piece(text: &str, most_chars: usize, is_sign: fn(char) -> bool) -> usize {
    let Some((limit, _)) = text.char_indices().nth(most_chars) else { return text.len() };
    let behind_last = |is_end: fn(char) -> bool| {
        let last = text[..limit].char_indices().rev().find(|(_, c)| is_end(*c));
        last.map(|(at, c)| at + c.len_utf8())
    };
    let sentence = behind_last(|c| matches!(c, '.' | '!' | '?' | '؟' | '؛' | '\n'));
    // Signs stay with their letter.
    let anywhere = || text.len() - text[limit..].trim_start_matches(is_sign).len();
    sentence.or_else(|| behind_last(char::is_whitespace)).unwrap_or_else(anywhere)
}
