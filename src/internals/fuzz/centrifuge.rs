//! Messages of the structured protocol.

use serde::de::IgnoredAny;

use crate::internals::fuzz::same;
use crate::position::{Epoch, Position};
use crate::proto::Kind;
use crate::proto::centrifuge::{
    CommandError, Content, Data, PublicationRef, PushEncoding, Wire, Wrap,
};

/// Commands, in the format that the first byte says: the same whether they are read together or one
/// after the other. And the same bytes as a message that is pushed.
pub(super) fn centrifuge(data: &[u8]) {
    let Some((first, message)) = data.split_first() else {
        return;
    };
    let wire = [Wire::Json, Wire::Protobuf][usize::from(first & 1)];
    let whole: Vec<_> = wire.commands(message).collect();
    let failed = whole.iter().position(Result::is_err);
    assert!(failed.is_none_or(|at| at + 1 == whole.len()));
    if message.is_empty() {
        return same(&whole, &vec![Err(CommandError::Empty)]);
    }
    let mut rest = message;
    for command in &whole {
        let mut commands = wire.commands(rest);
        same(&commands.next().as_ref(), &Some(command));
        rest = &rest[commands.taken()..];
    }
    assert!(rest.is_empty() || failed.is_some());
    check_push(wire, message);
}

fn check_push(wire: Wire, payload: &[u8]) {
    let text = std::str::from_utf8(payload);
    let kind = if text.is_ok() {
        Kind::Text
    } else {
        Kind::Binary
    };
    let offset = payload.len() as u64;
    let epoch = Epoch::new(offset);
    let message = PublicationRef {
        channel: Some("topic"),
        source: (offset % 2 == 1).then_some("source"),
        position: (offset != 0).then_some(Position { epoch, offset }),
        kind,
        payload,
        content: Content::Payload,
        info: None,
        tags: &[],
    };
    let push = PushEncoding::new(wire, Wrap::Reply, message);
    let mut out = Vec::new();
    push.encode(&mut out);
    same(&out.len(), &push.len());
    assert!(out.len() <= PushEncoding::len_max(wire, Wrap::Reply, message));
    let is_embedded = matches!(Data::of(kind, payload), Data::Json | Data::JsonLines);
    let is_json = text.is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    // What is nested deeper than others read is not embedded.
    assert!(!is_embedded || is_json);
    if wire == Wire::Json {
        assert!(!out.contains(&b'\n') && !out.contains(&b'\r'));
        assert!(serde_json::from_slice::<IgnoredAny>(&out).is_ok());
    }
}
