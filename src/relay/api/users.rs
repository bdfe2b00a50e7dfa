//! Methods about the connections of a user: `disconnect`, `refresh` and `connections` as Centrifugo
//! and its PRO edition have them, and `send`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::auth::Action;
use crate::handler::{Busy, ConnectionInfo, Disconnect, Selection, UserError};
use crate::limits::{API_WHITELIST_MAX, USER_BYTES_MAX};
use crate::proto::Kind;
use crate::relay::api::asked::Told;
use crate::relay::api::failure::{DENIED, Failure, INTERNAL, TOO_LONG, bad_request};
use crate::relay::api::{Outcome, Work};
use crate::relay::commands::{self, Numbered};
use crate::relay::values::{List, Text};

/// A command about the connections of a user. Unknown fields are refused: one may be a misspelled
/// `client`, and without that the command is about all of them.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(in crate::relay) struct ForUser<'b> {
    #[serde(borrow)]
    user: Option<Text<'b>>,
    #[serde(borrow)]
    client: Option<Text<'b>>,
    /// There are none: one that is not empty selects nothing here.
    #[serde(borrow)]
    session: Option<Text<'b>>,
    #[serde(borrow)]
    whitelist: Option<List<Text<'b>>>,
    #[serde(borrow)]
    disconnect: Option<Word<'b>>,
    expired: Option<bool>,
    expire_at: Option<u64>,
    /// Taken, and not used yet.
    #[serde(rename = "info")]
    _info: Option<IgnoredAny>,
    #[serde(borrow)]
    data: Option<&'b RawValue>,
    #[serde(borrow)]
    b64data: Option<Text<'b>>,
}

/// What a client is told that is disconnected.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(in crate::relay) struct Word<'b> {
    code: u16,
    #[serde(borrow)]
    reason: Option<Text<'b>>,
}

impl ForUser<'_> {
    /// The message, as [`Command::message`].
    fn message(&self) -> Option<(Kind, Cow<'_, [u8]>)> {
        commands::message(self.data, self.b64data.as_ref().map(|Text(text)| &**text))
    }
}

impl<'b> Numbered<'b> {
    /// One about a user, with its method.
    pub(super) fn for_user(&self) -> Option<(&'static str, &ForUser<'b>)> {
        let (disconnect, refresh) = (&self.disconnect, &self.refresh);
        let all = [
            ("disconnect", disconnect),
            ("refresh", refresh),
            ("send", &self.send),
        ];
        all.into_iter()
            .find_map(|(method, command)| Some((method, command.as_ref()?)))
    }
}

/// What a command does to connections of its user.
enum Act<'m> {
    Send(Kind, Cow<'m, [u8]>),
    /// They end at this time.
    Refresh(Selection, u64),
    Disconnect(Selection, Disconnect),
}

/// One connection, as the answer has it.
#[derive(Serialize)]
struct Entry<'i> {
    user: &'i str,
    transport: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener: Option<&'i str>,
    channels: Vec<&'i str>,
    connected_at: u64,
    messages_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_out: Option<u64>,
}

#[derive(Serialize)]
struct Connections<'i> {
    connections: BTreeMap<String, Entry<'i>>,
}

impl Work<'_, '_> {
    /// Lists the connections of a user: the request waits for what the shards say.
    pub(super) fn connections(&mut self, command: &ForUser<'_>) -> Result<Outcome, Busy> {
        let user = match user_named(command.user.as_ref()) {
            Ok(user) => user,
            Err(failure) => return Ok(Err(failure)),
        };
        if !self.client.may(self.cx, Action::Manage, user, true) {
            return Ok(Err(DENIED));
        }
        if self.done != 0 {
            return Ok(match self.asked().take(0) {
                Some(Told::Connections(infos)) => Ok(listed(&infos)),
                _ => Err(INTERNAL),
            });
        }
        let reply = self.asked().reply(0, Told::Connections);
        match self.cx.connections_of(user, reply) {
            Ok(()) => {
                self.next = 1;
                self.asked().note(0);
                Ok(Ok(String::new()))
            }
            Err(UserError::Busy(busy)) => Err(busy),
            Err(error) => Ok(Err(failure(error))),
        }
    }

    /// Does something with connections of a user, unless an earlier call has done it.
    pub(super) fn manage(&mut self, method: &str, command: &ForUser<'_>) -> Result<Outcome, Busy> {
        let user = match user_named(command.user.as_ref()) {
            Ok(user) => user,
            Err(failure) => return Ok(Err(failure)),
        };
        // These checks come first, as in `put`: they must be errors after a wait as well.
        let number = self.permit(user);
        let number = number.and_then(|number| Ok((number, self.act_of(method, command)?)));
        let (number, act) = match number {
            Ok((Some(number), act)) => (number, act),
            Ok((None, _)) => return Ok(Ok("{}".to_owned())),
            Err(failure) => return Ok(Err(failure)),
        };
        let done = match act {
            Act::Send(kind, bytes) => self.cx.send_to_user(user, kind, &bytes),
            Act::Refresh(which, at) => self.cx.refresh_user(user, which, at),
            Act::Disconnect(which, word) => self.cx.disconnect_user(user, which, word),
        };
        self.result_of(number, done)
    }

