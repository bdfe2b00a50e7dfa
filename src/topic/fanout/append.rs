//! Appending: a message goes into the logs of all feeds of its topic that have members, encoded
//! once for each form, after there is space for it in all of them.

use crate::config::Config;
use crate::id::TopicKey;
use crate::limits::{BYTES_PER_WORK, WORK_OF_APPEND, WORK_OF_DELTA_BYTE};
use crate::payload::{Entry, Form};
use crate::time::{Micros, Now};
use crate::topic::fanout::{Fanout, Place};

/// What appending a message has done, to be counted and charged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Appended {
    /// Members that get it.
    pub(crate) members: u64,
    /// Feeds whose form cannot carry it.
    pub(crate) not_carried: u64,
    /// What that was, as work.
    pub(crate) work: usize,
    /// The same for compressing.
    pub(crate) compression: usize,
}

impl Fanout {
    /// Whether a message of `len` bytes would be compressed for subscribers of this topic.
    pub(crate) fn compresses(&self, topic: TopicKey, len: usize) -> bool {
        self.feeds_of(topic)
            .any(|(_, feed)| !feed.members.is_empty() && self.encoder.compresses(feed.form, len))
    }

    /// Makes space for a message in all logs of a topic, wherever its place will be. They let go
    /// of frames that only blocked members lack: what must become of those is in
    /// `take_overruns`.
    ///
    /// # Errors
    ///
    /// The form whose log has no space, as members that are not blocked have still to get what
    /// would have to go.
    pub(crate) fn make_space(
        &mut self,
        topic: TopicKey,
        entry: Entry<'_>,
        config: &Config,
    ) -> Result<(), Form> {
        let limit = config.log_bytes_max;
        let policy = self.policy(topic, config);
        let Some(topic) = self.topics.get(topic) else {
            return Ok(());
        };
        let entry = entry.of(topic.topic.name());
        let mut next = topic.first_feed;
        while let Some(key) = next
            && let Some(feed) = self.feeds.get_mut(key.index())
        {
            let form = feed.form;
            next = feed.next;
            let has_space = !form.carries(entry.payload.bytes) || {
                let frame_len = form.frame_len_max(&entry);
                let (pool, overruns) = (&mut self.pool, &mut self.overruns);
                feed.make_space(frame_len, limit, pool, policy, overruns)
            };
            if !has_space {
                return Err(form);
            }
        }
        Ok(())
    }

    /// Appends a message that was ordered at `ordered_at` to the logs of a topic, and queues their
    /// feeds for a walk. The member in the place `excluded` does not get it.
    pub(crate) fn append(
        &mut self,
        topic: TopicKey,
        entry: Entry<'_>,
        now: Now,
        ordered_at: Micros,
        excluded: Option<Place>,
    ) -> Appended {
        let mut appended = Appended::default();
        let Some(topic) = self.topics.get_mut(topic) else {
            return appended;
        };
        topic.set_newest(entry.position);
        let entry = entry.of(topic.topic.name());
        let payload = entry.payload;
        let mut next = topic.first_feed;
        let mut message = self.encoder.begin(entry);
        while let Some(key) = next
            && let Some(feed) = self.feeds.get_mut(key.index())
        {
            next = feed.next;
            if !feed.form.carries(payload.bytes) {
                appended.not_carried += 1;
            } else if !feed.members.is_empty() {
                appended.members += feed.members.len() as u64;
                appended.work += WORK_OF_APPEND + payload.bytes.len() / BYTES_PER_WORK;
                let start = feed.log.head();
                let form = feed.form;
                let excluded = excluded.filter(|place| place.form == form);
                let excluded = excluded.map(|place| place.index as usize);
                let pool = &mut self.pool;
                if let Some(form) = form.deltas() {
                    appended.work += payload.bytes.len() * WORK_OF_DELTA_BYTE;
                    feed.append_delta(form, &entry, excluded, &mut self.deltas, pool);
                } else {
                    let frame_len = message.frame_len_max(form);
                    let encode = |out: &mut Vec<u8>| message.encode(form, out);
                    feed.log.append(frame_len, pool, encode);
                }
                if let Some(index) = excluded {
                    feed.leave_out(index, start);
                    appended.members -= 1;
                }
                feed.appended_at = now.stamp();
                feed.note_ordered(ordered_at);
                feed.queue_walk(key, &mut self.walks);
            }
        }
        drop(message);
        appended.work += self.deltas.work();
        appended.compression = self.encoder.take_cost();
        appended
    }
}
