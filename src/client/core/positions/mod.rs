//! Where a client stands in the topic of its address, so that it goes on there when it comes back.

use crate::client::core::Core;
use crate::client::core::event::{Event, Reason};
use crate::client::wire::encode_close;
use crate::position::{Position, Since};
use crate::proto::Kind;
use crate::proto::positions::{Frame, SUBPROTOCOL, decode};
use crate::time::Now;

/// Where a client stands.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    /// That of its newest message, or what the server has said instead.
    pub(crate) newest: Option<Position>,
    /// What it asks for until it has been connected.
    first: Since,
    /// The server says positions on this connection.
    is_negotiated: bool,
    /// The server was asked to go on there, and has not said yet whether it does.
    is_resuming: bool,
}

impl Positions {
    /// Before the first connection.
    pub(crate) fn new(first: Since) -> Self {
        let newest = match first {
            Since::Position(position) => Some(position),
            _ => None,
        };
        Self {
            newest,
            first,
            ..Self::default()
        }
    }

    /// What the request of a connection asks for.
    pub(crate) fn request(&mut self) -> Since {
        self.is_resuming = self.newest.is_some();
        self.newest.map_or(self.first, Since::Position)
    }

    /// The server has chosen a subprotocol.
    pub(crate) fn begin(&mut self, protocol: Option<&str>) {
        self.is_negotiated = protocol == Some(SUBPROTOCOL);
        self.is_resuming &= self.is_negotiated;
        // Asked again, the newest messages would come twice.
        self.first = Since::Default;
    }
}

impl Core {
    /// Where the client stands.
    pub(crate) fn position(&self) -> Option<Position> {
        self.positions.newest
    }

    /// A WebSocket or TCP message has come: one for the program, or one that says where it stands.
    pub(super) fn handle_message(&mut self, kind: Kind, mut payload: Vec<u8>, now: Now) {
        let mut position = None;
        if self.positions.is_negotiated {
            match decode(kind, &payload) {
                Ok(Frame::Message {
                    position: place,
                    payload: rest,
                }) => {
                    let line = payload.len() - rest.len();
                    payload.drain(..line);
                    position = place;
                    place.into_iter().for_each(|place| self.advance(place));
                }
                Ok(Frame::Position(place)) => return self.advance(place),
                Ok(Frame::Gap(place)) => {
                    self.positions.newest = place;
                    self.positions.is_resuming = false;
                    return self.report(Event::Gap { position: place });
                }
                Err(error) => {
                    let text = error.to_string();
                    encode_close(&mut self.out, &mut self.random, Some(CLOSE_PROTOCOL), &text);
                    return self.say_no_more(Reason::Positions(error), now);
                }
            }
        }
        if !self.closed {
            self.inbox_bytes += payload.len();
            self.report(Event::Message {
                kind,
                payload,
                position,
            });
        }
    }

    fn advance(&mut self, position: Position) {
        let from = self.positions.newest.replace(position);
        if std::mem::take(&mut self.positions.is_resuming)
            && let Some(from) = from
        {
            self.report(Event::Recovered { from });
        }
    }
}

/// RFC 6455 7.4.1: a protocol error.
const CLOSE_PROTOCOL: u16 = 1002;

#[cfg(test)]
mod tests;
