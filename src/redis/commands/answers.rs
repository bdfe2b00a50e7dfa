//! What the answers of the scripts mean.

use ::redis::Value;

use crate::position::Position;
use crate::redis::commands::{Answer, Job};
use crate::redis::envelope::{self, Body, NodeId};
use crate::redis::reader::Range;
use crate::topic::history::Kept;

/// What came of a job.
pub(super) fn read(job: Job, value: &Value, node: NodeId) -> Answer {
    match job {
        Job::Publish(outbound, _) => match text(value) {
            Some("") => Answer::Published(outbound, None),
            Some(place) => position(place).map_or(Answer::Dropped, |position| {
                Answer::Published(outbound, Some(position))
            }),
            None => Answer::Dropped,
        },
        Job::Read { topic, turn, .. } => match range(value, node) {
            Some(range) => Answer::Range(topic, turn, range),
            None => Answer::Refused(topic, turn),
        },
        Job::Compare { topic, turn } => match text(value) {
            Some(place) => Answer::Top(topic, turn, position(place)),
            None => Answer::Refused(topic, turn),
        },
        Job::Remove { reply, .. } => match text(value).and_then(position) {
            Some(position) => Answer::Removed(reply, position),
            None => Answer::Dropped,
        },
        Job::Probe(_) => Answer::Probed,
    }
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.as_bytes()),
        _ => None,
    }
}

fn position(text: &str) -> Option<Position> {
    envelope::position(text).ok()
}

fn text(value: &Value) -> Option<&str> {
    str::from_utf8(bytes(value)?).ok()
}

/// `[epoch, top, whole, [[id, [field, body]], ...]]`, the newest first.
fn range(value: &Value, node: NodeId) -> Option<Range> {
    let Value::Array(parts) = value else {
        return None;
    };
    let [epoch, top, Value::Int(whole), Value::Array(found)] = &parts[..] else {
        return None;
    };
    let mut is_whole = *whole == 1;
    let mut entries = Vec::with_capacity(found.len());
    for entry in found.iter().rev() {
        match kept(entry, node) {
            Some(kept) => entries.push(kept),
            // Of another version, perhaps: as if it were trimmed.
            None => is_whole = false,
        }
    }
    Some(Range {
        top: Position {
            epoch: text(epoch)?.parse().ok()?,
            offset: text(top)?.parse().ok()?,
        },
        entries,
        is_whole,
    })
}

fn kept(entry: &Value, node: NodeId) -> Option<Kept> {
    let Value::Array(entry) = entry else {
        return None;
    };
    let [id, Value::Array(fields)] = &entry[..] else {
        return None;
    };
    let (offset, _) = text(id)?.split_once('-')?;
    let body = Body::decode(bytes(fields.get(1)?)?, node).ok()?;
    Some(Kept {
        offset: offset.parse().ok()?,
        payload: body.payload,
        extra: body.extra,
    })
}
