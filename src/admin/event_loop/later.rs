//! Answers that come later: of shards, and of traces.

use std::time::{Duration, Instant};

use crossbeam_channel::Select;

use crate::admin::api::rows::Answer;
use crate::admin::api::sweeps::Asked;
use crate::admin::api::trace::{Follow, first_line};
use crate::admin::api::traces::Lines;
use crate::admin::event_loop::{EventLoop, at, now};
use crate::limits::ADMIN_TIMEOUT;
use crate::proto::http::Date;
use crate::sys::time_of_day::since_1970;

impl EventLoop {
    /// Takes what shards have answered, and waits for that for a while.
    pub(super) fn take_answers(&mut self, patience: Duration) {
        let mut select = Select::new();
        select.recv(self.sweeps.answers());
        select.recv(self.traces.batches());
        let _ready = select.ready_timeout(patience);
        let now = now();
        let answered = self.sweeps.take(&self.answers.handle, at(self.began, now));
        let lines = self.traces.take(since_1970().as_secs_f64());
        for asked in answered {
            self.finish(asked, now);
        }
        for Lines { key, text, is_last } in lines {
            self.tell(key, &text, is_last, now);
        }
    }

    /// Begins to send what happens.
    pub(super) fn follow(&mut self, key: usize, follow: Follow, now: Instant) {
        let time = Duration::from_secs(follow.seconds as u64);
        let date = Date::since_1970(since_1970());
        if !self.traces.begin(key, follow, &self.answers.handle) {
            let answer = Some(Answer::busy());
            return self.finish(Asked { key, answer }, now);
        }
        if let Some(it) = self.connections.get_mut(key) {
            it.exchange.begin_stream("application/x-ndjson", date);
            it.deadline = now + time;
        }
        self.tell(key, &first_line(), false, now);
    }

    /// Sends lines of a trace.
    fn tell(&mut self, key: usize, text: &str, is_last: bool, now: Instant) {
        if is_last {
            self.traces.end(key, &self.answers.handle);
        }
        let Some(it) = self.connections.get_mut(key) else {
            return;
        };
        if is_last {
            it.deadline = now + ADMIN_TIMEOUT;
        }
        if it.exchange.push(text, is_last) {
            self.advance(key, now);
        } else {
            self.close(key);
        }
    }

    /// Sends an answer that is complete.
    pub(super) fn finish(&mut self, asked: Asked, now: Instant) {
        let Asked { key, answer } = asked;
        let (Some(answer), Some(it)) = (answer, self.connections.get_mut(key)) else {
            return;
        };
        let date = Date::since_1970(since_1970());
        it.exchange.finish(&answer.response(), date);
        it.deadline = now + ADMIN_TIMEOUT;
        self.advance(key, now);
    }

    /// Ends connections whose time is over; one that waits for shards is told so.
    pub(super) fn end_late(&mut self, now: Instant) {
        let late = self.connections.iter().filter(|(_, it)| it.deadline <= now);
        let late: Vec<usize> = late.map(|(key, _)| key).collect();
        for key in late {
            if self.sweeps.forget(key) {
                let answer = Answer::error(504, "a shard did not answer in time: see /livez");
                let answer = Some(answer);
                self.finish(Asked { key, answer }, now);
            } else if let Some(last) = self.traces.finish(key, "seconds", &self.answers.handle) {
                self.tell(key, &last, true, now);
            } else {
                self.connections.remove(key);
            }
        }
    }
}
