//! Methods about the history of a topic: `history` and `history_remove`, as Centrifugo has them.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::auth::Action;
use crate::handler::{Busy, HistoryError, HistoryFilter, HistoryMessage, HistoryPage};
use crate::limits::{API_HISTORIES_MAX, HISTORY_READ_BYTES_MAX, WORK_OF_BODY_BYTE};
use crate::position::{self, Epoch, Position};
use crate::proto::Kind;
use crate::relay::api::asked::Told;
use crate::relay::api::failure::{
    FOREIGN, Failure, INTERNAL, NO_HISTORY, TOO_MANY_HISTORIES, bad_request,
};
use crate::relay::api::{Outcome, Work};
use crate::relay::commands::Numbered;
use crate::relay::values::Text;

/// A command about the history of a topic.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(in crate::relay) struct OfHistory<'b> {
    #[serde(borrow)]
    channel: Option<Text<'b>>,
    /// Messages at most: none or 0 for the position alone, less for all.
    limit: Option<i64>,
    #[serde(borrow)]
    since: Option<Since<'b>>,
    reverse: Option<bool>,
}

/// A position, as JSON has it.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Since<'b> {
    offset: Option<u64>,
    #[serde(borrow)]
    epoch: Option<Text<'b>>,
}

/// What is done with a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HistoryMethod {
    Read,
    Remove,
}

impl<'b> Numbered<'b> {
    /// One about a history, with its method.
    pub(super) fn of_history(&self) -> Option<(&'static str, HistoryMethod, &OfHistory<'b>)> {
        let read = self.history.as_ref();
        let read = read.map(|command| ("history", HistoryMethod::Read, command));
        let remove = self.history_remove.as_ref();
        read.or_else(|| Some(("history_remove", HistoryMethod::Remove, remove?)))
    }
}

impl Work<'_, '_> {
    /// Reads or removes the history of a topic.
    pub(super) fn history(
        &mut self,
        method: HistoryMethod,
        command: &OfHistory<'_>,
    ) -> Result<Outcome, Busy> {
        let number = self.next;
        self.next += 1;
        self.histories += 1;
        let action = match method {
            HistoryMethod::Read => Action::History,
            // As publishing does, it changes what the others get.
            HistoryMethod::Remove => Action::Publish,
        };
        let (channel, filter) = match self.check_history(number, action, command) {
            Ok(checked) => checked,
            Err(failure) => return Ok(Err(failure)),
        };
        if number < self.done {
            return Ok(self.told_history(number, method));
        }
        let reply = self.asked().reply(number, Told::History);
        let asked = match method {
            HistoryMethod::Read => self.cx.history(channel, filter, reply),
            HistoryMethod::Remove => self.cx.remove_history(channel, reply),
        };
        self.note_asked(number, asked)
    }

    fn check_history<'m>(
        &mut self,
        number: usize,
        action: Action,
        command: &'m OfHistory<'_>,
    ) -> Result<(&'m str, HistoryFilter), Failure> {
        let channel = self.permit_channel(number, action, command.channel.as_ref())?;
        if API_HISTORIES_MAX < self.histories {
            return Err(TOO_MANY_HISTORIES);
        }
        if !self.cx.has_history(channel) {
            return Err(NO_HISTORY);
        }
        Ok((channel, command.filter()?))
    }

    fn told_history(&mut self, number: usize, method: HistoryMethod) -> Outcome {
        match (self.asked().take(number), method) {
            (Some(Told::History(Ok(_))), HistoryMethod::Read)
                if HISTORY_READ_BYTES_MAX <= self.bytes_read =>
            {
                Err(TOO_MANY_HISTORIES)
            }
            (Some(Told::History(Ok(page))), HistoryMethod::Read) => {
                let lengths = page.messages().map(|message| message.payload().len());
                self.bytes_read += lengths.sum::<usize>();
                let json = written(&page);
                self.cx.charge(json.len() * WORK_OF_BODY_BYTE);
                Ok(json)
            }
            (Some(Told::History(Ok(_))), HistoryMethod::Remove) => Ok("{}".to_owned()),
            (Some(Told::History(Err(error))), _) => Err(failure(error)),
            _ => Err(INTERNAL),
        }
    }
}

