//! Owns the field `normalize` of the routes that take a text: which notation is read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use utoipa::ToSchema;

use crate::domain::{Class, Classes};
use crate::text::Normalize;

/// Whether notation is read (`true`, `false`), or which classes other than by default: `{"roman": false}`.
#[derive(Clone, Copy)]
pub struct NormalizeField(pub Normalize);

/// `true`, `false`, or classes with whether they are read.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum AllOrClasses {
    All(bool),
    Classes(BTreeMap<String, bool>),
}

impl<'de> Deserialize<'de> for NormalizeField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = AllOrClasses::deserialize(deserializer).map_err(|_| {
            D::Error::custom("normalize must be true, false, or an object of classes and true or false")
        })?;
        let classes = match written {
            AllOrClasses::All(all) => return Ok(Self(Normalize::All(all))),
            AllOrClasses::Classes(classes) => classes,
        };
        let (mut on, mut off) = (Classes::NONE, Classes::NONE);
        for (name, is_on) in classes {
            let class =
                Class::parse(&name).ok_or_else(|| D::Error::custom(format!("the classes are {}", class_names())))?;
            if is_on {
                on = on.with(class);
            } else {
                off = off.with(class);
            }
        }
        Ok(Self(Normalize::Classes { on, off }))
    }
}

fn class_names() -> String {
    Class::ALL.map(Class::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_switched_by_their_names() {
        let field = |json: &str| serde_json::from_str::<NormalizeField>(json).map(|field| field.0);

        assert_eq!(field("true").unwrap(), Normalize::All(true));
        assert_eq!(field("false").unwrap(), Normalize::All(false));
        let (on, off) = (Classes::NONE.with(Class::Money), Classes::NONE.with(Class::Roman));
        assert_eq!(field(r#"{"money": true, "roman": false}"#).unwrap(), Normalize::Classes { on, off });
        assert!(field("\"yes\"").unwrap_err().to_string().contains("true, false, or an object"));
        let unknown = field(r#"{"SECRET": true}"#).unwrap_err().to_string();
        assert!(unknown.contains("telephone") && !unknown.contains("SECRET"), "{unknown}");
    }
}
