//! The bodies of the publish API, compatible with Centrifugo's HTTP API: JSON to commands.

use std::borrow::Cow;
use std::fmt;

use data_encoding::BASE64;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::handler::Publish;
use crate::limits::API_ENTRIES_MAX;
use crate::proto::Kind;
use crate::relay::api::history::OfHistory;
use crate::relay::api::presence::OfClients;
use crate::relay::api::server::{OfChannels, OfServer, Rpc};
use crate::relay::api::subscriptions::OfSubscription;
use crate::relay::api::tokens::{OneToken, UserTokens};
use crate::relay::api::users::ForUser;
use crate::relay::spelling::nearest;
use crate::relay::values::{List, Names, Tags, Text};

/// One message to a topic (`publish`) or to several (`broadcast`). Unknown fields are ignored,
/// because Centrifugo has many, and noted, because one may be misspelled.
#[derive(Default)]
pub(super) struct Command<'b> {
    pub(super) channel: Option<Cow<'b, str>>,
    channels: Option<Names<'b>>,
    data: Option<&'b RawValue>,
    b64data: Option<Cow<'b, str>>,
    idempotency_key: Option<Cow<'b, str>>,
    skip_history: bool,
    /// An object, parsed again when it is needed.
    tags: Option<&'b RawValue>,
    key: Option<Cow<'b, str>>,
    removed: bool,
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
    pub(super) subscribe: Option<OfSubscription<'b>>,
    #[serde(borrow)]
    pub(super) unsubscribe: Option<OfSubscription<'b>>,
    #[serde(borrow)]
    pub(super) invalidate_user_tokens: Option<UserTokens<'b>>,
    #[serde(borrow)]
    pub(super) revoke_token: Option<OneToken<'b>>,
    #[serde(borrow)]
    pub(super) history: Option<OfHistory<'b>>,
    #[serde(borrow)]
    pub(super) history_remove: Option<OfHistory<'b>>,
    pub(super) info: Option<OfServer>,
    #[serde(borrow)]
    pub(super) channels: Option<OfChannels<'b>>,
    #[serde(borrow)]
    pub(super) rpc: Option<Rpc<'b>>,
    #[serde(borrow)]
    pub(super) presence: Option<OfClients<'b>>,
    #[serde(borrow)]
    pub(super) presence_stats: Option<OfClients<'b>>,
}

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
    pub(super) fn once(&self) -> &str {
        self.idempotency_key.as_deref().unwrap_or_default()
    }

    /// What else is said of the message; `None` if its tags are none.
    pub(super) fn options(&self) -> Option<Publish<'_>> {
        let mut publish = Publish::new();
        if self.skip_history {
            publish = publish.skip_history();
        }
        if let Some(key) = self.key.as_deref().filter(|key| !key.is_empty()) {
            publish = publish.key(key);
        }
        if self.removed {
            publish = publish.removal();
        }
        if let Some(tags) = self.tags {
            let Tags(tags) = serde_json::from_str(tags.get()).ok()?;
            publish = tags
                .iter()
                .fold(publish, |publish, (name, value)| publish.tag(name, value));
        }
        Some(publish)
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
    SkipHistory,
    Tags,
    Key,
    Removed,
    Other(String),
}

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
        let (mut b64data, mut once_key, mut unknown) = (None, None, None);
        let (mut skip_history, mut tags, mut key, mut removed) = (None, None, None, None);
        while let Some(field) = from.next_key()? {
            match field {
                Field::Channel => once(&mut channel, "channel", &mut from)?,
                Field::Channels => once(&mut channels, "channels", &mut from)?,
                // `null` is a value like any other.
                Field::Data => once(&mut data, "data", &mut from)?,
                Field::B64data => once(&mut b64data, "b64data", &mut from)?,
                Field::IdempotencyKey => once(&mut once_key, "idempotency_key", &mut from)?,
                Field::SkipHistory => once(&mut skip_history, "skip_history", &mut from)?,
                Field::Tags => once(&mut tags, "tags", &mut from)?,
                Field::Key => once(&mut key, "key", &mut from)?,
                Field::Removed => once(&mut removed, "removed", &mut from)?,
                Field::Other(name) => {
                    from.next_value::<IgnoredAny>()?;
                    note(&mut unknown, name);
                }
            }
        }
        let is_set = |flag: Option<Option<bool>>| flag.flatten().unwrap_or_default();
        let text = |text: Option<Option<Text<'de>>>| text.flatten().map(|Text(text)| text);
        Ok(Command {
            channel: text(channel),
            channels: channels.flatten(),
            data,
            b64data: text(b64data),
            idempotency_key: text(once_key),
            skip_history: is_set(skip_history),
            tags: tags.flatten(),
            key: text(key),
            removed: is_set(removed),
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

const FIELDS: &[&str] = &[
    "channel",
    "channels",
    "data",
    "b64data",
    "idempotency_key",
    "skip_history",
    "tags",
    "key",
    "removed",
];
/// Maximum length of a field's name in an error message.
const NAME_BYTES_MAX: usize = 64;

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
