//! Traces under way: which connection of the admin port gets which, and the events on their way.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::admin::api::trace::{Follow, last_line, line};
use crate::id::ShardId;
use crate::limits::{TRACE_BATCHES_MAX, TRACES_MAX};
use crate::server::handle::Handle;
use crate::server::trace::{TraceBatch, TraceRequest};

/// Traces under way, by the keys of their connections.
#[derive(Debug)]
pub(in crate::admin) struct Traces {
    by_key: HashMap<usize, Running>,
    next: u64,
    batches: Receiver<TraceBatch>,
    sender: Sender<TraceBatch>,
}

#[derive(Debug)]
struct Running {
    number: u64,
    shards: Vec<ShardId>,
    /// Lines that are still sent.
    left: usize,
    lost: u64,
    /// Those that had no space on the way.
    dropped: Arc<AtomicU64>,
}

/// What a connection is sent.
pub(in crate::admin) struct Lines {
    pub(in crate::admin) key: usize,
    pub(in crate::admin) text: String,
    pub(in crate::admin) is_last: bool,
}

impl Default for Traces {
    fn default() -> Self {
        let (sender, batches) = bounded(TRACE_BATCHES_MAX);
        Self {
            by_key: HashMap::new(),
            next: 0,
            batches,
            sender,
        }
    }
}

impl Traces {
    pub(in crate::admin) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Whether there are as many as there may be.
    pub(in crate::admin) fn is_full(&self) -> bool {
        TRACES_MAX <= self.by_key.len()
    }

    /// Where events come.
    pub(in crate::admin) fn batches(&self) -> &Receiver<TraceBatch> {
        &self.batches
    }

    /// Begins one; `false` if a shard has no space for it.
    pub(in crate::admin) fn begin(&mut self, key: usize, follow: Follow, handle: &Handle) -> bool {
        self.next += 1;
        let number = self.next;
        let request = TraceRequest {
            number,
            subject: follow.subject,
            millis: follow.seconds as u64 * 1_000,
            max: follow.max,
        };
        let dropped = Arc::new(AtomicU64::new(0));
        let running = Running {
            number,
            shards: follow.shards,
            left: follow.max,
            lost: 0,
            dropped: Arc::clone(&dropped),
        };
        let begun = running.shards.iter().all(|shard| {
            let (sender, dropped) = (self.sender.clone(), Arc::clone(&dropped));
            let sink = Arc::new(move |batch: TraceBatch| {
                let events = batch.events.len() as u64 + batch.lost;
                if sender.try_send(batch).is_err() {
                    dropped.fetch_add(events, Ordering::Relaxed);
                }
            });
            handle.begin_trace(*shard, &request, sink).is_ok()
        });
        self.by_key.insert(key, running);
        if !begun {
            self.end(key, handle);
        }
        begun
    }

    /// Takes events that have come, as the lines of their connections.
    pub(in crate::admin) fn take(&mut self, time: f64) -> Vec<Lines> {
        let mut all = Vec::new();
        for batch in self.batches.try_iter() {
            let mut running = self.by_key.iter_mut();
            let Some((key, it)) = running.find(|(_, it)| it.number == batch.number) else {
                continue;
            };
            it.lost += batch.lost;
            let shown = batch.events.iter().take(it.left);
            let mut text: String = shown.map(|event| line(event, time)).collect();
            it.left -= it.left.min(batch.events.len());
            if it.left == 0 {
                text += &it.last_line("max");
            }
            all.push(Lines {
                key: *key,
                text,
                is_last: it.left == 0,
            });
        }
        all
    }

    /// Ends that of a connection; its last line, if there is one.
    pub(in crate::admin) fn finish(
        &mut self,
        key: usize,
        reason: &str,
        handle: &Handle,
    ) -> Option<String> {
        let line = self.by_key.get(&key).map(|it| it.last_line(reason));
        self.end(key, handle);
        line
    }

    /// The connection of this key has no trace any more.
    pub(in crate::admin) fn end(&mut self, key: usize, handle: &Handle) {
        if let Some(it) = self.by_key.remove(&key) {
            let shards = it.shards.iter();
            shards.for_each(|shard| handle.end_trace(*shard, it.number));
        }
    }
}

impl Running {
    fn last_line(&self, reason: &str) -> String {
        last_line(reason, self.lost + self.dropped.load(Ordering::Relaxed))
    }
}
