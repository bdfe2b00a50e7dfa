//! Which channels are subscribed to, and their readers.

use std::collections::{HashMap, VecDeque};

use crate::config::HistorySettings;
use crate::redis::reader::Reader;
use crate::topic::Topic;

/// A topic whose channel is subscribed to, or is to be, or was.
#[derive(Debug)]
pub(super) struct Channel {
    /// `None`: the home wants it no more.
    pub(super) reader: Option<Reader>,
    pub(super) history: Option<HistorySettings>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be subscribed to.
    Wanted,
    /// Redis was told, and has not answered.
    Asked,
    /// What is published comes.
    Confirmed,
    /// Redis was told that it is not wanted any more, or is to be.
    Leaving,
}

/// All channels by the names of their topics. An answer of Redis never means an earlier question:
/// there is one question at a time for each.
#[derive(Debug, Default)]
pub(super) struct Channels {
    all: HashMap<String, Channel>,
    wanted: VecDeque<String>,
    unwanted: VecDeque<String>,
}

impl Channels {
    pub(super) fn get_mut(&mut self, topic: &str) -> Option<&mut Channel> {
        self.all.get_mut(topic)
    }

    /// The home wants a topic; returns whether its channel is confirmed already.
    pub(super) fn attach(&mut self, reader: Reader, history: Option<HistorySettings>) -> bool {
        let name = reader.topic().name().to_owned();
        let wanted = &mut self.wanted;
        let channel = self.all.entry(name.clone()).or_insert_with(|| {
            wanted.push_back(name);
            Channel {
                reader: None,
                history: None,
                state: State::Wanted,
            }
        });
        channel.reader = Some(reader);
        channel.history = history;
        channel.state == State::Confirmed
    }

    pub(super) fn detach(&mut self, topic: &Topic, ticket: u32) {
        let Some(channel) = self.all.get_mut(topic.name()) else {
            return;
        };
        if channel
            .reader
            .as_ref()
            .is_none_or(|it| it.ticket() != ticket)
        {
            return;
        }
        channel.reader = None;
        match channel.state {
            State::Wanted => drop(self.all.remove(topic.name())),
            State::Confirmed => self.leave(topic.name()),
            // It is looked at when Redis answers.
            State::Asked | State::Leaving => {}
        }
    }

    fn leave(&mut self, topic: &str) {
        if let Some(channel) = self.all.get_mut(topic) {
            channel.state = State::Leaving;
            self.unwanted.push_back(topic.to_owned());
        }
    }

    /// Redis has confirmed; returns the reader that is to know.
    pub(super) fn subscribed(&mut self, topic: &str) -> Option<&mut Reader> {
        let channel = self.all.get_mut(topic)?;
        if channel.state != State::Asked {
            return None;
        }
        if channel.reader.is_none() {
            self.leave(topic);
            return None;
        }
        channel.state = State::Confirmed;
        self.all.get_mut(topic)?.reader.as_mut()
    }

    /// The channel is left; or it is wanted again.
    pub(super) fn unsubscribed(&mut self, topic: &str) {
        let Some(channel) = self.all.get_mut(topic) else {
            return;
        };
        if channel.state == State::Leaving && channel.reader.is_none() {
            self.all.remove(topic);
        } else if channel.state == State::Leaving {
            channel.state = State::Wanted;
            self.wanted.push_back(topic.to_owned());
        }
    }

    /// The connection has ended: all are to be subscribed to again.
    pub(super) fn lost(&mut self) {
        self.unwanted.clear();
        self.all.retain(|_, channel| channel.reader.is_some());
        for channel in self.all.values_mut() {
            channel.state = State::Wanted;
            if let Some(reader) = &mut channel.reader {
                reader.lost();
            }
        }
        self.wanted = self.all.keys().cloned().collect();
    }

    /// The next topics to subscribe to, at most so many.
    pub(super) fn take_wanted(&mut self, max: usize) -> Vec<String> {
        let mut taken = Vec::new();
        while taken.len() < max
            && let Some(name) = self.wanted.pop_front()
        {
            // One that was detached and attached again is here twice.
            if let Some(channel) = self.all.get_mut(&name)
                && channel.state == State::Wanted
            {
                channel.state = State::Asked;
                taken.push(name);
            }
        }
        taken
    }

    /// The next topics to leave, at most so many.
    pub(super) fn take_unwanted(&mut self, max: usize) -> Vec<String> {
        let count = self.unwanted.len().min(max);
        self.unwanted.drain(..count).collect()
    }

    pub(super) fn has_orders(&self) -> bool {
        !self.wanted.is_empty() || !self.unwanted.is_empty()
    }
}
