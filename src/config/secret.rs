//! Owns secrets. They cannot be printed, and those that callers present cannot be compared but in constant time.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// The SHA-256 of a secret. Comparing hashes hides the secret's length as well.
#[derive(Clone)]
pub struct HashedToken([u8; 32]);

/// A setting that may hold a password.
#[derive(Clone)]
pub struct Secret(String);

// === impl Secret ===

impl Secret {
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

// === impl HashedToken ===

impl HashedToken {
    pub fn new(secret: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(secret.as_ref()).into())
    }

    /// Of a digest in hexadecimal.
    pub fn from_digest(digest: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(digest, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// True if `presented` is one of `tokens`.
    pub fn is_any_of(tokens: &[Self], presented: &[u8]) -> bool {
        Self::position(tokens, presented).is_some()
    }

    /// Which of `tokens` `presented` is. Takes the same time wherever they differ, and compares with all of them.
    pub fn position<'a>(tokens: impl IntoIterator<Item = &'a Self>, presented: &[u8]) -> Option<usize> {
        let presented = Self::new(presented);
        // One more than the place, so that 0 is none.
        let mut place = 0;
        for (index, token) in tokens.into_iter().enumerate() {
            place.conditional_assign(&(index as u64 + 1), token.0.ct_eq(&presented.0));
        }
        usize::try_from(place).ok()?.checked_sub(1)
    }

    /// Whether both are of one secret.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for HashedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_several_tokens_is_accepted_and_no_other() {
        let tokens = [HashedToken::new("old"), HashedToken::new("new")];

        assert!(HashedToken::is_any_of(&tokens, b"old"));
        assert!(HashedToken::is_any_of(&tokens, b"new"));
        for wrong in [&b""[..], b"ol", b"old ", b"OLD", b"\xff"] {
            assert!(!HashedToken::is_any_of(&tokens, wrong));
        }
        assert!(!HashedToken::is_any_of(&[], b""));
        assert_eq!(HashedToken::position(&tokens, b"new"), Some(1));
    }

    #[test]
    fn secrets_cannot_be_printed() {
        assert_eq!(format!("{:?}", HashedToken::new("secret")), "Token(..)");
        assert_eq!(format!("{:?}", Secret::new("secret".into())), "Secret(..)");
    }
}
