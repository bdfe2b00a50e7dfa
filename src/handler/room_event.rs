//! What a room is called for, and what it asks for.

use crate::handler::{Extras, Publisher};
use crate::payload::Payload;

/// The event of a room's callback.
#[derive(Debug)]
pub(crate) enum Event {
    /// A message.
    Publish {
        payload: Payload,
        /// The connection that published it, if there was one.
        publisher: Option<Publisher>,
        /// What few publications have; goes with the message where the room passes it.
        extras: Option<Box<Extras>>,
    },
    /// A connection has joined.
    Join(Publisher),
    /// A connection has left.
    Leave,
    /// A tick is due.
    Tick,
}

/// What a room asks for.
#[derive(Debug)]
pub(crate) enum Output {
    /// A message of its topic; of a connection, if it is as that has published it.
    Publish(Payload, Option<Box<Extras>>, Option<Publisher>),
    /// A message for one connection.
    Reply(Publisher, Payload),
    /// A message for a joining connection, which gets it or is closed.
    Welcome(Publisher, Payload),
}

impl Event {
    /// Answers the publisher of a message that the room has not passed on: it has no position.
    pub(crate) fn tell_that_it_was_not_passed(&mut self) {
        if let Self::Publish {
            extras: Some(extras),
            ..
        } = self
        {
            extras.tell(None);
        }
    }
}
