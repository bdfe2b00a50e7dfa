//! Values in the bodies of the API: texts, arrays that are not too long, tags.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::limits::{API_ENTRIES_MAX, TAGS_MAX};

/// An array of at most [`API_ENTRIES_MAX`] texts, parsed again when they are needed. All arrays of
/// a body have this limit together, which is known only when all are counted.
pub(super) struct Names<'b> {
    pub(super) json: &'b RawValue,
    pub(super) count: usize,
}

/// An array of at most [`API_ENTRIES_MAX`] elements. A body could have many more, and each takes
/// more memory than bytes of the body.
pub(super) struct List<T>(pub(super) Vec<T>);

impl<'de: 'b, 'b> Deserialize<'de> for Names<'b> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = <&'de RawValue>::deserialize(from)?;
        let texts: List<AnyText> = serde_json::from_str(json.get()).map_err(|err| {
            // The position in the array: the error of the whole body has its own.
            let place = format!(" at line {} column {}", err.line(), err.column());
            let text = err.to_string();
            D::Error::custom(text.strip_suffix(&place).unwrap_or(&text))
        })?;
        let count = texts.0.len();
        Ok(Self { json, count })
    }
}

/// A text that is skipped.
struct AnyText;

impl<'de> Deserialize<'de> for AnyText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Self)
    }
}

impl Visitor<'_> for AnyText {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

/// A text, borrowed if it has no escapes.
#[derive(serde::Deserialize)]
pub(super) struct Text<'b>(#[serde(borrow)] pub(super) Cow<'b, str>);

/// The tags of a message, in their order.
pub(super) struct Tags(pub(super) Vec<(String, String)>);

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(TagMembers)
    }
}

struct TagMembers;

impl<'de> Visitor<'de> for TagMembers {
    type Value = Tags;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of at most {TAGS_MAX} members")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Tags, A::Error> {
        let mut tags = Vec::new();
        while let Some(tag) = from.next_entry()? {
            if tags.len() == TAGS_MAX {
                return Err(A::Error::invalid_length(tags.len() + 1, &self));
            }
            tags.push(tag);
        }
        Ok(Tags(tags))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(Elements(PhantomData))
    }
}

struct Elements<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of at most {API_ENTRIES_MAX} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<List<T>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = from.next_element()? {
            if elements.len() == API_ENTRIES_MAX {
                return Err(A::Error::invalid_length(elements.len() + 1, &self));
            }
            elements.push(element);
        }
        Ok(List(elements))
    }
}
