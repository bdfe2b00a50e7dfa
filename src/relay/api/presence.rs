//! Methods about the clients of a topic: `presence` and `presence_stats`, as Centrifugo has them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::auth::Action;
use crate::handler::{Busy, PresenceError, PresenceList, PresenceStats, PublishError};
use crate::limits::API_HISTORIES_MAX;
use crate::relay::api::asked::Told;
use crate::relay::api::failure::{
    CHANNEL, DENIED, Failure, INTERNAL, NO_PRESENCE, TOO_MANY_PRESENCES, UNKNOWN,
};
use crate::relay::api::{Outcome, Work, is_channel};
use crate::relay::commands::Numbered;
use crate::relay::values::Text;
use crate::topic::patterns::TopicPattern;
use crate::topic::presence::ClientInfo;

/// A command about the clients of a topic.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(in crate::relay) struct OfClients<'b> {
    #[serde(borrow)]
    channel: Option<Text<'b>>,
}

/// What is asked about clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PresenceMethod {
    List,
    Count,
}

/// A client, as the answer has it.
#[derive(Serialize)]
struct Client<'i> {
    client: String,
    user: &'i str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conn_info: Option<&'i RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chan_info: Option<&'i RawValue>,
}

#[derive(Serialize)]
struct Clients<'i> {
    presence: BTreeMap<String, Client<'i>>,
}

#[derive(Serialize)]
struct Counts {
    num_clients: usize,
    num_users: usize,
}

impl<'b> Numbered<'b> {
    /// One about clients, with its method.
    pub(super) fn of_clients(&self) -> Option<(&'static str, PresenceMethod, &OfClients<'b>)> {
        let list = self.presence.as_ref();
        let list = list.map(|command| ("presence", PresenceMethod::List, command));
        let count = self.presence_stats.as_ref();
        list.or_else(|| Some(("presence_stats", PresenceMethod::Count, count?)))
    }
}

impl Work<'_, '_> {
    /// Lists or counts the clients of a topic.
    pub(super) fn presence(
        &mut self,
        method: PresenceMethod,
        command: &OfClients<'_>,
    ) -> Result<Outcome, Busy> {
        let number = self.next;
        self.next += 1;
        let channel = match self.check_presence(number, command) {
            Ok(channel) => channel,
            Err(failure) => return Ok(Err(failure)),
        };
        if number < self.done {
            return Ok(match self.asked().take(number) {
                Some(Told::Presence(list)) => list.map(|list| listed(&list)).map_err(failure),
                Some(Told::PresenceStats(stats)) => stats.map(counted).map_err(failure),
                _ => Err(INTERNAL),
            });
        }
        let asked = match method {
            PresenceMethod::List => {
                let reply = self.asked().reply(number, Told::Presence);
                self.cx.presence(channel, reply)
            }
            PresenceMethod::Count => {
                let reply = self.asked().reply(number, Told::PresenceStats);
                self.cx.presence_stats(channel, reply)
            }
        };
        self.note_asked(number, asked)
    }

    /// A home has been asked by a command.
    pub(super) fn note_asked(
        &mut self,
        number: usize,
        asked: Result<(), PublishError>,
    ) -> Result<Outcome, Busy> {
        match asked {
            Ok(()) => {
                self.asked().note(number);
                Ok(Ok(String::new()))
            }
            Err(PublishError::Busy(busy)) => {
                self.cx.note_done(number);
                Err(busy)
            }
            Err(_) => Ok(Err(INTERNAL)),
        }
    }

    /// The channel that a command asks its home about, if the client may.
    pub(super) fn permit_channel<'m>(
        &mut self,
        number: usize,
        action: Action,
        channel: Option<&'m Text<'_>>,
    ) -> Result<&'m str, Failure> {
        let channel = channel.map_or("", |Text(text)| text);
        if !is_channel(channel) {
            return Err(CHANNEL);
        }
        let is_pattern = action == Action::Subscribe && TopicPattern::parse(channel).is_ok();
        if self.cx.is_unknown(channel, is_pattern) {
            return Err(UNKNOWN);
        }
        let is_new = self.done <= number;
        if !self.client.may(self.cx, action, channel, is_new) {
            return Err(DENIED);
        }
        Ok(channel)
    }

    fn check_presence<'m>(
        &mut self,
        number: usize,
        command: &'m OfClients<'_>,
    ) -> Result<&'m str, Failure> {
        let channel = self.permit_channel(number, Action::Presence, command.channel.as_ref())?;
        self.presences += 1;
        if API_HISTORIES_MAX < self.presences {
            return Err(TOO_MANY_PRESENCES);
        }
        Ok(channel)
    }
}

fn failure(error: PresenceError) -> Failure {
    match error {
        PresenceError::Off => NO_PRESENCE,
        _ => INTERNAL,
    }
}

fn counted(stats: PresenceStats) -> String {
    let PresenceStats { clients, users } = stats;
    let counts = Counts {
        num_clients: clients,
        num_users: users,
    };
    // Every number can be written as JSON.
    serde_json::to_string(&counts).unwrap_or_default()
}

fn listed(list: &PresenceList) -> String {
    let clients = list.clients.iter();
    let presence = clients.map(|info| (info.client.to_string(), client(info)));
    let presence = presence.collect();
    // Every text can be written as JSON.
    serde_json::to_string(&Clients { presence }).unwrap_or_default()
}

fn client(info: &ClientInfo) -> Client<'_> {
    Client {
        client: info.client.to_string(),
        user: &info.user,
        conn_info: json(info.conn_info.as_deref()),
        chan_info: json(info.chan_info.as_deref()),
    }
}

/// What is said of a client, if it is JSON.
fn json(info: Option<&[u8]>) -> Option<&RawValue> {
    serde_json::from_slice(info?).ok()
}
