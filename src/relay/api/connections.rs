//! The list of a user's connections: `connections`, whose path and `user` are those of Centrifugo's
//! PRO edition.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::auth::Action;
use crate::handler::{Busy, ConnectionInfo, UserError};
use crate::relay::api::asked::Told;
use crate::relay::api::failure::{DENIED, INTERNAL, NO_EXPRESSION};
use crate::relay::api::users::{ForUser, failure, given, user_named};
use crate::relay::api::{Outcome, Work};

/// One connection, as the answer has it.
#[derive(Serialize)]
struct Entry<'i> {
    user: &'i str,
    transport: &'static str,
    protocol: &'static str,
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
            Ok(_) if given(command.expression.as_ref()).is_some() => {
                return Ok(Err(NO_EXPRESSION));
            }
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
        protocol: info.format,
        address,
        listener: info.listener.as_deref(),
        channels: info.topics.iter().map(|topic| topic.name()).collect(),
        connected_at: info.since,
        messages_in: info.messages_in,
        bytes_in: info.bytes_in,
        bytes_out: info.bytes_out,
    }
}
