//! A subscriber of several topics or patterns, over the structured protocol. Without socket and
//! clock: what the server says goes in, what is to be done comes out.

mod answers;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use crate::cli::Failure;
use crate::cli::dial::advice::{plain, refusal};
use crate::cli::sub::line::Received;
use crate::cli::sub::said::Said;
use crate::cli::sub::since::Since;
use crate::proto::Kind;
use crate::proto::centrifuge::{
    Answer, Command, ConnectRequest, Error, Event, HistoryRequest, Publication, Push, Reply,
    Request, StreamPosition, SubscribeRequest, decode_replies, encode_command,
};

/// The subscriptions of a connection, and of those after it.
#[derive(Debug)]
pub(super) struct Session {
    subs: Vec<Subscription>,
    /// Each attempt may have another token.
    renews_token: bool,
    last_id: u32,
    /// What the server has not answered.
    asked: HashMap<u32, Asked>,
    /// All subscriptions were live on this connection.
    is_ready: bool,
}

/// One topic or pattern.
#[derive(Debug)]
struct Subscription {
    topic: String,
    /// What it asks for until it is live.
    since: Option<Since>,
    /// Where it stands, if the topic has a history.
    at: Option<StreamPosition>,
    /// The newest messages of before, the newest first, until all that are asked for are there.
    kept: Vec<Publication>,
    is_live: bool,
    /// The server has made it, and makes it again.
    is_of_server: bool,
}

/// A command without an answer; subscriptions by their number.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Connect,
    History(usize),
    Subscribe(usize),
}

impl Session {
    pub(super) fn new(topics: &[String], since: Option<Since>, renews_token: bool) -> Self {
        let sub = |topic: &String| Subscription {
            topic: topic.clone(),
            since,
            at: match since {
                Some(Since::Position(position)) => Some(StreamPosition {
                    offset: position.offset,
                    epoch: position.epoch.to_string(),
                }),
                _ => None,
            },
            kept: Vec::new(),
            is_live: false,
            is_of_server: false,
        };
        Self {
            subs: topics.iter().map(sub).collect(),
            renews_token,
            last_id: 0,
            asked: HashMap::new(),
            is_ready: false,
        }
    }

    /// Whether all is known that was published while there was no connection.
    pub(super) fn is_complete(&self) -> bool {
        self.subs.iter().all(|sub| sub.at.is_some())
    }

    /// There is a connection; this is the token for it.
    pub(super) fn handle_connected(&mut self, token: Option<String>, out: &mut Vec<Said>) {
        self.asked.clear();
        self.is_ready = false;
        for sub in &mut self.subs {
            sub.is_live = false;
            sub.kept.clear();
        }
        let of_server = self.subs.iter().filter(|sub| sub.is_of_server);
        let subs = of_server.map(|sub| (sub.topic.clone(), sub.request()));
        let request = ConnectRequest {
            token: token.unwrap_or_default(),
            subs: subs.collect::<BTreeMap<_, _>>(),
            name: "corecast sub".to_owned(),
            ..ConnectRequest::default()
        };
        self.ask(Asked::Connect, Request::Connect(request), out);
    }

    /// Handles a message of the server.
    pub(super) fn handle_message(&mut self, message: &[u8], out: &mut Vec<Said>) {
        match decode_replies(message) {
            Ok(replies) => {
                for reply in replies {
                    self.handle_reply(reply, out);
                }
            }
            Err(err) => out.push(Said::End(Failure::failed(format!(
                "the server has broken the protocol: {err}"
            )))),
        }
    }

    fn handle_reply(&mut self, reply: Reply, out: &mut Vec<Said>) {
        match (reply.id, reply.answer) {
            (0, None) => out.push(Said::Send(encode_command(Command {
                id: 0,
                request: Request::Pong,
            }))),
            (0, Some(Answer::Push(push))) => self.handle_push(push, out),
            (id, answer) => {
                if let (Some(asked), Some(answer)) = (self.asked.remove(&id), answer) {
                    self.handle_answer(asked, answer, out);
                }
            }
        }
    }