impl OfHistory<'_> {
    fn filter(&self) -> Result<HistoryFilter, Failure> {
        let since = self.since.as_ref();
        let limit = self.limit.unwrap_or_default();
        Ok(HistoryFilter {
            limit: usize::try_from(limit).ok(),
            since: since.map(|since| since.offset.unwrap_or_default()),
            epoch: since.map_or(Ok(None), Since::epoch)?,
            reverse: self.reverse.unwrap_or_default(),
        })
    }
}

impl Since<'_> {
    /// Where a subscription begins.
    pub(super) fn place(&self) -> position::Since {
        let epoch = self.epoch.as_ref().map_or("", |Text(text)| text);
        position::Since::after(epoch, self.offset.unwrap_or_default())
    }

    /// `None`: any.
    fn epoch(&self) -> Result<Option<Epoch>, Failure> {
        let epoch = self.epoch.as_ref().map_or("", |Text(text)| text);
        if epoch.is_empty() {
            return Ok(None);
        }
        // An epoch of another server is of no history of this one.
        epoch.parse().map(Some).map_err(|_| FOREIGN)
    }
}

fn failure(error: HistoryError) -> Failure {
    match error {
        HistoryError::Off => NO_HISTORY,
        HistoryError::Foreign => FOREIGN,
        HistoryError::BeforeFirst => bad_request("bad request: nothing is before offset 1"),
        HistoryError::Publish(_) => INTERNAL,
    }
}

/// The place of a message, as JSON has it.
#[derive(Serialize)]
struct Place {
    offset: u64,
    #[serde(serialize_with = "as_text")]
    epoch: Epoch,
}

/// The result of a publish, with the place of the message if it has one.
pub(super) fn placed(position: Option<Position>) -> String {
    let place = position.map(|Position { epoch, offset }| Place { offset, epoch });
    let json = place.map(|place| serde_json::to_string(&place).unwrap_or_default());
    json.unwrap_or_else(|| "{}".to_owned())
}

#[derive(Serialize)]
struct Read<'p> {
    publications: Vec<Publication<'p>>,
    #[serde(flatten)]
    top: Place,
}

struct Publication<'p>(HistoryMessage<'p>);

impl Serialize for Publication<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(message) = self;
        let bytes = message.payload();
        let text = match message.kind() {
            Kind::Text => std::str::from_utf8(bytes).ok(),
            Kind::Binary => None,
        };
        let mut map = to.serialize_map(None)?;
        match (text, text.map(serde_json::from_str::<&RawValue>)) {
            // As it may have been published.
            (_, Some(Ok(json))) => map.serialize_entry("data", json)?,
            (Some(text), _) => map.serialize_entry("data", text)?,
            _ => {
                // SDKs want a value.
                map.serialize_entry("data", &())?;
                map.serialize_entry("b64data", &BASE64.encode(bytes))?;
            }
        }
        map.serialize_entry("offset", &message.position.offset)?;
        if let Some(client) = message.client() {
            map.serialize_entry("info", client)?;
        }
        let tags = message.tags();
        if 0 < tags.len() {
            let tags: BTreeMap<&str, &str> = tags.collect();
            map.serialize_entry("tags", &tags)?;
        }
        if let Some(key) = message.key() {
            map.serialize_entry("key", key)?;
        }
        if message.is_removal() {
            map.serialize_entry("removed", &true)?;
        }
        map.end()
    }
}

fn written(page: &HistoryPage) -> String {
    let Position { epoch, offset } = page.position();
    let read = Read {
        publications: page.messages().map(Publication).collect(),
        top: Place { offset, epoch },
    };
    // Every text can be written as JSON.
    serde_json::to_string(&read).unwrap_or_default()
}

fn as_text<S: Serializer>(epoch: &Epoch, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(epoch)
}
