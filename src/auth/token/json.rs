//! JSON objects in which no name stands twice.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// Reads an object. Two members with one name are an error (RFC 7519 section 4, RFC 8725 section
/// 2.4): another reader might use the other one.
pub(in crate::auth) fn object(bytes: &[u8]) -> Result<Map<String, Value>, serde_json::Error> {
    serde_json::from_slice::<Unique>(bytes).map(|Unique(map)| map)
}

struct Unique(Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Unique, M::Error> {
        let mut map = Map::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            if map.insert(name, value).is_some() {
                return Err(M::Error::custom("a name stands twice"));
            }
        }
        Ok(Unique(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_with_a_repeated_name_is_refused() {
        assert_eq!(object(b"{\"a\":1,\"b\":2}").unwrap().len(), 2);
        for bad in [
            "{\"a\":1,\"a\":1}",
            "{\"a\":1,\"\\u0061\":2}",
            "[]",
            "1",
            "{\"a\":1} ?",
            "",
        ] {
            assert!(object(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
