//! Owns the fields that say how loud speech is: `loudness` and `normalize_peaks`.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Unexpected, Visitor};
use utoipa::ToSchema;

use crate::domain::{InvalidField, Level, Lufs};

/// A number of LUFS, or none.
#[derive(Debug, Clone, Copy)]
pub struct LoudnessField(Option<f32>);

/// A loudness in LUFS, from -40 to -10, or `none`.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
pub enum NumberOrNone {
    Number(f32),
    None(String),
}

/// What a request says of its level, if it says anything.
pub fn level(loudness: Option<LoudnessField>, normalize_peaks: bool) -> Result<Option<Level>, InvalidField> {
    match (loudness, normalize_peaks) {
        (Some(_), true) => {
            Err(InvalidField { field: "normalize_peaks", expected: "left out where there is a `loudness`" })
        }
        (None, true) => Ok(Some(Level::FullPeaks)),
        (Some(LoudnessField(None)), false) => Ok(Some(Level::AsTrained)),
        (Some(LoudnessField(Some(lufs))), false) => Ok(Some(Level::Loudness(Lufs::new(lufs)?))),
        (None, false) => Ok(None),
    }
}

/// Of a stream: a peak is known when the whole sentence is.
pub fn refuse_peaks(normalize_peaks: bool) -> Result<(), InvalidField> {
    let expected = "left out of what is streamed: the loudest sample of a sentence is known at its end";
    if normalize_peaks { Err(InvalidField { field: "normalize_peaks", expected }) } else { Ok(()) }
}

impl<'de> Deserialize<'de> for LoudnessField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LoudnessVisitor;

        impl Visitor<'_> for LoudnessVisitor {
            type Value = LoudnessField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of LUFS or \"none\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                let is_none = text.eq_ignore_ascii_case("none");
                is_none.then_some(LoudnessField(None)).ok_or_else(|| E::invalid_value(Unexpected::Other("text"), &self))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(LoudnessField(Some(number as f32)))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(LoudnessField(Some(number as f32)))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(LoudnessField(Some(number as f32)))
            }
        }

        deserializer.deserialize_any(LoudnessVisitor)
    }
}
