//! A number, of which it does not matter any more how it was written.

/// A number in ASCII digits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Number {
    pub negative: bool,
    /// Without groups.
    pub integer: String,
    pub fraction: Option<String>,
    /// It was written in groups of three.
    pub grouped: bool,
}

// === impl Number ===

impl Number {
    pub fn whole(digits: &str) -> Self {
        Self { integer: digits.to_owned(), ..Self::default() }
    }

    /// As machines write it, without its sign.
    pub fn plain(&self) -> String {
        match &self.fraction {
            None => self.integer.clone(),
            Some(fraction) if self.integer.is_empty() => format!("0.{fraction}"),
            Some(fraction) => format!("{}.{fraction}", self.integer),
        }
    }

    pub fn is_zero(&self) -> bool {
        self.integer.bytes().all(|digit| digit == b'0')
    }
}