    /// The number of a command about a user or a token, if the client may give it; `None` if an
    /// earlier call has carried it out.
    pub(super) fn permit(&mut self, name: &str) -> Result<Option<usize>, Failure> {
        let number = self.next;
        self.next += 1;
        let is_new = self.done <= number;
        if !self.client.may(self.cx, Action::Manage, name, is_new) {
            return Err(DENIED);
        }
        Ok(is_new.then_some(number))
    }

    /// What a command is answered that was given to the connections of a user.
    pub(super) fn result_of(
        &mut self,
        number: usize,
        done: Result<(), UserError>,
    ) -> Result<Outcome, Busy> {
        match done {
            Ok(()) => Ok(Ok("{}".to_owned())),
            Err(UserError::Busy(busy)) => {
                self.cx.note_done(number);
                Err(busy)
            }
            Err(error) => Ok(Err(failure(error))),
        }
    }

    /// What a command is about to do, or why it cannot.
    fn act_of<'m>(&self, method: &str, command: &'m ForUser<'_>) -> Result<Act<'m>, Failure> {
        if method == "send" {
            let words = "bad request: send data, or b64data in base64";
            let (kind, bytes) = command.message().ok_or_else(|| bad_request(words.into()))?;
            let is_too_long = self.cx.message_bytes_max() < bytes.len();
            return (!is_too_long)
                .then_some(Act::Send(kind, bytes))
                .ok_or(TOO_LONG);
        }
        let which = selection(command)?;
        if method == "refresh" {
            let is_over = command.expired.unwrap_or_default();
            let at = command.expire_at.unwrap_or_default();
            return Ok(Act::Refresh(which, if is_over { PAST } else { at }));
        }
        let word = command.disconnect.as_ref().map(|word| {
            let reason = word.reason.as_ref().map_or("", |Text(text)| text);
            Disconnect::new(word.code, reason)
        });
        let word = word.transpose().map_err(failure)?;
        Ok(Act::Disconnect(which, word.unwrap_or_default()))
    }
}

pub(super) fn user_named<'m>(user: Option<&'m Text<'_>>) -> Result<&'m str, Failure> {
    let user = user.map_or("", |Text(user)| user);
    if user.is_empty() {
        return Err(bad_request("bad request: send user".into()));
    }
    if USER_BYTES_MAX < user.len() {
        return Err(failure(UserError::Name));
    }
    Ok(user)
}

/// Which of the user's connections a command is about.
fn selection(command: &ForUser<'_>) -> Result<Selection, Failure> {
    let text = |text: &Option<Text<'_>>| text.as_ref().is_some_and(|Text(text)| !text.is_empty());
    if text(&command.session) {
        return Err(bad_request(
            "bad request: there are no sessions; send client".into(),
        ));
    }
    let id = |Text(text): &Text<'_>| text.parse().map_err(|_| bad_request(NO_ID.into()));
    if let Some(client) = command.client.as_ref().filter(|Text(id)| !id.is_empty()) {
        return Ok(Selection::Only(id(client)?));
    }
    match &command.whitelist {
        Some(List(others)) if API_WHITELIST_MAX < others.len() => {
            let words = format!("bad request: a whitelist has at most {API_WHITELIST_MAX} ids");
            Err(bad_request(words.into()))
        }
        Some(List(others)) if !others.is_empty() => {
            let others: Result<Vec<_>, _> = others.iter().map(id).collect();
            Ok(Selection::AllBut(others?))
        }
        _ => Ok(Selection::All),
    }
}

fn failure(error: UserError) -> Failure {
    match error {
        UserError::Name | UserError::Disconnect | UserError::Message => {
            bad_request(format!("bad request: {error}").into())
        }
        _ => INTERNAL,
    }
}

fn listed(infos: &[ConnectionInfo]) -> String {
    let named = infos.iter().map(|info| (info.id.to_string(), entry(info)));
    let connections = named.collect();
    // Every text can be written as JSON.
    serde_json::to_string(&Connections { connections }).unwrap_or_default()
}

fn entry(info: &ConnectionInfo) -> Entry<'_> {
    let address = info.addr.map(|addr| match addr.port() {
        0 => addr.ip().to_string(),
        _ => addr.to_string(),
    });
    Entry {
        user: &info.user,
        transport: info.protocol,
        address,
        listener: info.listener.as_deref(),
        channels: info.topics.iter().map(|topic| topic.name()).collect(),
        connected_at: info.since,
        messages_in: info.messages_in,
        bytes_in: info.bytes_in,
        bytes_out: info.bytes_out,
    }
}

const NO_ID: &str = "bad request: a client is an id of /api/connections, such as 3.17.2";
/// A time that is over: the connection ends now.
pub(super) const PAST: u64 = 1;
