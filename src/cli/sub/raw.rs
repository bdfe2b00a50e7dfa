//! A subscriber of one topic: each message is one of the connection.

use crate::cli::Failure;
use crate::cli::dial::Dial;
use crate::cli::dial::url::{Base, Role};
use crate::cli::sub::line::Received;
use crate::cli::sub::said::Said;
use crate::cli::sub::since::Since;
use crate::client::{ClientBuilder, Event};

/// What a connection to one topic says.
#[derive(Debug)]
pub(super) struct Raw {
    topic: String,
}

impl Raw {
    /// The subscriber, and its client.
    pub(super) fn new(
        dial: &Dial,
        base: &Base,
        topic: &str,
        since: Option<Since>,
    ) -> Result<(Self, ClientBuilder), Failure> {
        let url = base.topic(Role::Subscribe, topic, None)?;
        let mut builder = dial.client_with_token(&url)?;
        if !base.is_tcp() {
            builder = match since {
                None => builder.keep_positions(),
                Some(Since::Earliest) => builder.last(u32::MAX),
                Some(Since::Last(count)) => builder.last(count),
                Some(Since::Position(position)) => builder.since(position),
            };
        } else if since.is_some() {
            return Err(Failure::usage(
                "--since needs ws:// or wss://; over TCP the key `last` of the listener decides",
            ));
        }
        let topic = topic.to_owned();
        Ok((Self { topic }, builder))
    }

    /// Handles an event of the client.
    pub(super) fn handle(&self, event: Event, out: &mut Vec<Said>) {
        match event {
            Event::Connected { .. } => out.push(Said::Ready),
            Event::Message {
                kind,
                payload,
                position,
            } => out.push(Said::Message(Received {
                topic: self.topic.clone(),
                kind,
                payload,
                epoch: position.map(|position| position.epoch.to_string()),
                offset: position.map(|position| position.offset),
            })),
            Event::Recovered { .. } => out.push(Said::Note("nothing is missing".to_owned())),
            Event::Gap { position } => out.push(Said::Note(match position {
                Some(position) => format!(
                    "gap: messages are missing that the server has no more; what follows begins \
                     after {position}"
                ),
                None => "gap: messages may be missing: the topic has no history".to_owned(),
            })),
            _ => {}
        }
    }
}
