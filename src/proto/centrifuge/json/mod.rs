//! How payloads are embedded in JSON, where messages must have no line break.

mod check;

use std::borrow::Cow;

use data_encoding::BASE64;

use crate::proto::Kind;
use crate::proto::centrifuge::json::check::check;

/// How a payload is written as a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// It is JSON: as it is.
    Json,
    /// It is JSON with line breaks: these become spaces. They are between its tokens, as those in
    /// its strings are escaped.
    JsonLines,
    /// Other text: a string.
    Text,
    /// Bytes: a string of base64 (RFC 4648 section 4).
    Base64,
}

impl Data {
    /// That of a payload. Binary is never taken for JSON: some few messages would be read as
    /// numbers.
    pub fn of(kind: Kind, payload: &[u8]) -> Self {
        match (kind, check(payload)) {
            (Kind::Binary, _) => Self::Base64,
            (Kind::Text, None) => Self::Text,
            (Kind::Text, Some(false)) => Self::Json,
            (Kind::Text, Some(true)) => Self::JsonLines,
        }
    }

    /// That of bytes of which no kind is known.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let is_text = simdutf8::basic::from_utf8(bytes).is_ok();
        Self::of(if is_text { Kind::Text } else { Kind::Binary }, bytes)
    }

    /// The length of the value that [`encode`](Self::encode) appends.
    pub fn value_len(self, payload: &[u8]) -> usize {
        match self {
            Self::Json | Self::JsonLines => payload.len(),
            Self::Text => string_len(payload),
            Self::Base64 => BASE64.encode_len(payload.len()) + 2,
        }
    }

    /// Appends the payload as a value.
    pub fn encode(self, out: &mut Vec<u8>, payload: &[u8]) {
        match self {
            Self::Json => out.extend_from_slice(payload),
            Self::JsonLines => out.extend(payload.iter().map(|byte| match byte {
                b'\r' | b'\n' => b' ',
                byte => *byte,
            })),
            Self::Text => encode_string(out, payload),
            Self::Base64 => {
                out.push(b'"');
                let start = out.len();
                out.resize(start + BASE64.encode_len(payload.len()), 0);
                BASE64.encode_mut(payload, &mut out[start..]);
                out.push(b'"');
            }
        }
    }

    /// The value of a payload as clients with deltas have it: they get it in a string, where line
    /// breaks do no harm.
    pub fn value(kind: Kind, payload: &[u8]) -> Cow<'_, [u8]> {
        match Self::of(kind, payload) {
            Self::Json | Self::JsonLines => Cow::Borrowed(payload),
            data @ (Self::Text | Self::Base64) => {
                let mut value = Vec::with_capacity(data.value_len(payload));
                data.encode(&mut value, payload);
                Cow::Owned(value)
            }
        }
    }

    /// The longest that a string with that value can be.
    pub fn string_len_max(kind: Kind, payload: &[u8]) -> usize {
        let len: usize = match kind {
            // It may be in a string already.
            Kind::Text => payload.iter().map(|byte| escaped_twice_len(*byte)).sum(),
            Kind::Binary => BASE64.encode_len(payload.len()),
        };
        len + br#""\"\"""#.len()
    }

    /// The longest that the value of a payload of this kind can be.
    pub fn value_len_max(kind: Kind, payload: &[u8]) -> usize {
        match kind {
            // A string has what JSON has, and quotes around it.
            Kind::Text => Self::Text.value_len(payload),
            Kind::Binary => Self::Base64.value_len(payload),
        }
    }
}

/// Appends UTF-8 as a string (RFC 8259 section 7).
pub(super) fn encode_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| escaped_len(*byte) != 1) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        let byte = from[0];
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            _ => {
                let digits =
                    [byte >> 4, byte & 0xf].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
                out.extend_from_slice(br"\u00");
                out.extend_from_slice(&digits);
            }
        }
        rest = &from[1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// The length of that string.
pub(super) fn string_len(text: &[u8]) -> usize {
    text.iter().map(|byte| escaped_len(*byte)).sum::<usize>() + 2
}

fn escaped_twice_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' => 4,
        b'\n' | b'\r' | b'\t' => 3,
        ..0x20 => 7,
        _ => 1,
    }
}

