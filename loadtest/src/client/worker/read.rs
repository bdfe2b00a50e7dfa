//! Reading: all there is, or slowly.

use std::mem;

use rustix::io::Errno;

use crate::client::link::{Ended, Event, State};
use crate::client::request::numbered;
use crate::client::structured::{Recovery, Wire};
use crate::client::worker::Worker;
use crate::client::worker::life::io_label;
use crate::client::{App, LinkName, Place, Plan, Reading};
use crate::clock::{MILLISECOND, SECOND, now_ns};

/// Reads of one connection in a turn, so that one that never ends does not starve the others.
const READS_PER_TURN: usize = 8;
/// The end of the stream, in the words of a report.
pub(crate) const CLOSED: &str = "closed without a word";
/// Slow readers read this often.
const SIP_EVERY_NS: u64 = 100 * MILLISECOND;

/// The first commands of a connection of the structured protocol.
fn opening<A: App>(app: &A, plan: &Plan, place: Place, index: usize, wire: Wire) -> Vec<u8> {
    let number = place.number(index);
    let topic = plan.numbering.map(|all| all.topic(number));
    let channel = numbered(&plan.target(place.thread, index).channel, topic);
    let token = plan.tokens.of(plan.first_source + number);
    let since = app.since(index);
    let recovery = Recovery {
        is_wanted: plan.subprotocol.is_some(),
        since: since.as_deref(),
    };
    wire.opening(&channel, token.as_deref(), recovery)
}

impl<A: App> Worker<A> {
    /// Reads a connection until a short read, or to the end after a hang-up.
    pub(super) fn fill(&mut self, index: usize, to_the_end: bool) {
        for _ in 0..READS_PER_TURN {
            if !self.read_once(index, usize::MAX, to_the_end) {
                return;
            }
        }
        self.unread.push(index);
    }

    /// Reads at most `most` bytes; says whether there may be more to read.
    fn read_once(&mut self, index: usize, most: usize, to_the_end: bool) -> bool {
        let link = &mut self.links[index];
        let kept = link.take_partial(&mut self.buf);
        let space = (self.buf.len() - kept).min(most);
        // A record that was read may have more, and the socket as well.
        let to_the_end = to_the_end || link.tls.is_some();
        match link.recv(&mut self.buf[kept..kept + space]) {
            Ok(0) => {
                self.end(index, CLOSED.to_owned());
                false
            }
            Ok(len) => self.handle_bytes(index, kept + len) && (len == space || to_the_end),
            Err(Errno::AGAIN) => {
                link.keep_partial(&self.buf[..kept]);
                false
            }
            Err(Errno::INTR) => {
                link.keep_partial(&self.buf[..kept]);
                true
            }
            Err(error) => {
                self.end(index, io_label(error.into()));
                false
            }
        }
    }

    /// Gives the application what the first `len` bytes of the buffer hold; false if that was the
    /// connection's end.
    #[inline]
    fn handle_bytes(&mut self, index: usize, len: usize) -> bool {
        if self.plan.raw {
            return self.handle_raw(index, len);
        }
        let now = now_ns();
        let Self {
            app,
            outbox,
            links,
            buf,
            plan,
            opener,
            control,
            pings,
            inflater,
            place,
            message_max,
            ..
        } = self;
        let link = &mut links[index];
        let name = LinkName {
            index,
            protocol: link.protocol,
        };
        let is_left = link.state == State::Leaving;
        let inflater = inflater.as_mut();
        let result = link.handle_bytes(&buf[..len], *message_max, inflater, |event| match event {
            // What comes after we have closed is not ours any more.
            _ if is_left => {}
            Event::Message(payload) => app.on_message(name, payload, now, outbox),
            Event::Ping(payload) => {
                *pings += 1;
                outbox.pong(index, payload);
            }
            Event::CommandPing(wire) => {
                *pings += 1;
                outbox.message(index, name.protocol, wire.pong());
            }
            Event::Upgraded(wire) => {
                let opening = opening(app, plan, *place, index, wire);
                outbox.message(index, name.protocol, &opening);
            }
            Event::Standing(standing) => app.on_standing(index, standing),
            Event::Offset(offset) => app.on_offset(index, offset),
            Event::Live => {
                let took_ns = opener.succeeded(index, now);
                control.add_live(now);
                app.on_live(name, now, took_ns, outbox);
            }
        });
        if outbox.len() > 0 {
            outbox.flush(links);
        }
        let Err(ended) = result else { return true };
        if let Ended::Close(code) = ended {
            if let Some(leaving) = self.leaving.get_mut(&index) {
                leaving.is_answered = true;
            } else {
                // The closing handshake: the same code goes back, RFC 6455 5.5.1.
                self.outbox.close(index, code);
                self.outbox.flush(&mut self.links);
            }
        }
        if ended.is_of_the_token() {
            self.plan.tokens.renew();
        }
        self.end(index, ended.label());
        false
    }

    /// Gives the application of a raw connection the bytes themselves.
    fn handle_raw(&mut self, index: usize, len: usize) -> bool {
        let link = &mut self.links[index];
        self.app
            .on_bytes(index, link, &self.buf[..len], &mut self.outbox);
        self.outbox.flush(&mut self.links);
        true
    }

    /// Lets slow readers take their sips, and returns when the next are due.
    pub(super) fn read_slowly(&mut self, now: u64) -> Option<u64> {
        let is_slow = self.control.is_slow();
        let reading = if is_slow {
            self.plan.reading
        } else {
            Reading::All
        };
        let has_changed = mem::replace(&mut self.reading, reading) != reading;
        let live = |index: &usize| self.links[*index].state == State::Live;
        let Reading::Slowly { bytes_per_s, .. } = reading else {
            if has_changed {
                // They have had their edges; what there is must be looked for.
                let all: Vec<usize> = (0..self.links.len()).filter(live).collect();
                all.into_iter().for_each(|index| self.fill(index, true));
            }
            return None;
        };
        if bytes_per_s == 0 {
            return None;
        }
        if now >= self.sip_at {
            let bytes = u64::from(bytes_per_s) * SIP_EVERY_NS / SECOND;
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).max(1);
            let all: Vec<usize> = (0..self.links.len()).filter(live).collect();
            for index in all {
                self.read_once(index, bytes, false);
            }
            self.sip_at = now + SIP_EVERY_NS;
        }
        Some(self.sip_at)
    }
}
