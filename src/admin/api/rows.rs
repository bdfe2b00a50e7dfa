//! Answers of the API, as JSON.

use serde::Serialize;
use serde_json::json;

use crate::proto::http::Response;
use crate::server::look::{ConnectionRow, TopicRow};

/// An answer: its status and its JSON.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::admin) struct Answer {
    pub(in crate::admin) status: u16,
    pub(in crate::admin) json: String,
}

impl Answer {
    /// Any value with this status.
    pub(super) fn of(status: u16, value: &impl Serialize) -> Self {
        // Every text can be written as JSON.
        let json = serde_json::to_string(value).unwrap_or_default();
        Self { status, json }
    }

    /// An error, and what to do.
    pub(in crate::admin) fn error(status: u16, message: &str) -> Self {
        Self::of(
            status,
            &json!({"error": {"code": status, "message": message}}),
        )
    }

    /// There is no space for this now.
    pub(in crate::admin) fn busy() -> Self {
        Self::error(503, "the server has no space for this now: try again")
    }

    pub(in crate::admin) fn response(self) -> Response {
        let mut body = self.json.into_bytes();
        body.push(b'\n');
        Response::new(self.status, "application/json", body)
    }
}

/// One connection, as the answer has it.
#[derive(Serialize)]
struct Connection<'r> {
    id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener: Option<&'r str>,
    protocol: &'r str,
    format: &'r str,
    topics: Vec<&'r str>,
    subscriptions: usize,
    age_seconds: f64,
    backlog_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_seconds: Option<f64>,
    paused: bool,
    /// Counted for connections with a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_out: Option<u64>,
}

#[derive(Serialize)]
struct Connections<'r> {
    connections: Vec<Connection<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Topic<'r> {
    topic: &'r str,
    subscribers: u32,
    backlog_bytes: usize,
    messages: u64,
    /// Known from the second look on.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_per_second: Option<f64>,
}

/// A topic, and the rate of its messages, if that is known.
pub(super) struct RatedTopic {
    pub(super) name: String,
    pub(super) row: TopicRow,
    pub(super) rate: Option<f64>,
}

#[derive(Serialize)]
struct Topics<'r> {
    topics: Vec<Topic<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    more: bool,
    partial: bool,
}

pub(super) fn connections(rows: &[ConnectionRow], cursor: Option<String>) -> Answer {
    let connections = rows.iter().map(row).collect();
    Answer::of(
        200,
        &Connections {
            connections,
            cursor,
        },
    )
}

pub(super) fn connection(of: &ConnectionRow) -> Answer {
    Answer::of(200, &row(of))
}

pub(super) fn disconnected(of: &ConnectionRow) -> Answer {
    Answer::of(202, &row(of))
}

pub(super) fn no_connection() -> Answer {
    Answer::error(404, "there is no such connection: it may have ended")
}

pub(super) fn topics(
    topics: &[RatedTopic],
    cursor: Option<String>,
    more: bool,
    partial: bool,
) -> Answer {
    let topics = topics.iter().map(|RatedTopic { name, row, rate }| Topic {
        topic: name,
        subscribers: row.subscribers,
        backlog_bytes: row.backlog,
        messages: row.messages,
        messages_per_second: rate.map(|rate| (rate * 100.0).round() / 100.0),
    });
    let topics = topics.collect();
    Answer::of(
        200,
        &Topics {
            topics,
            cursor,
            more,
            partial,
        },
    )
}

fn row(row: &ConnectionRow) -> Connection<'_> {
    let info = &row.info;
    let address = info.addr.map(|addr| match addr.port() {
        0 => addr.ip().to_string(),
        _ => addr.to_string(),
    });
    let is_users = !info.user.is_empty();
    Connection {
        id: info.id.to_string(),
        user: &info.user,
        address,
        listener: info.listener.as_deref(),
        protocol: info.protocol,
        format: info.format,
        topics: info.topics.iter().map(|topic| topic.name()).collect(),
        subscriptions: row.subscriptions,
        age_seconds: row.age.as_secs_f64(),
        backlog_bytes: row.backlog,
        blocked_seconds: row.blocked.map(|blocked| blocked.as_secs_f64()),
        paused: row.is_paused,
        messages_in: is_users.then_some(info.messages_in),
        bytes_in: info.bytes_in,
        bytes_out: info.bytes_out,
    }
}
