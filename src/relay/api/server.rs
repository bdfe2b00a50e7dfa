//! Methods about the whole server: `info`, `channels` and `rpc`, as Centrifugo has them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::IgnoredAny;

use crate::handler::{Busy, Census};
use crate::limits::{API_HISTORIES_MAX, WORK_OF_BODY_BYTE};
use crate::pattern::glob::Glob;
use crate::relay::api::asked::Told;
use crate::relay::api::failure::{
    Failure, INTERNAL, NO_RPC, TOO_MANY_CENSUSES, TOO_MANY_CHANNELS, bad_request,
};
use crate::relay::api::users::given;
use crate::relay::api::{Outcome, Work};
use crate::relay::commands::Numbered;
use crate::relay::values::Text;

/// A command about the topics of the server.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(in crate::relay) struct OfChannels<'b> {
    #[serde(borrow)]
    pattern: Option<Text<'b>>,
}

/// A command without parameters.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(in crate::relay) struct OfServer {
    #[serde(flatten)]
    _other: BTreeMap<String, IgnoredAny>,
}

/// A question to the application, of which this one answers none.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(in crate::relay) struct Rpc<'b> {
    #[serde(borrow)]
    method: Option<Text<'b>>,
}

/// What is asked about the server.
#[derive(Clone, Copy)]
pub(super) enum ServerMethod<'m> {
    Info,
    /// Topics that match, if there is a pattern.
    Channels(Option<&'m str>),
}

#[derive(Serialize)]
struct Nodes<'i> {
    nodes: [Node<'i>; 1],
}

#[derive(Serialize)]
struct Node<'i> {
    uid: &'i str,
    name: &'i str,
    version: &'i str,
    num_clients: usize,
    num_users: usize,
    num_subs: usize,
    num_channels: usize,
    uptime: u64,
}

#[derive(Serialize)]
struct Channels {
    channels: BTreeMap<String, Subscribers>,
}

#[derive(Serialize)]
struct Subscribers {
    num_clients: u32,
}

impl<'b> Numbered<'b> {
    /// One about the server, with its method.
    pub(super) fn of_server(&self) -> Option<(&'static str, ServerMethod<'_>)> {
        let info = self.info.as_ref().map(|_| ("info", ServerMethod::Info));
        let channels = self.channels.as_ref();
        info.or_else(|| Some(("channels", channels?.method())))
    }
}

impl Rpc<'_> {
    /// The error that it is answered with.
    pub(super) fn refusal(&self) -> Failure {
        match given(self.method.as_ref()) {
            None => bad_request("bad request: send method"),
            Some(_) => NO_RPC,
        }
    }
}

impl OfChannels<'_> {
    pub(super) fn method(&self) -> ServerMethod<'_> {
        ServerMethod::Channels(given(self.pattern.as_ref()))
    }
}

impl Work<'_, '_> {
    /// Asks all shards what they have.
    pub(super) fn server(&mut self, method: ServerMethod<'_>) -> Result<Outcome, Busy> {
        let number = self.next;
        if let Err(failure) = self.permit(SERVER) {
            return Ok(Err(failure));
        }
        self.censuses += 1;
        if API_HISTORIES_MAX < self.censuses {
            return Ok(Err(TOO_MANY_CENSUSES));
        }
        let glob = match method {
            ServerMethod::Info => None,
            ServerMethod::Channels(pattern) => match Glob::parse(pattern.unwrap_or("*")) {
                None => return Ok(Err(bad_request(NO_PATTERN))),
                glob => glob,
            },
        };
        if number < self.done {
            return Ok(match self.asked().take(number) {
                Some(Told::Census(census)) => self.counted(method, census),
                _ => Err(INTERNAL),
            });
        }
        let reply = self.asked().reply(number, Told::Census);
        let asked = match glob {
            None => self.cx.census(reply),
            Some(glob) => self.cx.census_of(move |name| glob.matches(name), reply),
        };
        self.note_asked(number, asked)
    }

    fn counted(&mut self, method: ServerMethod<'_>, census: Census) -> Outcome {
        // Every text can be written as JSON.
        Ok(match method {
            ServerMethod::Info => {
                let node = Node {
                    uid: NAME,
                    name: NAME,
                    version: env!("CARGO_PKG_VERSION"),
                    num_clients: census.connections,
                    num_users: census.users,
                    num_subs: census.subscriptions,
                    num_channels: census.topics,
                    uptime: self.cx.now().as_secs(),
                };
                serde_json::to_string(&Nodes { nodes: [node] }).unwrap_or_default()
            }
            ServerMethod::Channels(_) if census.is_cut => return Err(TOO_MANY_CHANNELS),
            ServerMethod::Channels(_) => {
                let channels = census.subscribers.into_iter();
                let channels = channels
                    .map(|(name, num_clients)| (name, Subscribers { num_clients }))
                    .collect();
                let json = serde_json::to_string(&Channels { channels }).unwrap_or_default();
                self.cx.charge(json.len() * WORK_OF_BODY_BYTE);
                json
            }
        })
    }
}

/// What rules call the server.
const SERVER: &str = "server";
const NO_PATTERN: &str = "bad request: a pattern has *, ?, [a-c], [!a-c], {one,two} and \\";
/// There is one server.
const NAME: &str = "corecast";
