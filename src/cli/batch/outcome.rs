//! Takes the outcome of each text, whoever speaks it.

use crate::batch::{ItemError, SpokenItem};

/// Takes what became of an item.
pub type KeepOutcome<'a> = &'a mut dyn FnMut(usize, Result<SpokenItem, ItemError>) -> anyhow::Result<()>;
