//! Traces: what happens in a topic or to a connection, noted for operators that follow it. Where
//! nothing is followed, each place that may note something costs one comparison.

use crate::id::{ConnId, TopicKey};
use crate::limits::TRACES_MAX;
use crate::payload::Payload;
use crate::proto::Kind;
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::mail::{Happening, Sample, TraceEvent, TraceOrder, TraceSubject};
use crate::time::Now;
use crate::topic::Topic;
use crate::topic::fanout::Fanout;

impl Env {
    /// Whether something is followed.
    #[inline]
    pub(crate) fn is_traced(&self) -> bool {
        !self.traces.is_empty()
    }

    /// Counts a connection that is admitted.
    pub(crate) fn note_opened(&mut self, id: ConnId) {
        self.counters.opened += 1;
        if self.is_traced() {
            self.trace(Some(id), None, || Happening::Opened);
        }
    }

    /// Notes what has happened to a connection, or in a topic, if one of them is followed.
    #[cold]
    pub(crate) fn trace(
        &mut self,
        conn: Option<ConnId>,
        topic: Option<&Topic>,
        happening: impl Fn() -> Happening,
    ) {
        let shard = self.shard;
        let followed = self.traces.iter_mut();
        for trace in followed.filter(|trace| trace.follows(conn, topic)) {
            trace.note(|| TraceEvent {
                shard,
                happening: happening(),
                conn,
                topic: topic.cloned(),
            });
            // What happens at the end of a turn is given away in the next one.
            self.moved = true;
        }
    }

    /// A message has got its place in the order of a topic at home here.
    #[cold]
    pub(crate) fn trace_ordered(&mut self, topic: &Topic, payload: Payload<&[u8]>) {
        let sample = || Happening::In(Sample::of(payload.kind, payload.bytes));
        self.trace(None, Some(topic), sample);
    }

    /// A message of a connection has come.
    #[cold]
    pub(crate) fn trace_received(&mut self, conn: ConnId, kind: Kind, payload: &[u8]) {
        let sample = || Happening::In(Sample::of(kind, payload));
        self.trace(Some(conn), None, sample);
    }

    /// A message of so many bytes was appended to the logs of a topic, for so many members. No walk
    /// is asked for these: a connection that is followed is looked up.
    #[cold]
    pub(crate) fn trace_appended<D>(
        &mut self,
        conns: &Conns<D>,
        fanout: &Fanout,
        key: TopicKey,
        bytes: usize,
        count: u64,
    ) {
        let Some(topic) = fanout.topic(key).map(|local| local.topic.clone()) else {
            return;
        };
        let out = |count| move || Happening::Out { count, bytes };
        self.trace(None, Some(&topic), out(count));
        let followed = self.traces.iter();
        let followed = followed.filter_map(|trace| match trace.subject {
            TraceSubject::Connection(id) => Some(id),
            TraceSubject::Topic(_) => None,
        });
        for id in followed.collect::<Vec<_>>() {
            let conn = conns.get(id.key);
            let conn = conn.filter(|conn| conn.generation == id.generation);
            if conn.is_some_and(|conn| conn.subs.get(key).is_some()) {
                self.trace(Some(id), Some(&topic), out(1));
            }
        }
    }

    /// Logs of a topic have let go of messages: so many were skipped before.
    #[cold]
    pub(crate) fn trace_skipped(&mut self, fanout: &Fanout, key: TopicKey, before: u64) {
        let skipped = self.counters.skipped - before;
        if skipped != 0
            && let Some(local) = fanout.topic(key)
        {
            self.trace(None, Some(&local.topic), || Happening::Skipped(skipped));
        }
    }

    /// Gives away what was noted, and forgets what has ended.
    #[cold]
    pub(crate) fn give_traces(&mut self) {
        let now = self.now;
        self.traces.iter_mut().for_each(|trace| trace.give());
        self.traces.retain(|trace| !trace.is_over(now));
    }

    /// Begins or ends a trace.
    pub(crate) fn take_trace(&mut self, order: TraceOrder) {
        match order {
            TraceOrder::Begin(mut trace) if self.traces.len() < TRACES_MAX => {
                trace.until = Now::from_millis(self.now.millis().saturating_add(trace.millis));
                self.traces.push(*trace);
            }
            TraceOrder::Begin(_) => {}
            TraceOrder::End(number) => self.traces.retain(|trace| trace.number != number),
        }
    }
}
