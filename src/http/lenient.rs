//! Owns the lenient reading of JSON fields, the same on every route: a whole number that is written with a point,
//! `null` for a field that could as well be missing. And what no object takes: a name twice. And what is no object: a
//! list.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::{Map, Value};

/// Any JSON in which no object has a name twice.
pub struct EachNameOnce;

/// An object. A list of what its fields would hold, which serde takes for one, is none.
pub struct Object<T>(pub T);

struct WholeNumber<T>(PhantomData<T>);

/// A whole number, if the field is there: `1337.0` is one, too.
pub fn whole<'de, T: TryFrom<i128>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(WholeNumber(PhantomData))
}

/// The default for `null`, as for a field that is missing.
pub fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The whole number that a floating-point number is.
pub fn as_whole<T: TryFrom<i128>>(number: f64) -> Option<T> {
    // Beyond 2^53 it is not known which one was written.
    let is_exact = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
    is_exact.then(|| T::try_from(number as i128).ok())?
}

impl<T: TryFrom<i128>> Visitor<'_> for WholeNumber<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of a kind that takes less than 0, or not.
        f.write_str(if T::try_from(-1).is_ok() { "a whole number" } else { "a whole number from 0" })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        let whole = T::try_from(number.into()).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))?;
        Ok(Some(whole))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        let whole = T::try_from(number.into()).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))?;
        Ok(Some(whole))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        as_whole(number).map(Some).ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(deserializer)?;
        T::deserialize(Value::Object(fields)).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for EachNameOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for EachNameOnce {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a name is there twice"));
            }
            fields.next_value::<Self>()?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Sample {
        #[serde(default, deserialize_with = "whole")]
        count: Option<u32>,
        #[serde(default, deserialize_with = "whole")]
        place: Option<i64>,
        #[serde(default, deserialize_with = "or_default")]
        names: Vec<String>,
    }

    fn read(json: &str) -> Result<(Option<u32>, Option<i64>), String> {
        let sample: Result<Sample, _> = serde_json::from_str(json);
        sample.map(|sample| (sample.count, sample.place)).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_numbers_may_have_a_point() {
        assert_eq!(read(r#"{"count":1337.0,"place":-2.0}"#), Ok((Some(1337), Some(-2))));
        assert_eq!(read(r#"{"count":1e3,"place":7}"#), Ok((Some(1000), Some(7))));
        assert_eq!(read(r#"{"count":null,"names":null}"#), Ok((None, None)));
        assert_eq!(read("{}"), Ok((None, None)));
    }

    #[test]
    fn what_is_no_whole_number_is_refused() {
        for wrong in ["1.5", "-1", "-1.0", "4294967296", "4294967296.0", "1e300", "\"1\"", "true", "[]"] {
            let error = read(&format!(r#"{{"count":{wrong}}}"#)).unwrap_err();
            assert!(error.contains("expected a whole number from 0"), "{wrong}: {error}");
        }
        assert!(read(r#"{"place":0.5}"#).unwrap_err().contains("expected a whole number at"));
    }
}
