//! The bodies of the publish API, compatible with Centrifugo's HTTP API: JSON to commands.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use data_encoding::BASE64;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::limits::API_ENTRIES_MAX;
use crate::proto::Kind;
use crate::relay::api::tokens::{OneToken, UserTokens};
use crate::relay::api::users::ForUser;
use crate::relay::spelling::nearest;

/// One message to a topic (`publish`) or to several (`broadcast`). Unknown fields are ignored,
/// because Centrifugo has many, and noted, because one may be misspelled.
#[derive(Default)]
pub(super) struct Command<'b> {
    pub(super) channel: Option<Cow<'b, str>>,
    channels: Option<Names<'b>>,
    data: Option<&'b RawValue>,
    b64data: Option<Cow<'b, str>>,
    idempotency_key: Option<Cow<'b, str>>,
    /// An unknown field, preferably one that is similar to a known name.
    pub(super) unknown: Option<Box<Unknown>>,
}

/// An unknown field.
#[derive(Debug)]
pub(super) struct Unknown {
    pub(super) name: String,
    /// The known field with the most similar name, if any is similar.
    pub(super) meant: Option<&'static str>,
}

/// The commands of a batch.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Batch<'b> {
    #[serde(borrow)]
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
    #[serde(borrow)]
    pub(super) disconnect: Option<ForUser<'b>>,
    #[serde(borrow)]
    pub(super) refresh: Option<ForUser<'b>>,
    #[serde(borrow)]
    pub(super) send: Option<ForUser<'b>>,
    #[serde(borrow)]
    pub(super) invalidate_user_tokens: Option<UserTokens<'b>>,
    #[serde(borrow)]
    pub(super) revoke_token: Option<OneToken<'b>>,
}

/// An array of at most [`API_ENTRIES_MAX`] texts, parsed again when they are needed. All arrays of
/// a body have this limit together, which is known only when all are counted.
struct Names<'b> {
    json: &'b RawValue,
    count: usize,
}

/// An array of at most [`API_ENTRIES_MAX`] elements. A body could have many more, and each takes
/// more memory than bytes of the body.
pub(super) struct List<T>(pub(super) Vec<T>);

impl<'b> Batch<'b> {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// The body is not a batch, or asks for more than [`API_ENTRIES_MAX`] answers in total.
    pub(super) fn read(body: &'b [u8]) -> Result<Self, serde_json::Error> {
        let batch: Self = serde_json::from_slice(body)?;
        let commands = batch.commands.0.iter().flatten();
        let entries = commands.map(|command| {
            let broadcast = command.broadcast.as_ref();
            broadcast.map_or(1, |command| command.channel_count().max(1))
        });
        let none = batch.commands.0.iter().filter(|command| command.is_none());
        if API_ENTRIES_MAX < entries.sum::<usize>() + none.count() {
            let rule = format!("more than {API_ENTRIES_MAX} messages in all");
            return Err(serde_json::Error::custom(rule));
        }
        Ok(batch)
    }
}

impl<'b> Command<'b> {
    fn channel_count(&self) -> usize {
        self.channels.as_ref().map_or(0, |names| names.count)
    }

    /// The topics of a broadcast.
    pub(super) fn channels(&self) -> Option<List<Cow<'b, str>>> {
        let names = self.channels.as_ref()?;
        serde_json::from_str(names.json.get()).ok()
    }

    /// The message: `b64data` if it is given, otherwise `data` as it is written, but on one line.
    pub(super) fn message(&self) -> Option<(Kind, Cow<'_, [u8]>)> {
        message(self.data, self.b64data.as_deref())
    }

    /// The idempotency key: a second message with it is not published.
    pub(super) fn key(&self) -> &str {
        self.idempotency_key.as_deref().unwrap_or_default()
    }
}

/// JSON has line ends only between its tokens (RFC 8259, 2 and 7).
pub(super) fn message<'m>(
    data: Option<&'m RawValue>,
    b64data: Option<&str>,
) -> Option<(Kind, Cow<'m, [u8]>)> {
    if let Some(encoded) = b64data.filter(|data| !data.is_empty()) {
        let bytes = BASE64.decode(encoded.as_bytes()).ok()?;
        return Some((Kind::Binary, Cow::Owned(bytes)));
    }
    let json = data?.get().as_bytes();
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    if !json.iter().any(is_end) {
        return Some((Kind::Text, Cow::Borrowed(json)));
    }
    let one_line = json
        .iter()
        .map(|byte| if is_end(byte) { b' ' } else { *byte });
    Some((Kind::Text, Cow::Owned(one_line.collect())))
}

/// The names of a command's fields.
#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Channel,
    Channels,
    Data,
    B64data,
    IdempotencyKey,
    Other(String),
}

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

impl<'de: 'b, 'b> Deserialize<'de> for Command<'b> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Command<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Command<'de>, A::Error> {
        let (mut channel, mut channels, mut data) = (None, None, None);
        let (mut b64data, mut key, mut unknown) = (None, None, None);
        while let Some(field) = from.next_key()? {
            match field {
                Field::Channel => once(&mut channel, "channel", &mut from)?,
                Field::Channels => once(&mut channels, "channels", &mut from)?,
                // `null` is a value like any other.
                Field::Data => once(&mut data, "data", &mut from)?,
                Field::B64data => once(&mut b64data, "b64data", &mut from)?,
                Field::IdempotencyKey => once(&mut key, "idempotency_key", &mut from)?,
                Field::Other(name) => {
                    from.next_value::<IgnoredAny>()?;
                    note(&mut unknown, name);
                }
            }
        }
        let text = |text: Option<Option<Text<'de>>>| text.flatten().map(|Text(text)| text);
        Ok(Command {
            channel: text(channel),
            channels: channels.flatten(),
            data,
            b64data: text(b64data),
            idempotency_key: text(key),
            unknown,
        })
    }
}

/// Reads the value of a field that may occur only once.
fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    field: &mut Option<T>,
    name: &'static str,
    from: &mut A,
) -> Result<(), A::Error> {
    match field.replace(from.next_value()?) {
        None => Ok(()),
        Some(_) => Err(A::Error::duplicate_field(name)),
    }
}

fn note(unknown: &mut Option<Box<Unknown>>, name: String) {
    let is_settled = unknown.as_ref().is_some_and(|noted| noted.meant.is_some());
    // A name that is much longer than all known names is similar to none.
    if is_settled || NAME_BYTES_MAX < name.len() {
        return;
    }
    let meant = nearest(&name, FIELDS.iter().copied());
    if meant.is_some() || unknown.is_none() {
        *unknown = Some(Box::new(Unknown { name, meant }));
    }
}

const FIELDS: &[&str] = &["channel", "channels", "data", "b64data", "idempotency_key"];
/// Maximum length of a field's name in an error message.
const NAME_BYTES_MAX: usize = 64;

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
#[path = "commands_tests.rs"]
mod tests;
