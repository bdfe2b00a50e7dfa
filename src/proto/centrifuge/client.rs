//! The other side of the protocol: what a client writes and reads, in protobuf, in which data are
//! the bytes that were published.

use prost::Message as _;

use crate::proto::centrifuge::command::Fields;
use crate::proto::centrifuge::{Command, CommandError, Reply, Request};

/// The subprotocol of WebSocket that asks for protobuf.
pub const PROTOBUF_SUBPROTOCOL: &str = "centrifuge-protobuf";

/// A message with one command.
pub fn encode_command(command: Command) -> Vec<u8> {
    Fields::from(command).encode_length_delimited_to_vec()
}

/// The replies of one message, in their order; an error where it is none of the protocol.
///
/// # Errors
///
/// It is not protobuf with the fields of replies.
pub fn decode_replies(mut message: &[u8]) -> Result<Vec<Reply>, CommandError> {
    let mut replies = Vec::new();
    while !message.is_empty() {
        let reply = Reply::decode_length_delimited(&mut message);
        replies.push(reply.map_err(|_| CommandError::Protobuf)?);
    }
    Ok(replies)
}

impl From<Command> for Fields {
    fn from(command: Command) -> Self {
        let mut fields = Self {
            id: command.id,
            ..Self::default()
        };
        match command.request {
            Request::Pong => {}
            Request::Connect(request) => fields.connect = Some(request),
            Request::Subscribe(request) => fields.subscribe = Some(request),
            Request::Unsubscribe(request) => fields.unsubscribe = Some(request),
            Request::Publish(request) => fields.publish = Some(request),
            Request::Presence(request) => fields.presence = Some(request),
            Request::PresenceStats(request) => fields.presence_stats = Some(request),
            Request::History(request) => fields.history = Some(request),
            Request::Send(request) => fields.send = Some(request),
            Request::Rpc(request) => fields.rpc = Some(request),
            Request::Refresh(request) => fields.refresh = Some(request),
            Request::SubRefresh(request) => fields.sub_refresh = Some(request),
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::centrifuge::{
        ConnectRequest, Error, ErrorCode, HistoryRequest, PublishRequest, SubscribeRequest, Wire,
    };

    #[test]
    fn what_a_client_writes_is_what_the_server_reads() {
        let requests = [
            Request::Pong,
            Request::Connect(ConnectRequest {
                token: "t".to_owned(),
                ..ConnectRequest::default()
            }),
            Request::Subscribe(SubscribeRequest {
                channel: "a".to_owned(),
                recover: true,
                offset: 7,
                ..SubscribeRequest::default()
            }),
            Request::Publish(PublishRequest {
                data: vec![0, 255],
                ..PublishRequest::default()
            }),
            Request::History(HistoryRequest {
                limit: -1,
                ..HistoryRequest::default()
            }),
        ];
        for (id, request) in (0..).zip(requests) {
            let command = Command { id, request };
            let message = encode_command(command.clone());
            let read: Vec<_> = Wire::Protobuf.commands(&message).collect();
            assert_eq!(read, [Ok(command)]);
        }
    }

    #[test]
    fn what_the_server_writes_is_what_a_client_reads() {
        let replies = [
            Reply::PING,
            Reply::error(3, Error::from(ErrorCode::NotAvailable)),
        ];
        let mut message = Vec::new();
        for reply in &replies {
            Wire::Protobuf.encode_reply(&mut message, reply);
        }
        assert_eq!(decode_replies(&message), Ok(replies.to_vec()));
        message.pop();
        assert_eq!(decode_replies(&message), Err(CommandError::Protobuf));
    }
}
