//! The structured protocol: the public client protocol of Centrifuge, version 2. Its commands,
//! replies and pushes, in JSON and in protobuf.
//!
//! A message of the transport has one command or reply, or several: JSON objects with a line feed
//! between them, or protobuf messages, each after its length as a varint. Clients may send fields
//! and commands of later versions: what is not known is ignored, or refused by the code for it.

mod client;
mod codes;
mod command;
mod json;
mod publication;
mod push;
mod reply;
mod sink;
#[cfg(test)]
mod tests;

use prost::Message as _;
use thiserror::Error;

pub use client::{PROTOBUF_SUBPROTOCOL, decode_replies, encode_command};
pub use codes::{DisconnectCode, ErrorCode, UnsubscribeCode};
pub use command::{
    Command, ConnectRequest, EmulationRequest, Filter, HistoryRequest, PresenceRequest,
    PublishRequest, RefreshRequest, Request, RpcRequest, SUBSCRIBE_COMPACT,
    SUBSCRIBE_REJECT_UNRECOVERED, SendRequest, StreamPosition, SubRefreshRequest, SubscribeRequest,
    UnsubscribeRequest,
};
pub use json::Data;
pub use publication::{Content, PublicationRef, PushEncoding, Wrap};
pub use push::{
    ClientInfo, Disconnect, Event, Join, Message, Publication, Push, Refresh, Subscribe,
    Unsubscribe,
};
pub use reply::{
    Answer, ConnectResult, Empty, Error, HistoryResult, PresenceResult, PresenceStatsResult,
    RefreshResult, Reply, RpcResult, ServerSub, SubRefreshResult, SubscribeResult,
};

use crate::proto::Kind;
use crate::proto::centrifuge::command::Fields;
use crate::proto::centrifuge::json::is_json;

/// How commands, replies and pushes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// In text messages.
    Json,
    /// In binary messages.
    Protobuf,
}

impl Wire {
    /// The commands of one message, in their order.
    pub fn commands(self, message: &[u8]) -> Commands<'_> {
        Commands {
            wire: self,
            message,
            taken: 0,
            is_over: false,
        }
    }

    /// The request by which a client sends that cannot on its own connection.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn emulation(self, body: &[u8]) -> Result<EmulationRequest, CommandError> {
        match self {
            Self::Json => serde_json::from_slice(body).map_err(|_| CommandError::Json),
            Self::Protobuf => EmulationRequest::decode(body).map_err(|_| CommandError::Protobuf),
        }
    }

    /// Appends a reply, which is a message by itself.
    pub fn encode_reply(self, out: &mut Vec<u8>, reply: &Reply) {
        match self {
            Self::Json => {
                let written = serde_json::to_writer(out, reply);
                debug_assert!(written.is_ok(), "{written:?}");
            }
            Self::Protobuf => {
                let written = reply.encode_length_delimited(out);
                debug_assert!(written.is_ok(), "memory has no end: {written:?}");
            }
        }
    }

    /// Appends what a reply says as a push that stands alone, for a client of one way: it has only
    /// connected, and is told that as well by a push.
    pub fn encode_bare(self, out: &mut Vec<u8>, reply: &Reply) {
        let push = match &reply.answer {
            Some(Answer::Push(push)) => push.clone(),
            Some(Answer::Connect(result)) => Push::to_connection(Event::Connect(result.clone())),
            _ => Push::default(),
        };
        match self {
            Self::Json => {
                let written = serde_json::to_writer(out, &push);
                debug_assert!(written.is_ok(), "{written:?}");
            }
            Self::Protobuf => {
                let written = push.encode_length_delimited(out);
                debug_assert!(written.is_ok(), "memory has no end: {written:?}");
            }
        }
    }

    /// The kind of what a client publishes in this format: text if it is JSON. So subscribers with
    /// the other format have it as their SDK expects it.
    pub fn kind_of(self, data: &[u8]) -> Kind {
        match self {
            Self::Protobuf if !is_json(data) => Kind::Binary,
            _ => Kind::Text,
        }
    }

    /// That of its messages.
    pub fn kind(self) -> Kind {
        match self {
            Self::Json => Kind::Text,
            Self::Protobuf => Kind::Binary,
        }
    }

    /// That of a request's body, by its `Content-Type`.
    pub fn of_body(content_type: Option<&[u8]>) -> Self {
        let protobuf = Self::Protobuf.content_type().as_bytes();
        if content_type == Some(protobuf) {
            Self::Protobuf
        } else {
            Self::Json
        }
    }

    /// What HTTP calls it.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/octet-stream",
        }
    }

    /// What ends a reply in a stream, or goes between replies in one message.
    pub fn end(self) -> &'static [u8] {
        match self {
            Self::Json => b"\n",
            Self::Protobuf => b"",
        }
    }
}

/// A message that is no commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// There is nothing in it.
    #[error("the message has no command")]
    Empty,
    /// A line is not a JSON object with the fields of a command.
    #[error("the command is not JSON of the protocol")]
    Json,
    /// A message is not protobuf with the fields of a command.
    #[error("the command is not protobuf of the protocol")]
    Protobuf,
    /// The length of a command is not that of what follows.
    #[error("the length of the command is wrong")]
    Length,
    /// It asks for nothing that is known, or has no number for its reply.
    #[error("the command asks for nothing, or has no id")]
    Request,
}

/// The commands of one message. After an error there are none.
#[derive(Clone, Debug)]
pub struct Commands<'m> {
    wire: Wire,
    message: &'m [u8],
    taken: usize,
    is_over: bool,
}

impl<'m> Commands<'m> {
    /// How many bytes of the message are read. The commands after them can be had from the rest,
    /// unless that is empty.
    pub fn taken(&self) -> usize {
        self.taken
    }

    fn next_line(&mut self) -> Result<Command, CommandError> {
        let rest = &self.message[self.taken..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = &rest[..end.unwrap_or(rest.len())];
        self.taken += line.len() + usize::from(end.is_some());
        // An array would be taken for the fields in their order.
        if !line.trim_ascii_start().starts_with(b"{") {
            return Err(CommandError::Json);
        }
        let fields: Fields = serde_json::from_slice(line).map_err(|_| CommandError::Json)?;
        fields.command().ok_or(CommandError::Request)
    }

    fn next_delimited(&mut self) -> Result<Command, CommandError> {
        let mut rest = &self.message[self.taken..];
        let len = prost::decode_length_delimiter(&mut rest).map_err(|_| CommandError::Length)?;
        let command = rest.get(..len).ok_or(CommandError::Length)?;
        self.taken = self.message.len() - (rest.len() - len);
        let fields = Fields::decode(command).map_err(|_| CommandError::Protobuf)?;
        fields.command().ok_or(CommandError::Request)
    }
}

impl Iterator for Commands<'_> {
    type Item = Result<Command, CommandError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        if self.message.is_empty() {
            self.is_over = true;
            return Some(Err(CommandError::Empty));
        }
        if self.taken == self.message.len() {
            return None;
        }
        let next = match self.wire {
            Wire::Json => self.next_line(),
            Wire::Protobuf => self.next_delimited(),
        };
        self.is_over = next.is_err();
        Some(next)
    }
}
