//! Traces, as the admin port asks for them.

use crate::handler::PublishError;
use crate::id::ShardId;
use crate::server::handle::Handle;
pub(crate) use crate::shard::mail::{Happening, TraceBatch, TraceEvent, TraceSubject};
use crate::shard::mail::{Inquiry, ToHome, Trace, TraceOrder, TraceSink};
use crate::topic::{Topic, TopicNameError};

/// How a trace is asked for.
pub(crate) struct TraceRequest {
    pub(crate) number: u64,
    pub(crate) subject: TraceSubject,
    pub(crate) millis: u64,
    pub(crate) max: usize,
}

impl Handle {
    /// Has a shard follow something; `sink` runs on its thread, and must not wait.
    pub(crate) fn begin_trace(
        &self,
        shard: ShardId,
        request: &TraceRequest,
        sink: TraceSink,
    ) -> Result<(), PublishError> {
        let TraceRequest {
            number,
            subject,
            millis,
            max,
        } = request;
        let trace = Trace::new(*number, subject.clone(), *millis, *max, sink);
        let order = TraceOrder::Begin(Box::new(trace));
        self.send(shard, ToHome::Operator(Inquiry::Trace(order)))
    }

    /// Ends it. A shard that has no space ends it by itself, at its time.
    pub(crate) fn end_trace(&self, shard: ShardId, number: u64) {
        let order = Inquiry::Trace(TraceOrder::End(number));
        self.send(shard, ToHome::Operator(order)).ok();
    }
}

/// The topic of this name.
pub(crate) fn topic(name: &str) -> Result<TraceSubject, TopicNameError> {
    Ok(TraceSubject::Topic(Topic::new(name)?))
}
