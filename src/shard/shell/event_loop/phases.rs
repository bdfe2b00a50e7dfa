//! The phases of a turn over real sockets.

use mio::{Events, Token};

use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::EVENTS_PER_POLL;
use crate::shard::core::ShardCore;
use crate::shard::core::conns::grace::Polled;
use crate::shard::core::conns::questions::Answered;
use crate::shard::shell::accept::proxy_header::Header;
use crate::shard::shell::accept::source::Source;
use crate::shard::shell::event_loop::{DOORBELL, EventLoop};
use crate::shard::shell::sockets::SocketSink;
use crate::shard::turn::Turn;

impl<H: Handler> Turn for EventLoop<H> {
    type Handler = H;

    fn core(&mut self) -> &mut ShardCore<H> {
        &mut self.core
    }

    fn take_mail(&mut self) {
        self.lanes.take(&mut self.core);
    }

    fn next_answer(&mut self) -> Option<Answered<H::Answer>> {
        self.answers.try_recv()
    }

    fn note_polled(&mut self) {
        self.core.note_polled(Polled {
            is_full: EVENTS_PER_POLL <= self.events.iter().count() || !self.answers.is_empty(),
            gap: self.gap,
        });
    }

    fn accept(&mut self) {
        for event in &self.events {
            if Source::owns(event.token()) {
                self.acceptor.note(event.token());
            }
        }
        self.core.begin_accepting();
        let (acceptor, mut into) = self.accepting();
        acceptor.accept(&mut into);
    }

    fn read(&mut self) {
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            match event.token() {
                // Answered by `lanes.take`, before which it was rung.
                DOORBELL => {}
                // Answered by `accept`.
                token if Source::owns(token) => {}
                Token(token) => {
                    let id = ConnId::unpack(token);
                    if event.is_writable() && !self.sessions.write(&mut self.core, id) {
                        self.core.handle_writable(id);
                    }
                    if event.is_error() || event.is_write_closed() {
                        self.broken.insert(id);
                    }
                    if event.is_readable() || event.is_read_closed() || event.is_error() {
                        let ends = event.is_read_closed() || event.is_error();
                        self.core.note_readable(id, ends);
                    }
                }
            }
        }
        self.events = events;
        while let Some((id, to_the_end)) = self.core.take_readable() {
            self.read_from(id, to_the_end);
        }
        self.register_arrived();
    }

    fn send_mail(&mut self) {
        self.lanes.send(&mut self.core);
    }

    fn flush(&mut self) {
        let mut wire = SocketSink::new(&mut self.sessions);
        self.core.flush(&mut wire);
        self.sent = wire.sent;
        self.sessions.shake(&mut self.core, self.start);
    }

    /// Closes what ended in this turn. Nothing is freed earlier, so no event meets a stranger.
    fn reap(&mut self) {
        while let Some(id) = self.core.take_finished() {
            if !self.sessions.finish(id)
                && let Some(link) = self.sockets.get(id)
            {
                link.shutdown_write();
            }
        }
        while let Some(id) = self.core.take_asked() {
            let held = self.sessions.unsent(id);
            if let Some(link) = self.sockets.get(id) {
                self.core.handle_unsent(id, held + link.unsent());
            }
        }
        let sockets = &self.sockets;
        self.core.give_lists(|info| {
            if let Some(link) = sockets.get(info.id.conn) {
                link.describe(info);
            }
        });
        self.core.give_looks(|info| {
            if let Some(link) = sockets.get(info.id.conn) {
                link.locate(info);
                link.describe(info);
            }
        });
        let shard = self.control.shard();
        if let Some(words) = self.core.take_refused_origin() {
            log::warn!("shard {shard}: a page is refused: {words}");
        }
        if let Some(words) = self.core.take_denial() {
            log::info!("shard {shard}: denied: {words}");
        }
        self.core.settle(|id, addr, reason| match addr {
            Some(addr) => log::debug!("shard {shard}: conn {id} from {addr}: {reason}"),
            None => log::debug!("shard {shard}: conn {id}: {reason}"),
        });
        for _ in 0..self.core.take_turned_away() {
            self.control.shared().leave();
        }
        let shared = self.control.shared();
        self.core.reap(|id, _, overflow| {
            if !overflow {
                shared.leave();
            }
            shared.take_load(shard);
            self.sessions.remove(id);
            self.sockets.remove(id);
            self.headers.forget(id);
            self.broken.remove(&id);
        });
    }
}

impl<H: Handler> EventLoop<H> {
    fn read_from(&mut self, id: ConnId, to_the_end: bool) {
        if self.headers.is_due(id) {
            self.read_header(id, to_the_end);
        }
        if self.headers.is_due(id) {
            return;
        }
        let Self {
            core,
            sockets,
            sessions,
            reader,
            headers,
            ..
        } = self;
        if sessions.has(id) {
            sessions.read(core, id, to_the_end);
        } else {
            reader.read(core, sockets, headers, id, to_the_end);
        }
        if !self.broken.is_empty() && self.broken.contains(&id) && core.is_waiting(id) {
            // Its client is not there to be answered, and what waits was not accepted yet.
            core.handle_reset(id);
        }
    }

    /// Reads the PROXY header of a connection, which comes before all else.
    fn read_header(&mut self, id: ConnId, to_the_end: bool) {
        let Some(link) = self.sockets.get(id).filter(|_| self.core.is_early(id)) else {
            // Whatever comes now is not for it any more.
            return self.headers.forget(id);
        };
        match self.headers.read(id, link, to_the_end) {
            Header::Incomplete => {}
            Header::End => self.core.handle_reset(id),
            Header::Invalid => self.core.handle_proxy_failure(id),
            Header::Client(client, listener) => {
                let (acceptor, mut into) = self.accepting();
                acceptor.begin(&mut into, id, client, listener);
            }
        }
    }

    /// Registers connections that came with their first bytes. Before those were read it would make
    /// an event of them, and that another read.
    pub(super) fn register_arrived(&mut self) {
        let registry = self.poll.registry();
        for id in self.arrived.drain(..) {
            let link = self.sockets.get(id);
            if link.is_some_and(|link| link.register(id, registry).is_err()) {
                self.core.handle_reset(id);
            }
        }
    }
}
