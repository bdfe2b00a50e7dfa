//! What comes to the engine: mail of homes, answers and pushed messages.

use std::sync::atomic::Ordering::Relaxed;

use crate::handler::HistoryPage;
use crate::redis::commands::{Answer, Job};
use crate::redis::engine::{AGAIN, Engine, PUBLISHES_MAX, TURN};
use crate::redis::envelope::{Body, EnvelopeError, Place, split};
use crate::redis::now;
use crate::redis::reader::{Action, Found, Reader};
use crate::redis::subscription::{self, Event};
use crate::shard::mail::Outward;
use crate::topic::Topic;
use crate::topic::history::ReadAnswer;

impl Engine {
    pub(super) fn take_mail(&mut self) -> usize {
        let by = now() + self.settings.timeout;
        let mut count = 0;
        while count < TURN
            && self.publishes < PUBLISHES_MAX
            && let Some(mail) = self.link.next()
        {
            count += 1;
            match mail {
                Outward::Publish(outbound) => {
                    self.publishes += 1;
                    self.give(Job::Publish(outbound, by));
                }
                Outward::RemoveHistory { topic, reply } => {
                    self.publishes += 1;
                    self.give(Job::Remove { topic, reply, by });
                }
                Outward::Attach {
                    topic,
                    ticket,
                    history,
                    since,
                } => {
                    let has_history = history.is_some();
                    let reader = Reader::new(topic.clone(), ticket, has_history, since);
                    if self.channels.attach(reader, history) {
                        self.with_reader(&topic, |reader, _, out| reader.subscribed(out));
                    }
                }
                Outward::Detach { topic, ticket } => self.channels.detach(&topic, ticket),
            }
        }
        count
    }

    /// Has the reader of a topic do something, and does what it wants.
    pub(super) fn with_reader(
        &mut self,
        topic: &Topic,
        act: impl FnOnce(&mut Reader, &mut Found, &mut Vec<Action>),
    ) {
        let channel = self.channels.get_mut(topic.name());
        if let Some(reader) = channel.and_then(|channel| channel.reader.as_mut()) {
            let mut out = Vec::new();
            act(reader, &mut self.found, &mut out);
            self.act(topic, out);
        }
    }

    pub(super) fn take_answer(&mut self, answer: Answer) {
        match answer {
            Answer::Published(mut outbound, position) => {
                self.publishes -= 1;
                outbound.tell(position);
            }
            Answer::Removed(reply, position) => {
                self.publishes -= 1;
                let entries = Vec::new();
                reply.give(Ok(HistoryPage::new(ReadAnswer { position, entries })));
            }
            Answer::Dropped => self.publishes -= 1,
            Answer::Probed => {}
            Answer::Range(topic, turn, range) => {
                self.questions -= 1;
                self.with_reader(&topic, |reader, found, out| {
                    reader.read(turn, range, found, out);
                });
            }
            Answer::Top(topic, turn, top) => {
                self.questions -= 1;
                self.compared(&topic, turn, top);
            }
            Answer::Refused(topic, turn) => {
                self.questions -= 1;
                self.again.push_back((now() + AGAIN, topic, turn));
            }
        }
    }

    pub(super) fn take_events(&mut self) -> usize {
        let events: Vec<Event> = self.events.try_iter().take(TURN).collect();
        let count = events.len();
        if count != 0 {
            self.probe.hear(now());
        }
        events.into_iter().for_each(|event| self.take_event(event));
        count
    }

    fn take_event(&mut self, event: Event) {
        match event {
            Event::Connected(stream) => {
                let probe = self.settings.probe_channel(self.node.0);
                subscription::order(&stream, "SUBSCRIBE", &[probe]);
                self.stream = Some(stream);
                let was_connected = std::mem::replace(&mut self.was_connected, true);
                let again = u64::from(was_connected);
                self.counters.reconnects.fetch_add(again, Relaxed);
            }
            Event::Lost => {
                self.stream = None;
                self.channels.lost();
            }
            Event::Subscribed(channel) => {
                let name = self.settings.topic_of(&channel);
                let reader = name.and_then(|name| self.channels.subscribed(name));
                if let Some(topic) = reader.map(|reader| reader.topic().clone()) {
                    self.with_reader(&topic, |reader, _, out| reader.subscribed(out));
                }
            }
            Event::Unsubscribed(channel) => {
                if let Some(name) = self.settings.topic_of(&channel) {
                    self.channels.unsubscribed(name);
                }
            }
            Event::Message(channel, message) => {
                if self.take_message(&channel, &message).is_err() {
                    self.counters.undecoded.fetch_add(1, Relaxed);
                }
            }
        }
    }

    fn take_message(&mut self, channel: &str, message: &[u8]) -> Result<(), EnvelopeError> {
        let (place, body) = split(message)?;
        let name = self.settings.topic_of(channel);
        let found = name.and_then(|name| self.channels.get_mut(name));
        let Some(reader) = found.and_then(|found| found.reader.as_mut()) else {
            return Ok(());
        };
        let mut out = Vec::new();
        match place {
            Place::Ordered(position) => {
                let body = Body::decode(body, self.node)?;
                reader.pushed(position, body, &mut self.found, &mut out);
            }
            Place::Counted(number) => {
                let body = Body::decode(body, self.node)?;
                let mail = reader.counted(number, body, &mut self.found);
                out.extend(mail.map(Action::Deliver));
            }
            Place::Removed(_) => reader.removed(&mut out),
            Place::Probe(_) => {}
        }
        if !out.is_empty() {
            let topic = reader.topic().clone();
            self.act(&topic, out);
        }
        Ok(())
    }
}
