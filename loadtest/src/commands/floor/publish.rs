//! What a floor does with a message: send it to all at once, or with those that came with it.

use crate::commands::floor::calls::Calls;
use crate::commands::floor::sockets::Sockets;
use crate::commands::floor::wire;
use crate::commands::floor::{Fault, FloorMode};
use crate::url::Protocol;

pub(super) struct Topic {
    batches: bool,
    /// Frames not sent yet, by protocol; the batch, or the one message under way.
    web_socket: Vec<u8>,
    length_prefixed: Vec<u8>,
    lie: Option<Lie>,
}

/// How a floor lies to its first subscriber, about one message.
struct Lie {
    fault: Fault,
    /// Messages until then.
    countdown: u32,
    /// A message that is to come after the next.
    held: Option<Vec<u8>>,
}

/// The message that a lie is about.
const LIE_AT: u32 = 3;

impl Topic {
    pub(super) fn new(mode: FloorMode, fault: Option<Fault>) -> Self {
        Self {
            batches: mode == FloorMode::Batch,
            web_socket: Vec::new(),
            length_prefixed: Vec::new(),
            lie: fault.map(|fault| Lie {
                fault,
                countdown: LIE_AT,
                held: None,
            }),
        }
    }

    /// Sends a message to all subscribers, or keeps it for the end of the turn.
    #[inline]
    pub(super) fn publish<C: Calls>(&mut self, sockets: &mut Sockets, payload: &[u8]) {
        for protocol in [Protocol::WebSocket, Protocol::LengthPrefix] {
            if sockets.has_subscribers(protocol) {
                wire::write(protocol, payload, self.wire(protocol));
            }
        }
        if !self.batches {
            self.flush::<C>(sockets);
        }
    }

    #[inline]
    pub(super) fn flush<C: Calls>(&mut self, sockets: &mut Sockets) {
        for protocol in [Protocol::WebSocket, Protocol::LengthPrefix] {
            let members = sockets.member_count(protocol);
            let lie = self.lie.take();
            let wire = self.wire(protocol);
            if !wire.is_empty() {
                match lie {
                    None => sockets.send_all::<C>(protocol, 0..members, wire),
                    Some(lie) => self.lie = lie.tell::<C>(sockets, protocol, wire),
                }
                self.wire(protocol).clear();
            } else {
                self.lie = lie;
            }
        }
    }

    fn wire(&mut self, protocol: Protocol) -> &mut Vec<u8> {
        match protocol {
            Protocol::WebSocket => &mut self.web_socket,
            Protocol::LengthPrefix => &mut self.length_prefixed,
        }
    }
}

impl Lie {
    /// Sends one frame, wrongly if its time has come.
    fn tell<C: Calls>(
        mut self,
        sockets: &mut Sockets,
        protocol: Protocol,
        frame: &mut [u8],
    ) -> Option<Self> {
        let members = sockets.member_count(protocol);
        if let Some(held) = self.held {
            sockets.send_all::<C>(protocol, 0..members, frame);
            sockets.send_all::<C>(protocol, 0..1, &held);
            return None;
        }
        if self.countdown > 0 {
            self.countdown -= 1;
            sockets.send_all::<C>(protocol, 0..members, frame);
            return Some(self);
        }
        sockets.send_all::<C>(protocol, 1..members, frame);
        match self.fault {
            Fault::Drop => {}
            Fault::Duplicate => {
                sockets.send_all::<C>(protocol, 0..1, frame);
                sockets.send_all::<C>(protocol, 0..1, frame);
            }
            Fault::Swap => {
                self.held = Some(frame.to_vec());
                return Some(self);
            }
            Fault::Corrupt => {
                if let Some(last) = frame.last_mut() {
                    *last ^= 1;
                }
                sockets.send_all::<C>(protocol, 0..1, frame);
            }
        }
        None
    }
}