fn escaped_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        ..0x20 => 6,
        _ => 1,
    }
}

/// Whether bytes are one JSON value.
pub(super) fn is_json(bytes: &[u8]) -> bool {
    simdutf8::basic::from_utf8(bytes).is_ok() && check(bytes).is_some()
}

/// Whether a field has nothing to say.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Fields of bytes, which JSON embeds as they are.
pub(super) mod raw {
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::value::RawValue;

    use super::Data;

    pub(in crate::proto::centrifuge) fn serialize<S: Serializer>(
        bytes: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let data = Data::of_bytes(bytes);
        let mut value = Vec::with_capacity(data.value_len(bytes));
        data.encode(&mut value, bytes);
        let value = String::from_utf8(value).map_err(S::Error::custom)?;
        let value = RawValue::from_string(value).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }

    pub(in crate::proto::centrifuge) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let value = <&RawValue>::deserialize(deserializer)?;
        Ok(value.get().as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::internals::Rng;

    fn encoded(data: Data, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        data.encode(&mut out, payload);
        assert_eq!(out.len(), data.value_len(payload), "{data:?}");
        assert!(!out.contains(&b'\n') && !out.contains(&b'\r'));
        out
    }

    #[test]
    fn text_that_is_json_is_embedded_and_other_text_is_a_string() {
        let check = |text: &str, data, expected: &str| {
            assert_eq!(Data::of(Kind::Text, text.as_bytes()), data, "{text:?}");
            let value = encoded(data, text.as_bytes());
            assert_eq!(value, expected.as_bytes());
            assert!(value.len() <= Data::value_len_max(Kind::Text, text.as_bytes()));
        };
        check(r#"{"a":[1,null]}"#, Data::Json, r#"{"a":[1,null]}"#);
        check("{\r\n\t\"a\":\n1}", Data::JsonLines, "{  \t\"a\": 1}");
        check("hello", Data::Text, r#""hello""#);
        check("", Data::Text, r#""""#);
        check("1 2\n", Data::Text, r#""1 2\n""#);
        check(" ", Data::Text, r#"" ""#);
    }

    #[test]
    fn binary_is_base64_whatever_it_says() {
        for (payload, expected) in [(&b"1"[..], r#""MQ==""#), (b"\xff\n", r#""/wo=""#)] {
            assert_eq!(Data::of(Kind::Binary, payload), Data::Base64);
            assert_eq!(encoded(Data::Base64, payload), expected.as_bytes());
        }
    }

    #[test]
    fn a_client_with_deltas_reads_the_value_of_each_payload_in_a_string() {
        for (kind, payload) in [
            (Kind::Text, &b"{\"a\":\n[1,\"\\u00e4\\n\"]}"[..]),
            (Kind::Text, b"a \"text\"\\\n\r\t\x01\x1f"),
            (Kind::Text, "\"\"\u{e4}".as_bytes()),
            (Kind::Text, b""),
            (Kind::Binary, b"\xff\x00\n"),
            (Kind::Binary, b""),
        ] {
            let value = Data::value(kind, payload);
            let string = encoded(Data::Text, &value);
            assert!(
                string.len() <= Data::string_len_max(kind, payload),
                "{payload:?}"
            );
            let read: String = serde_json::from_slice(&string).unwrap();
            assert_eq!(read.as_bytes(), &*value);
            let plain = encoded(Data::of(kind, payload), payload);
            let [read, plain] = [&value[..], &plain].map(serde_json::from_slice::<Value>);
            assert_eq!(read.unwrap(), plain.unwrap(), "{payload:?}");
        }
    }

    #[test]
    fn every_string_reads_back() {
        let mut rng = Rng::new(11);
        let all: String = (0..0x3000).filter_map(char::from_u32).collect();
        let mut texts = vec![all];
        for _ in 0..500 {
            let len = rng.below(20);
            let bytes: Vec<u8> = (0..len).map(|_| rng.byte() % 0x60).collect();
            texts.push(String::from_utf8(bytes).unwrap());
        }
        for text in texts {
            let value = encoded(Data::Text, text.as_bytes());
            assert_eq!(serde_json::from_slice::<Value>(&value).unwrap(), text);
        }
    }
}
