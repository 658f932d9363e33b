//! Owns the tokens that the service knows: the secrets of its settings, and the named tokens of a file that may change
//! while it runs.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use crate::config::{HashedToken, Limits, NamedToken, Scopes, TokensError, read_settled_tokens, read_tokens};
use crate::pool::CallerShare;
use crate::resilience::{Allowance, ByteShare, Quota};

/// Everyone who may call. A clone is another handle to them.
#[derive(Clone)]
pub struct Callers {
    /// They may do everything, without bound.
    secrets: Arc<[HashedToken]>,
    /// What they have had of the workers, together.
    share: CallerShare,
    /// And what they hold of the memory of answers.
    bytes: ByteShare,
    file: Option<Arc<PathBuf>>,
    named: Arc<RwLock<Arc<[Arc<Principal>]>>>,
}

/// Somebody who is known.
#[derive(Debug)]
pub struct Principal {
    pub scopes: Scopes,
    named: Option<NamedToken>,
    /// What the caller has had of the workers.
    pub share: CallerShare,
    /// What the caller holds of the memory of answers.
    pub bytes: ByteShare,
    requests: Option<Quota>,
    characters: Option<Quota>,
}

// === impl Callers ===

impl Callers {
    pub fn new(secrets: Vec<HashedToken>, file: Option<PathBuf>) -> Result<Self, TokensError> {
        let named = Arc::new(RwLock::new([].into()));
        let (share, bytes) = (CallerShare::default(), ByteShare::default());
        let callers = Self { secrets: secrets.into(), share, bytes, file: file.map(Arc::new), named };
        if let Some(file) = &callers.file {
            callers.admit(read_tokens(file)?)?;
        }
        Ok(callers)
    }

    /// Reads the file again. After an error everything stays as it was. Takes file accesses, and waits for a file that
    /// is being written: not for an async thread.
    pub fn reload(&self) -> Result<(), TokensError> {
        let Some(file) = &self.file else { return Ok(()) };
        match read_settled_tokens(file) {
            Err(TokensError::Empty) if self.named().is_empty() => Ok(()),
            read => self.admit(read?),
        }
    }

    /// Who is known as before keeps what he has used up.
    fn admit(&self, tokens: Vec<NamedToken>) -> Result<(), TokensError> {
        let is_secret = |token: &NamedToken| self.secrets.iter().any(|secret| secret.is_same(&token.token));
        if let Some(index) = tokens.iter().position(is_secret) {
            return Err(TokensError::AlsoSecret { index: index + 1 });
        }
        let before = self.named();
        let keep = |token: NamedToken| {
            let same = before.iter().find(|known| known.is_as(&token));
            same.cloned().unwrap_or_else(|| Arc::new(Principal::named(token)))
        };
        let named = tokens.into_iter().map(keep).collect();
        *self.named.write().unwrap_or_else(PoisonError::into_inner) = named;
        Ok(())
    }

    /// Who presents a secret. It is compared with all that are known, in the same time whichever it is.
    pub fn find(&self, presented: &[u8]) -> Option<Arc<Principal>> {
        let named = self.named();
        let tokens = self.secrets.iter().chain(named.iter().filter_map(|known| known.token()));
        let index = HashedToken::position(tokens, presented)?;
        match index.checked_sub(self.secrets.len()) {
            None => Some(Arc::new(self.unnamed())),
            Some(index) => named.get(index).cloned(),
        }
    }

    /// Whose token has this name; an empty one means the secrets of the settings.
    pub fn named_so(&self, name: &str) -> Option<Arc<Principal>> {
        if name.is_empty() {
            return (!self.secrets.is_empty()).then(|| Arc::new(self.unnamed()));
        }
        self.named().iter().find(|known| known.name() == name).cloned()
    }

    fn unnamed(&self) -> Principal {
        let (share, bytes) = (self.share.clone(), self.bytes.clone());
        Principal { scopes: Scopes::ALL, named: None, share, bytes, requests: None, characters: None }
    }

    fn named(&self) -> Arc<[Arc<Principal>]> {
        self.named.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

// === impl Principal ===

impl Principal {
    fn named(token: NamedToken) -> Self {
        let Limits { requests_per_minute, characters_per_minute } = token.limits;
        Self {
            scopes: token.scopes,
            requests: requests_per_minute.map(Quota::new),
            characters: characters_per_minute.map(Quota::new),
            share: CallerShare::among_others(),
            bytes: ByteShare::among_others(),
            named: Some(token),
        }
    }

    fn token(&self) -> Option<&HashedToken> {
        self.named.as_ref().map(|named| &named.token)
    }

    fn is_as(&self, token: &NamedToken) -> bool {
        self.named.as_ref().is_some_and(|named| {
            named.name == token.name
                && named.limits == token.limits
                && named.scopes == token.scopes
                && named.token.is_same(&token.token)
        })
    }

    /// How much it may have; without a name without bound.
    pub fn limits(&self) -> Limits {
        self.named.as_ref().map_or_else(Limits::default, |named| named.limits)
    }

    pub fn name(&self) -> &str {
        self.named.as_ref().map_or("", |named| &named.name)
    }

    /// Counts a request; `None`: nobody counts.
    pub fn take_request(&self) -> Result<Option<Allowance>, Allowance> {
        self.requests.as_ref().map(|quota| quota.take(1)).transpose()
    }

    /// Counts characters to be spoken.
    pub fn take_characters(&self, count: usize) -> Result<(), Allowance> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.characters.as_ref().map_or(Ok(()), |quota| quota.take(count).map(|_| ()))
    }
}
