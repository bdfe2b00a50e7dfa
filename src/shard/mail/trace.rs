//! What happens in one topic or to one connection, as an operator follows it.

use std::fmt;
use std::sync::Arc;

use crate::id::{ConnId, ShardId};
use crate::limits::{TRACE_EVENTS_PER_TURN, TRACE_TEXT_BYTES};
use crate::proto::Kind;
use crate::time::Now;
use crate::topic::Topic;

/// To a shard: something is to be followed from now on, or no more.
#[derive(Debug)]
pub enum TraceOrder {
    /// From now on.
    Begin(Box<Trace>),
    /// The one with this number has ended.
    End(u64),
}

/// What is followed, and how far.
pub struct Trace {
    pub(crate) number: u64,
    pub(crate) subject: TraceSubject,
    /// For so many milliseconds from when the shard has it.
    pub(crate) millis: u64,
    /// When it ends; set by the shard.
    pub(crate) until: Now,
    /// Events that are still wanted.
    pub(crate) left: usize,
    events: Vec<TraceEvent>,
    /// Events that found no space.
    lost: u64,
    sink: TraceSink,
}

/// Takes the events of a turn, and how many were left out.
pub(crate) type TraceSink = Arc<dyn Fn(TraceBatch) + Send + Sync>;

/// The events of a turn.
#[derive(Debug, Default)]
pub(crate) struct TraceBatch {
    pub(crate) number: u64,
    pub(crate) events: Vec<TraceEvent>,
    pub(crate) lost: u64,
}

/// What is followed.
#[derive(Clone, Debug)]
pub(crate) enum TraceSubject {
    Topic(Topic),
    Connection(ConnId),
}

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct TraceEvent {
    pub(crate) shard: ShardId,
    pub(crate) happening: Happening,
    pub(crate) conn: Option<ConnId>,
    pub(crate) topic: Option<Topic>,
}

/// What has happened.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// A message has come.
    In(Sample),
    /// A message is on its way to so many subscribers of the shard.
    Out {
        count: u64,
        bytes: usize,
    },
    /// A connection is admitted.
    Opened,
    Subscribed,
    Unsubscribed,
    /// Subscribers miss so many messages.
    Skipped(u64),
    /// It has ended, for this reason.
    Closed(String),
}

/// A message, of which the front is shown.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) bytes: usize,
    /// If it is text.
    pub(crate) text: Option<String>,
}

impl Sample {
    pub(crate) fn of(kind: Kind, payload: &[u8]) -> Self {
        let front = &payload[..payload.len().min(TRACE_TEXT_BYTES)];
        // A character that is cut in two is left out.
        let text = String::from_utf8_lossy(front);
        let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        Self {
            bytes: payload.len(),
            text: (kind == Kind::Text).then(|| text.to_owned()),
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Trace {
    pub(crate) fn new(
        number: u64,
        subject: TraceSubject,
        millis: u64,
        max: usize,
        sink: TraceSink,
    ) -> Self {
        Self {
            number,
            subject,
            millis,
            until: Now::default(),
            left: max,
            events: Vec::new(),
            lost: 0,
            sink,
        }
    }

    /// Whether it follows this connection, or this topic.
    pub(crate) fn follows(&self, conn: Option<ConnId>, topic: Option<&Topic>) -> bool {
        match &self.subject {
            TraceSubject::Topic(of) => topic == Some(of),
            TraceSubject::Connection(of) => conn == Some(*of),
        }
    }

    /// Notes an event, within what a turn and the whole trace may have.
    pub(crate) fn note(&mut self, event: impl FnOnce() -> TraceEvent) {
        if self.left == 0 || TRACE_EVENTS_PER_TURN <= self.events.len() {
            self.lost += 1;
            return;
        }
        self.left -= 1;
        self.events.push(event());
    }

    /// Gives away what was noted in this turn.
    pub(crate) fn give(&mut self) {
        if self.events.is_empty() && self.lost == 0 {
            return;
        }
        let batch = TraceBatch {
            number: self.number,
            events: std::mem::take(&mut self.events),
            lost: std::mem::take(&mut self.lost),
        };
        (self.sink)(batch);
    }

    pub(crate) fn is_over(&self, now: Now) -> bool {
        self.until <= now
    }
}
