//! What a caller is told of a field that cannot be used.

/// A field that is outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be {expected}")]
pub struct InvalidField {
    pub field: &'static str,
    pub expected: &'static str,
}
