//! The publishers of one thread: each message goes out when its turn or its time has come.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::check::message::{Form, Stamp, WARM_UP};
use crate::check::timeline::Timeline;
use crate::client::outbox::Outbox;
use crate::client::{LinkName, Place};
use crate::pubsub::progress::Progress;
use crate::pubsub::schedule::{Pace, Schedule};
use crate::run::record::Recorder;
use crate::url::Protocol;

pub(crate) struct Publishers {
    form: Form,
    first_topic: u32,
    schedule: Schedule,
    progress: Arc<Progress>,
    place: Place,
    publishers: Vec<Publisher>,
    /// The next message of the schedule, of whichever thread it is.
    next: u32,
    has_warmed_up: bool,
    has_started: bool,
    message: Vec<u8>,
    /// How long after it was due each message of a schedule went out.
    pub(super) lateness: Recorder,
}

#[derive(Clone, Copy, Debug)]
struct Publisher {
    sent: u32,
    /// A message of it is under way, and it waits for all subscribers.
    is_waiting: bool,
    protocol: Protocol,
}

/// Bytes that a thread sends at once when it is behind its schedule.
const BURST_BYTES: usize = 64 << 10;

impl Publishers {
    pub(crate) fn new(
        place: Place,
        schedule: Schedule,
        form: Form,
        progress: Arc<Progress>,
    ) -> Self {
        let idle = Publisher {
            sent: 0,
            is_waiting: false,
            protocol: Protocol::WebSocket,
        };
        Self {
            first_topic: form.topic(),
            form,
            schedule,
            progress,
            place,
            publishers: vec![idle; place.share(schedule.conns())],
            next: 0,
            has_warmed_up: false,
            has_started: false,
            message: Vec::new(),
            lateness: Recorder::default(),
        }
    }

    /// Messages that each publisher of this thread sent, with its number among all.
    pub(super) fn sent(&self) -> impl Iterator<Item = (usize, u32)> {
        let publishers = self.publishers.iter().enumerate();
        publishers.map(|(index, publisher)| (self.place.number(index), publisher.sent))
    }

    pub(super) fn on_live(&mut self, link: LinkName) {
        self.publishers[link.index].protocol = link.protocol;
    }

    /// Whether a message is of the publisher that has this connection, where there is one topic.
    pub(super) fn is_own(&self, index: usize, stamp: Stamp) -> bool {
        stamp.publisher as usize == self.place.number(index)
    }

    /// A publisher's own message has come back to it.
    pub(super) fn on_own(&mut self, index: usize, seq: u32, now: u64, out: &mut Outbox) {
        let sent = self.publishers[index].sent;
        let is_latest = seq + 1 == sent;
        let quota = self.schedule.quota(self.place.number(index));
        if self.schedule.pace == Pace::AfterOwn && is_latest && sent < quota {
            self.send(index, now, out);
        }
    }

    /// Sends what is due and returns when the next is.
    pub(super) fn turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        if !self.has_warmed_up && self.progress.warm_up.load(Ordering::Acquire) {
            self.warm_up(now, out);
        }
        if !self.progress.timeline.has_started() {
            return None;
        }
        let has_started = std::mem::replace(&mut self.has_started, true);
        let all = 0..self.publishers.len();
        match self.schedule.pace {
            Pace::AfterAll => all.for_each(|index| self.send_after_all(index, now, out)),
            Pace::AfterOwn if !has_started => all.for_each(|index| self.send(index, now, out)),
            Pace::AfterOwn => {}
            Pace::Rate(_) | Pace::Told => return self.send_due(now, out),
        }
        None
    }

    fn warm_up(&mut self, now: u64, out: &mut Outbox) {
        if self.place.thread == 0
            && let Some(publisher) = self.publishers.first()
        {
            let stamp = Stamp::new(WARM_UP, 0, now);
            self.form.write(stamp, &mut self.message);
            out.message(0, publisher.protocol, &self.message);
        }
        self.has_warmed_up = true;
    }

    fn send(&mut self, index: usize, due_ns: u64, out: &mut Outbox) {
        let conn = u32::try_from(self.place.number(index)).unwrap_or(WARM_UP);
        let publisher = &mut self.publishers[index];
        let stamp = Stamp::new(conn % self.schedule.publishers, publisher.sent, due_ns);
        publisher.sent += 1;
        self.form
            .set_topic(self.first_topic + conn / self.schedule.publishers);
        self.form.write(stamp, &mut self.message);
        out.message(index, publisher.protocol, &self.message);
    }

    fn send_after_all(&mut self, index: usize, now: u64, out: &mut Outbox) {
        let conn = self.place.number(index);
        let quota = self.schedule.quota(conn);
        let publisher = &mut self.publishers[index];
        if publisher.is_waiting && !self.progress.is_reached(conn) {
            return;
        }
        publisher.is_waiting = publisher.sent < quota;
        if publisher.is_waiting {
            let deliveries = u64::from(publisher.sent + 1) * u64::from(self.schedule.subscribers);
            self.progress.expect(conn, deliveries);
            self.send(index, now, out);
        }
    }

    fn send_due(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        let timeline = Arc::clone(&self.progress.timeline);
        let allowed = timeline.allowed();
        let next = self.send_until(allowed, &timeline, now, out);
        timeline.note_sent(self.next, allowed);
        next
    }

    fn send_until(
        &mut self,
        end: u32,
        timeline: &Timeline,
        now: u64,
        out: &mut Outbox,
    ) -> Option<u64> {
        let burst = out.len() + BURST_BYTES;
        while self.next < end {
            let due = timeline.due(self.next).unwrap_or(now);
            if due > now {
                return Some(due);
            }
            if out.len() > burst {
                return Some(now);
            }
            let (topic, publisher) = self.schedule.place(self.next);
            let conn = topic as usize * self.schedule.publishers as usize + publisher as usize;
            let index = conn / self.place.threads;
            let is_ours = conn % self.place.threads == self.place.thread;
            // A full socket holds up those after it, and they are late: the schedule is one.
            if is_ours && out.is_blocked(index) {
                return None;
            }
            self.next += 1;
            if is_ours {
                self.lateness.record(now - due);
                self.send(index, due, out);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::series::Pulse;

    #[test]
    fn a_full_socket_holds_the_schedule_up() {
        let schedule = Schedule {
            topics: 2,
            publishers: 1,
            messages: 100,
            subscribers: 2,
            pace: Pace::Rate(1.0),
            seed: None,
        };
        let timeline = Arc::new(Timeline::new(Some(1.0), 100));
        timeline.start(1);
        let progress = Arc::new(Progress::new(timeline, Pulse::apart()));
        let form = Form::new(7, 24);
        let mut publishers = Publishers::new(Place::of(0, 1), schedule, form, progress);
        let mut out = Outbox::default();
        let sent = |publishers: &Publishers| -> Vec<u32> {
            publishers.sent().map(|(_, count)| count).collect()
        };
        out.block(1);
        assert_eq!(publishers.turn(u64::MAX >> 1, &mut out), None);
        assert_eq!(sent(&publishers), [1, 0]);
        out.forget(1);
        publishers.turn(u64::MAX >> 1, &mut out);
        assert_eq!(sent(&publishers), [50, 50]);
    }
}
