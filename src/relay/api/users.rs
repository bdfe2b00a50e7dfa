//! Methods about the connections of a user: `disconnect`, `refresh` and `connections` as Centrifugo
//! and its PRO edition have them, and `send`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::auth::Action;
use crate::denial::Denial;
use crate::handler::{Busy, ConnectionInfo, Disconnect, Selection, UserError};
use crate::limits::{API_WHITELIST_MAX, CONNECTIONS_ANSWER_TIMEOUT};
use crate::proto::Kind;
use crate::relay::RelayCx;
use crate::relay::access::Publisher;
use crate::relay::api::{DENIED, Failure, INTERNAL, TOO_LONG, Work, bad_request};
use crate::relay::commands::{self, List, Numbered, Text};

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

/// Lists the connections of a user: the request waits for what the shards say.
pub(super) fn connections(
    cx: &mut RelayCx<'_>,
    client: &Publisher,
    command: &ForUser<'_>,
) -> Result<Result<String, Failure>, Busy> {
    let user = match user_of(command) {
        Ok(user) => user,
        Err(failure) => return Ok(Err(failure)),
    };
    if let Err(words) = client.permit(cx, Action::Manage, user) {
        cx.deny(Denial::Forbidden, &words.to_string());
        return Ok(Err(DENIED));
    }
    match cx.answer() {
        Some(Ok(infos)) => Ok(Ok(listed(infos))),
        Some(Err(_)) => Ok(Err(INTERNAL)),
        None => {
            let (question, wait) = cx.defer(CONNECTIONS_ANSWER_TIMEOUT);
            // Without space for it the question is dropped, and answered as such.
            match cx.connections_of(user, move |infos| question.answer(infos)) {
                Ok(()) | Err(UserError::Busy(_)) => Err(wait),
                Err(error) => Ok(Err(failure(error))),
            }
        }
    }
}

impl Work<'_, '_> {
    /// Does something with connections of a user, unless an earlier call has done it.
    pub(super) fn manage(
        &mut self,
        method: &str,
        command: &ForUser<'_>,
    ) -> Result<Result<String, Failure>, Busy> {
        let number = self.next;
        self.next += 1;
        let user = match user_of(command) {
            Ok(user) => user,
            Err(failure) => return Ok(Err(failure)),
        };
        let is_new = self.done <= number;
        if let Err(words) = self.client.permit(self.cx, Action::Manage, user) {
            if is_new {
                self.cx.deny(Denial::Forbidden, &words.to_string());
            }
            return Ok(Err(DENIED));
        }
        if !is_new {
            return Ok(Ok("{}".to_owned()));
        }
        let done = match method {
            "send" => self.send(user, command),
            _ => selection(command).and_then(|which| self.end(method, user, which, command)),
        };
        match done {
            Ok(Err(UserError::Busy(busy))) => {
                self.cx.note_done(number);
                Err(busy)
            }
            Ok(Err(error)) => Ok(Err(failure(error))),
            Ok(Ok(())) => Ok(Ok("{}".to_owned())),
            Err(failure) => Ok(Err(failure)),
        }
    }

    fn send(
        &mut self,
        user: &str,
        command: &ForUser<'_>,
    ) -> Result<Result<(), UserError>, Failure> {
        let Some((kind, bytes)) = command.message() else {
            return Err(bad_request(
                "bad request: send data, or b64data in base64".into(),
            ));
        };
        if self.cx.message_bytes_max() < bytes.len() {
            return Err(TOO_LONG);
        }
        Ok(self.cx.send_to_user(user, kind, &bytes))
    }

    /// Disconnects connections, or sets when they end.
    fn end(
        &mut self,
        method: &str,
        user: &str,
        which: Selection,
        command: &ForUser<'_>,
    ) -> Result<Result<(), UserError>, Failure> {
        if method == "refresh" {
            let now = command.expired.unwrap_or_default();
            let at = if now {
                PAST
            } else {
                command.expire_at.unwrap_or_default()
            };
            return Ok(self.cx.refresh_user(user, which, at));
        }
        let word = command.disconnect.as_ref().map(|word| {
            let reason = word.reason.as_ref().map_or("", |Text(text)| text);
            Disconnect::new(word.code, reason)
        });
        let disconnect = match word.transpose() {
            Ok(word) => word.unwrap_or_default(),
            Err(error) => return Ok(Err(error)),
        };
        Ok(self.cx.disconnect_user(user, which, disconnect))
    }
}

fn user_of<'m>(command: &'m ForUser<'_>) -> Result<&'m str, Failure> {
    let user = command.user.as_ref().map_or("", |Text(user)| user);
    if user.is_empty() {
        return Err(bad_request("bad request: send user".into()));
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
const PAST: u64 = 1;