    fn handle_push(&mut self, push: Push, out: &mut Vec<Said>) {
        let known = self.subs.iter().position(|sub| sub.topic == push.channel);
        let (Some(at), Some(event)) = (known, push.event) else {
            return;
        };
        let sub = &mut self.subs[at];
        match event {
            Event::Pub(publication) => sub.print(publication, out),
            // SDKs subscribe again after these codes, and not after lower ones.
            Event::Unsubscribe(end) if 2500 <= end.code => self.begin(at, out),
            Event::Unsubscribe(end) => out.push(Said::End(Failure::failed(format!(
                "{}: the server has ended the subscription: {} ({})",
                sub.topic,
                plain(&end.reason),
                end.code
            )))),
            _ => {}
        }
    }

    /// Begins a subscription: first with the messages of before, if they are asked for.
    fn begin(&mut self, at: usize, out: &mut Vec<Said>) {
        let sub = &mut self.subs[at];
        sub.is_live = false;
        // A page follows the one before.
        let (limit, since, reverse) = match sub.since {
            Some(Since::Last(count)) => {
                let left = (count as usize).saturating_sub(sub.kept.len());
                (i32::try_from(left).unwrap_or(i32::MAX), sub.oldest(), true)
            }
            Some(Since::Earliest) => (PAGE, sub.at.clone(), false),
            _ => return self.subscribe(at, out),
        };
        let request = HistoryRequest {
            channel: sub.topic.clone(),
            limit,
            since,
            reverse,
        };
        self.ask(Asked::History(at), Request::History(request), out);
    }

    fn subscribe(&mut self, at: usize, out: &mut Vec<Said>) {
        let request = self.subs[at].request();
        self.ask(Asked::Subscribe(at), Request::Subscribe(request), out);
    }

    fn ask(&mut self, asked: Asked, request: Request, out: &mut Vec<Said>) {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        let id = self.last_id;
        self.asked.insert(id, asked);
        out.push(Said::Send(encode_command(Command { id, request })));
    }

    /// A command was refused.
    fn handle_error(&self, asked: Asked, error: &Error, out: &mut Vec<Said>) {
        let of = match asked {
            Asked::Connect => "cannot connect".to_owned(),
            Asked::History(at) => format!("cannot read the history of {}", self.subs[at].topic),
            Asked::Subscribe(at) => format!("cannot subscribe to {}", self.subs[at].topic),
        };
        let text = format!("{of}: {}", refusal(error));
        let may_succeed = error.temporary || error.code == TOKEN_EXPIRED && self.renews_token;
        out.push(if may_succeed {
            Said::Leave(text)
        } else {
            Said::End(Failure::failed(text))
        });
    }
}

impl Subscription {
    /// The position of the oldest message that is kept.
    fn oldest(&self) -> Option<StreamPosition> {
        let (oldest, at) = (self.kept.last()?, self.at.as_ref()?);
        Some(StreamPosition {
            offset: oldest.offset,
            epoch: at.epoch.clone(),
        })
    }

    fn request(&self) -> SubscribeRequest {
        let at = self.at.clone();
        SubscribeRequest {
            channel: self.topic.clone(),
            recover: at.is_some(),
            epoch: at.as_ref().map(|at| at.epoch.clone()).unwrap_or_default(),
            offset: at.map(|at| at.offset).unwrap_or_default(),
            recoverable: true,
            positioned: true,
            ..SubscribeRequest::default()
        }
    }

    /// Prints a message, and stands at it.
    fn print(&mut self, publication: Publication, out: &mut Vec<Said>) {
        let Publication {
            data,
            offset,
            epoch,
            channel,
            ..
        } = publication;
        if let Some(at) = self.at.as_mut().filter(|_| offset != 0) {
            at.offset = offset;
            if !epoch.is_empty() {
                at.epoch = epoch;
            }
        }
        let at = self.at.as_ref().filter(|_| offset != 0);
        // The protocol does not say what it was published as.
        let is_text = std::str::from_utf8(&data).is_ok();
        out.push(Said::Message(Received {
            topic: if channel.is_empty() {
                self.topic.clone()
            } else {
                channel
            },
            kind: if is_text { Kind::Text } else { Kind::Binary },
            payload: data,
            epoch: at.map(|at| at.epoch.clone()),
            offset: at.map(|at| at.offset),
        }));
    }
}

/// As many messages as one answer may have.
const PAGE: i32 = -1;
/// SDKs fetch another token after this error.
const TOKEN_EXPIRED: u32 = 109;
