//! How a received message is printed.

use std::io::{self, Write};

use data_encoding::BASE64;
use jiff::Timestamp;
use serde::Serialize;

use crate::proto::Kind;

/// A message as it has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) topic: String,
    pub(super) kind: Kind,
    pub(super) payload: Vec<u8>,
    /// If the topic has a history.
    pub(super) epoch: Option<String>,
    pub(super) offset: Option<u64>,
}

/// What a line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Text without control characters, and binary as base64; before it the topic, if there may be
    /// several.
    Line { with_topic: bool },
    /// The bytes as they are.
    Raw,
    /// An object.
    Json,
}

#[derive(Serialize)]
struct Object<'m> {
    topic: &'m str,
    offset: Option<u64>,
    epoch: Option<&'m str>,
    time: String,
    kind: &'static str,
    data: &'m str,
}

impl Format {
    /// Writes a message that has come at a time.
    pub(super) fn write(
        self,
        out: &mut impl Write,
        message: &Received,
        time: Timestamp,
    ) -> io::Result<()> {
        match self {
            Self::Raw => out.write_all(&message.payload)?,
            Self::Line { with_topic } => {
                if with_topic {
                    write!(out, "{}\t", visible(&message.topic))?;
                }
                match message.text() {
                    Some(text) => out.write_all(visible(text).as_bytes())?,
                    None => out.write_all(BASE64.encode(&message.payload).as_bytes())?,
                }
            }
            Self::Json => {
                let encoded;
                let (kind, data) = match message.text() {
                    Some(text) => ("text", text),
                    None => {
                        encoded = BASE64.encode(&message.payload);
                        ("binary", &*encoded)
                    }
                };
                let object = Object {
                    topic: &message.topic,
                    offset: message.offset,
                    epoch: message.epoch.as_deref(),
                    time: format!("{time:.3}"),
                    kind,
                    data,
                };
                serde_json::to_writer(&mut *out, &object)?;
            }
        }
        out.write_all(b"\n")
    }
}

impl Received {
    fn text(&self) -> Option<&str> {
        let is_text = self.kind == Kind::Text;
        is_text.then(|| std::str::from_utf8(&self.payload).ok())?
    }
}

/// A text in which control characters but tabs are escaped, so that it stays on its line and does
/// not control a terminal.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\t' {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: Kind, payload: &[u8]) -> Received {
        Received {
            topic: "news".to_owned(),
            kind,
            payload: payload.to_vec(),
            epoch: Some("mzxw6ytb".to_owned()),
            offset: Some(42),
        }
    }

    fn line(format: Format, message: &Received) -> String {
        let mut out = Vec::new();
        let time = Timestamp::from_millisecond(1_500).unwrap();
        format.write(&mut out, message, time).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_is_one_line_that_controls_no_terminal() {
        let text = message(Kind::Text, "a\nb\u{1b}[2J\t\u{e4}\u{9b}".as_bytes());
        let plain = Format::Line { with_topic: false };
        assert_eq!(line(plain, &text), "a\\nb\\u{1b}[2J\t\u{e4}\\u{9b}\n");
        let named = Format::Line { with_topic: true };
        assert_eq!(line(named, &message(Kind::Text, b"x")), "news\tx\n");
        assert_eq!(line(plain, &message(Kind::Binary, &[0, 255])), "AP8=\n");
        assert_eq!(line(Format::Raw, &message(Kind::Text, b"a\nb")), "a\nb\n");
    }

    #[test]
    fn an_object_has_all_that_is_known() {
        assert_eq!(
            line(Format::Json, &message(Kind::Text, b"a\n\"")),
            "{\"topic\":\"news\",\"offset\":42,\"epoch\":\"mzxw6ytb\",\
             \"time\":\"1970-01-01T00:00:01.500Z\",\"kind\":\"text\",\"data\":\"a\\n\\\"\"}\n"
        );
        let mut binary = message(Kind::Binary, &[255]);
        binary.offset = None;
        let told = line(Format::Json, &binary);
        assert!(told.contains("\"offset\":null"), "{told}");
        assert!(
            told.contains("\"kind\":\"binary\",\"data\":\"/w==\""),
            "{told}"
        );
    }
}
