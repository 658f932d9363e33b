//! Owns the file of named tokens (`TTS_TOKENS_FILE`): who may call, what for, and how much. It holds digests, no
//! secrets, and is read again while the service runs.

use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::path::Path;

use serde::Deserialize;

use super::{HashedToken, watched};

/// Somebody who may call.
#[derive(Debug, Clone)]
pub struct NamedToken {
    /// For the operator: in metrics, and in `/v1/usage`.
    pub name: String,
    pub token: HashedToken,
    pub scopes: Scopes,
    pub limits: Limits,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes {
    /// Speech, and what goes with it.
    pub speak: bool,
    /// Loading voices and letting them go.
    pub manage: bool,
}

/// How much of it; `None`: without bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    pub requests_per_minute: Option<NonZeroU32>,
    pub characters_per_minute: Option<NonZeroU32>,
}

/// Why the file cannot be used. Holds nothing of it but names of fields.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("line {line}: {message}")]
    Malformed { line: usize, message: String },
    #[error("token {index}: {problem}")]
    Token { index: usize, problem: &'static str },
    #[error("token {index}: sha256 is that of ALLOWED_USER_TOKEN, which has no limits: take it out of one of the two")]
    AlsoSecret { index: usize },
    #[error("more than {MAX_TOKENS} tokens, which are compared with one after the other")]
    TooMany,
    /// As a file is for a moment that is written anew.
    #[error("it is empty; a comment alone withdraws all tokens")]
    Empty,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<TokenEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenEntry {
    name: String,
    /// Hexadecimal, as `sha256sum` prints it.
    sha256: String,
    scopes: Option<Vec<Scope>>,
    requests_per_minute: Option<NonZeroU32>,
    characters_per_minute: Option<NonZeroU32>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Scope {
    Speak,
    Manage,
}

pub const MAX_TOKENS: usize = 1_000;
/// With what commands may put behind it.
const NO_SECRETS: [&str; 3] = ["", "\n", "\r\n"];
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The tokens of a file.
pub fn read_tokens(path: &Path) -> Result<Vec<NamedToken>, TokensError> {
    parse(&watched::read(path, MAX_FILE_BYTES).map_err(unread)?)
}

/// The tokens of a file that may be being written at this moment. Takes file accesses and waits between them: not for
/// an async thread.
pub fn read_settled_tokens(path: &Path) -> Result<Vec<NamedToken>, TokensError> {
    let text = watched::read_settled(path, MAX_FILE_BYTES).map_err(unread)?;
    parse(&text.ok_or(TokensError::Empty)?)
}

fn unread(error: std::io::Error) -> TokensError {
    match error.kind() {
        ErrorKind::FileTooLarge => TokensError::TooMany,
        _ => error.into(),
    }
}

fn parse(text: &str) -> Result<Vec<NamedToken>, TokensError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        // The parser's own words may quote what stands there.
        let message = error.message().split('`').next().unwrap_or_default().trim().trim_end_matches(',').to_owned();
        TokensError::Malformed { line, message }
    })?;
    if file.token.len() > MAX_TOKENS {
        return Err(TokensError::TooMany);
    }
    let mut names = std::collections::HashSet::new();
    let mut secrets: Vec<HashedToken> = Vec::new();
    let named = |(at, entry): (usize, TokenEntry)| {
        let wrong = |problem| TokensError::Token { index: at + 1, problem };
        if entry.name.is_empty() || !names.insert(entry.name.clone()) {
            return Err(wrong("name must be there, and there once"));
        }
        let token = HashedToken::from_digest(&entry.sha256).ok_or(wrong("sha256 must be 64 hexadecimal digits"))?;
        // What `sha256sum` prints of a variable that is not set.
        if NO_SECRETS.iter().any(|nothing| token.is_same(&HashedToken::new(nothing))) {
            return Err(wrong("sha256 is that of an empty secret: was the variable set that went into sha256sum?"));
        }
        if secrets.iter().any(|before| before.is_same(&token)) {
            return Err(wrong("sha256 is that of a token before it: two names cannot have one secret"));
        }
        secrets.push(token.clone());
        let scopes = entry.scopes.unwrap_or_else(|| vec![Scope::Speak]);
        Ok(NamedToken {
            name: entry.name,
            token,
            scopes: Scopes { speak: scopes.contains(&Scope::Speak), manage: scopes.contains(&Scope::Manage) },
            limits: Limits {
                requests_per_minute: entry.requests_per_minute,
                characters_per_minute: entry.characters_per_minute,
            },
        })
    };
    file.token.into_iter().enumerate().map(named).collect()
}

// === impl Scopes ===

impl Scopes {
    pub const ALL: Self = Self { speak: true, manage: true };
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    fn entry(fields: &str) -> String {
        format!("[[token]]\nname = \"shop\"\nsha256 = \"{DIGEST}\"\n{fields}\n")
    }

    #[test]
    fn a_token_has_a_name_a_digest_scopes_and_limits() {
        let tokens = parse(&entry("scopes = [\"manage\"]\nrequests_per_minute = 60")).unwrap();

        assert_eq!((tokens[0].name.as_str(), tokens[0].scopes), ("shop", Scopes { speak: false, manage: true }));
        assert_eq!(tokens[0].limits.requests_per_minute.map(u32::from), Some(60));
        assert!(HashedToken::is_any_of(std::slice::from_ref(&tokens[0].token), b"secret"));
        assert_eq!(parse(&entry("")).unwrap()[0].scopes, Scopes { speak: true, manage: false });
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn an_empty_file_withdraws_nothing_and_a_comment_does() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(read_settled_tokens(file.path()), Err(TokensError::Empty)));

        std::fs::write(file.path(), "# nobody\n").unwrap();

        assert!(read_settled_tokens(file.path()).unwrap().is_empty());
    }

    #[test]
    fn a_pipe_and_a_huge_file_are_errors_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, huge) = (folder.path().join("pipe"), folder.path().join("huge"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::fs::File::create(&huge).unwrap().set_len(100 << 30).unwrap();

        assert!(matches!(read_tokens(&pipe), Err(TokensError::Read(_))));
        assert!(matches!(read_tokens(&huge), Err(TokensError::TooMany)));
    }

    #[test]
    fn what_is_wrong_is_said_without_quoting_it() {
        let cases = [
            entry("rate = 1"),
            entry("scopes = [\"SECRET\"]"),
            entry("requests_per_minute = 0"),
            "[[token]]\nname = \"a\"\nsha256 = \"SECRET\"".to_owned(),
            format!("[[token]]\nname = \"\"\nsha256 = \"{DIGEST}\""),
            format!("{}{}", entry(""), entry("")),
            "SECRET".to_owned(),
            format!("{}[[token]]\nname = \"other\"\nsha256 = \"{DIGEST}\"", entry("")),
            // Of nothing, and of an empty line.
            "[[token]]\nname = \"a\"\nsha256 = \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""
                .to_owned(),
            "[[token]]\nname = \"a\"\nsha256 = \"01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b\""
                .to_owned(),
        ];
        for text in cases {
            let error = parse(&text).unwrap_err().to_string();

            assert!(!error.contains("SECRET") && !error.is_empty(), "{error}");
        }
    }
}
