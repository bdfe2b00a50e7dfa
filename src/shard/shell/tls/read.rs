//! Reading TLS: handshakes within their share of a turn, what comes after them at once.

use std::time::Instant;

use rustix::io::Errno;

use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::HANDSHAKE_TIME_PER_TURN;
use crate::shard::core::ShardCore;
use crate::shard::shell::tls::{Buffers, Sessions};
use crate::sys::socket;
use crate::tls::{Failed, Progress};

/// What became of a read.
enum Read {
    /// So many bytes came, and may have changed something.
    Bytes(usize, Progress),
    /// So many bytes came after the last word.
    Late(usize),
    Nothing,
    /// The end of the stream, by the socket alone.
    End,
    Broken,
    Failed(Failed),
}

impl Sessions {
    /// Reads from a connection, or puts it among the handshakes if its own is not over.
    pub(crate) fn read<H: Handler>(
        &mut self,
        core: &mut ShardCore<H>,
        id: ConnId,
        to_the_end: bool,
    ) {
        let Some(secured) = self.get_mut(id) else {
            return;
        };
        if secured.session.is_open() || secured.is_finished() {
            return self.read_on(core, id, to_the_end);
        }
        if !std::mem::replace(&mut secured.queued, true) {
            self.handshakes.push_back(id);
            core.note_handshake(id);
        }
    }

    /// Goes on with handshakes, as many as there is time for in a turn, but at least one.
    pub(crate) fn shake<H: Handler>(&mut self, core: &mut ShardCore<H>, start: Instant) {
        if self.handshakes.is_empty() {
            return;
        }
        let until = start.elapsed() + HANDSHAKE_TIME_PER_TURN;
        for _ in 0..self.handshakes.len() {
            let Some(id) = self.handshakes.pop_front() else {
                return;
            };
            // No event will tell again of what came before.
            if let Some(secured) = self.get_mut(id) {
                secured.queued = false;
            }
            core.begin_handshake(id);
            self.read_on(core, id, true);
            if until <= start.elapsed() {
                return;
            }
        }
    }

    /// Reads from a connection for as long as the core wants its bytes and there are any. As from
    /// a plain socket, `to_the_end` asks for one more read after a short one.
    fn read_on<H: Handler>(&mut self, core: &mut ShardCore<H>, id: ConnId, to_the_end: bool) {
        while core.wants_bytes(id) {
            if self.tell_end(core, id) {
                continue;
            }
            let len = core.read_len();
            match self.read_once(id, len) {
                Read::Bytes(n, progress) => {
                    self.tell(core, id, progress);
                    // After what they held, which would be kept else.
                    core.charge_sealed(n, progress.records);
                    if n < len && !to_the_end {
                        return;
                    }
                    continue;
                }
                Read::Late(n) => {
                    core.handle_bytes(id, &mut self.buffers.input[..n]);
                    continue;
                }
                Read::Nothing => {}
                Read::End => self.end(core, id),
                Read::Broken => core.handle_reset(id),
                Read::Failed(failed) => {
                    log::debug!("shard {}: conn {id}: TLS: {}", self.shard, failed.0);
                    self.tell_rest(core, id);
                    core.handle_tls_failure(id);
                }
            }
            return;
        }
    }

    /// Reads at most `len` bytes.
    fn read_once(&mut self, id: ConnId, len: usize) -> Read {
        let Some(Some(secured)) = self.table.get_mut(id.key.index()) else {
            return Read::Nothing;
        };
        let Buffers {
            input,
            plaintext,
            sealed,
            ..
        } = &mut self.buffers;
        let is_late = secured.is_finished();
        let rest = if is_late {
            &[][..]
        } else {
            secured.session.rest()
        };
        let kept = rest.len();
        input[..kept].copy_from_slice(rest);
        let read = loop {
            match socket::recv(secured.fd, &mut input[kept..][..len]) {
                Ok(0) => return Read::End,
                Ok(n) => break n,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Read::Nothing,
                Err(_) => return Read::Broken,
            }
        };
        if is_late {
            return Read::Late(read);
        }
        plaintext.clear();
        sealed.clear();
        let came = &mut input[..kept + read];
        let received = secured.session.receive(came, plaintext, sealed);
        secured.recount();
        let answered = if sealed.is_empty() {
            Ok(())
        } else {
            secured.put(sealed)
        };
        match (received, answered) {
            (Err(failed), _) => Read::Failed(failed),
            (Ok(_), Err(_)) => Read::Broken,
            (Ok(progress), Ok(())) => Read::Bytes(read, progress),
        }
    }

    /// Tells the core what has come.
    fn tell<H: Handler>(&mut self, core: &mut ShardCore<H>, id: ConnId, progress: Progress) {
        let Some(Some(secured)) = self.table.get_mut(id.key.index()) else {
            return;
        };
        if progress.opened
            && let Some((speaks, peer)) = secured.inside.take().map(|inside| *inside)
        {
            let identity = secured.session.identity();
            log::debug!(
                "shard {}: conn {id}: {}, client certificate of {}",
                self.shard,
                secured.session.version(),
                identity.as_deref().unwrap_or("nobody")
            );
            core.handle_handshake(id, secured.session.is_resumed());
            speaks.begin(core, id, peer, identity);
        }
        if !self.buffers.plaintext.is_empty() {
            core.handle_bytes(id, &mut self.buffers.plaintext);
        }
        if progress.closed {
            secured.read_ended = true;
            secured.owes_end = true;
            // If not now, the read that follows the pause tells it.
            if core.wants_bytes(id) {
                self.tell_end(core, id);
            }
        }
    }

    /// Tells the core what came in front of that which broke the rules.
    fn tell_rest<H: Handler>(&mut self, core: &mut ShardCore<H>, id: ConnId) {
        let is_open = self.get(id).is_some_and(|it| it.session.is_open());
        if is_open && !self.buffers.plaintext.is_empty() {
            core.handle_bytes(id, &mut self.buffers.plaintext);
        }
    }

    /// Tells the core, which has taken all that came before, that the client says no more; `false`
    /// if it does not say so, or the core knows.
    fn tell_end<H: Handler>(&mut self, core: &mut ShardCore<H>, id: ConnId) -> bool {
        let Some(secured) = self.get_mut(id).filter(|secured| secured.owes_end) else {
            return false;
        };
        secured.owes_end = false;
        core.handle_read_end(id);
        if !secured.session.may_half_close() {
            core.handle_goodbye(id);
        }
        true
    }

    /// The stream ends. Without a word of TLS anyone may have cut it (RFC 8446 section 6.1).
    fn end<H: Handler>(&self, core: &mut ShardCore<H>, id: ConnId) {
        match self.get(id) {
            Some(secured) if secured.read_ended && !socket::has_failed(secured.fd) => {
                core.handle_read_end(id);
            }
            _ => core.handle_reset(id),
        }
    }
}
