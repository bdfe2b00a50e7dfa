//! A trace: lines of JSON, as things happen.

use serde_json::{Value, json};

use crate::admin::api::params::Params;
use crate::id::{ConnectionId, ShardId};
use crate::limits::{TRACE_EVENTS, TRACE_EVENTS_MAX, TRACE_SECONDS, TRACE_SECONDS_MAX};
use crate::proto::http::Request;
use crate::server::handle::Handle;
use crate::server::trace::{Happening, TraceEvent, TraceSubject, topic};

/// What a request wants to follow.
#[derive(Debug)]
pub(in crate::admin) struct Follow {
    pub(in crate::admin) subject: TraceSubject,
    pub(in crate::admin) shards: Vec<ShardId>,
    pub(in crate::admin) seconds: usize,
    pub(in crate::admin) max: usize,
}

/// Reads a request.
pub(super) fn follow(handle: &Handle, request: &Request<'_>) -> Result<Follow, String> {
    let params = Params::of(request, &["topic", "connection", "seconds", "max"])?;
    let id = params.value::<ConnectionId>("connection", "an id, as in 3.17.2")?;
    let (subject, shards) = match (params.text("topic"), id) {
        (Some(name), None) => {
            let subject = topic(&name).map_err(|error| error.to_string())?;
            (subject, handle.shard_ids().collect())
        }
        (None, Some(id)) => {
            let shards = handle.shard_ids().filter(|shard| *shard == id.shard);
            (TraceSubject::Connection(id.conn), shards.collect())
        }
        _ => return Err("say topic or connection, one of them".to_owned()),
    };
    Ok(Follow {
        subject,
        shards,
        seconds: params.number("seconds", TRACE_SECONDS, TRACE_SECONDS_MAX)?,
        max: params.number("max", TRACE_EVENTS, TRACE_EVENTS_MAX)?,
    })
}

/// The line of an event.
pub(in crate::admin) fn line(event: &TraceEvent, time: f64) -> String {
    let (name, mut fields) = match &event.happening {
        Happening::In(sample) => {
            let mut fields = json!({"bytes": sample.bytes});
            if let Some(text) = &sample.text {
                fields["text"] = json!(text);
            }
            ("in", fields)
        }
        Happening::Out { count, bytes } => ("out", json!({"count": count, "bytes": bytes})),
        Happening::Opened => ("opened", json!({})),
        Happening::Subscribed => ("subscribed", json!({})),
        Happening::Unsubscribed => ("unsubscribed", json!({})),
        Happening::Skipped(count) => ("skipped", json!({"count": count})),
        Happening::Closed(reason) => ("closed", json!({"reason": reason})),
    };
    fields["event"] = json!(name);
    fields["time"] = json!(time);
    fields["shard"] = json!(event.shard.get());
    if let Some(conn) = event.conn {
        let shard = event.shard;
        fields["connection"] = json!(ConnectionId { shard, conn }.to_string());
    }
    if let Some(topic) = &event.topic {
        fields["topic"] = json!(topic.name());
    }
    text(&fields)
}

/// The last line: why it ends, and how many events were left out.
pub(in crate::admin) fn last_line(reason: &str, lost: u64) -> String {
    text(&json!({"event": "end", "reason": reason, "lost": lost}))
}

/// The first line, when all shards follow.
pub(in crate::admin) fn first_line() -> String {
    text(&json!({"event": "begin"}))
}

fn text(value: &Value) -> String {
    format!("{value}\n")
}
