//! The bodies of the publish API, those of Centrifugo's HTTP API: JSON to commands.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use data_encoding::BASE64;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::limits::API_ENTRIES_MAX;
use crate::proto::Kind;

/// One message to a topic (`publish`) or to several (`broadcast`). What is not here is ignored.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Command<'b> {
    #[serde(borrow)]
    pub(super) channel: Option<Cow<'b, str>>,
    #[serde(borrow)]
    pub(super) channels: Option<List<Cow<'b, str>>>,
    #[serde(borrow, default, deserialize_with = "any_json")]
    data: Option<&'b RawValue>,
    #[serde(borrow)]
    b64data: Option<Cow<'b, str>>,
    #[serde(borrow)]
    idempotency_key: Option<Cow<'b, str>>,
}

/// Commands in a row.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Batch<'b> {
    #[serde(borrow, default)]
    pub(super) commands: List<Option<Numbered<'b>>>,
}

/// A command with its method.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Numbered<'b> {
    #[serde(borrow)]
    pub(super) publish: Option<Command<'b>>,
    #[serde(borrow)]
    pub(super) broadcast: Option<Command<'b>>,
}

/// An array of at most [`API_ENTRIES_MAX`] elements: those of one body could be many more, and
/// each takes more memory than it has bytes.
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl Command<'_> {
    /// The message: `b64data` if there is some, else `data` as it is written, but on one line.
    /// JSON has line ends between its tokens alone (RFC 8259, 2 and 7).
    pub(super) fn message(&self) -> Option<(Kind, Cow<'_, [u8]>)> {
        if let Some(encoded) = self.b64data.as_deref().filter(|data| !data.is_empty()) {
            let bytes = BASE64.decode(encoded.as_bytes()).ok()?;
            return Some((Kind::Binary, Cow::Owned(bytes)));
        }
        let json = self.data?.get().as_bytes();
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        if !json.iter().any(is_end) {
            return Some((Kind::Text, Cow::Borrowed(json)));
        }
        let one_line = json
            .iter()
            .map(|byte| if is_end(byte) { b' ' } else { *byte });
        Some((Kind::Text, Cow::Owned(one_line.collect())))
    }

    /// Under what a second message of the kind is none.
    pub(super) fn key(&self) -> &str {
        self.idempotency_key.as_deref().unwrap_or_default()
    }
}

/// A `null` is a value like any other.
fn any_json<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
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

#[cfg(test)]
mod tests {
    use super::{Batch, Command};
    use crate::limits::API_ENTRIES_MAX;
    use crate::proto::Kind;

    fn message(json: &str) -> Option<(Kind, Vec<u8>)> {
        let command: Command<'_> = serde_json::from_str(json).unwrap();
        let message = command.message();
        message.map(|(kind, bytes)| (kind, bytes.into_owned()))
    }

    #[test]
    fn data_is_passed_on_as_it_is_written() {
        for data in [
            "{}",
            "null",
            "0",
            "-1.50e+3",
            "\"\\u00e9é\\n\"",
            "[1, {\"a\" :2}]",
            "1e999",
        ] {
            let json = format!("{{\"channel\":\"a\",\"data\": {data} }}");
            let expected = Some((Kind::Text, data.as_bytes().to_vec()));
            assert_eq!(message(&json), expected, "{data}");
        }
        let lines = message("{\"data\":{\r\n\"a\":1\n}}");
        assert_eq!(lines, Some((Kind::Text, b"{  \"a\":1 }".to_vec())));
    }

    #[test]
    fn bytes_come_as_base64_and_go_before_data() {
        let binary = |bytes: &[u8]| Some((Kind::Binary, bytes.to_vec()));
        assert_eq!(message("{\"b64data\":\"AP8K\"}"), binary(b"\0\xff\n"));
        assert_eq!(
            message("{\"data\":null,\"b64data\":\"Zg==\"}"),
            binary(b"f")
        );
        let both = message("{\"data\":1,\"b64data\":\"\"}");
        assert_eq!(both, Some((Kind::Text, b"1".to_vec())));
        for bad in ["Zg", "Zg=", "Z===", "Zh==", "Z g==", "-_8="] {
            assert_eq!(
                message(&format!("{{\"b64data\":\"{bad}\"}}")),
                None,
                "{bad}"
            );
        }
        assert_eq!(message("{}"), None);
    }

    #[test]
    fn what_means_nothing_here_is_ignored() {
        let json = "{\"channel\":\"a\",\"data\":1,\"tags\":{\"b\":\"c\"},\"skip_history\":true,\
            \"delta\":true,\"idempotency_key\":null}";
        let command: Command<'_> = serde_json::from_str(json).unwrap();
        assert_eq!((command.channel.as_deref(), command.key()), (Some("a"), ""));
        let batch = "{\"commands\":[{\"publish\":{}},{\"presence\":{}},null],\"parallel\":true}";
        let batch: Batch<'_> = serde_json::from_str(batch).unwrap();
        let has = batch.commands.0.iter().map(|command| {
            let command = command.as_ref();
            command.map(|command| command.publish.is_some())
        });
        assert!(has.eq([Some(true), Some(false), None]));
    }

    #[test]
    fn no_body_makes_more_entries_than_there_may_be() {
        for (count, is_good) in [(API_ENTRIES_MAX, true), (API_ENTRIES_MAX + 1, false)] {
            let nulls = vec!["null"; count].join(",");
            let json = format!("{{\"commands\":[{nulls}]}}");
            let batch = serde_json::from_str::<Batch<'_>>(&json);
            assert_eq!(batch.is_ok(), is_good, "{count}");
        }
    }
}
