//! Reading plain sockets, through one buffer for all.

use rustix::io::Errno;

use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::READ_BYTES;
use crate::shard::core::ShardCore;
use crate::shard::shell::accept::proxy_header::Preambles;
use crate::shard::shell::sockets::table::SocketTable;
use crate::sys::socket;

/// Reads plain sockets.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Lent to one connection after the other.
    buffer: Box<[u8]>,
}

impl Reader {
    /// With space for one read.
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; READ_BYTES].into(),
        }
    }

    /// Reads from a connection for as long as the core wants its bytes and there are any.
    ///
    /// A short read empties the socket (epoll(7)), unless its event also told of the stream's end
    /// or is long past: then `to_the_end` asks for one more read. (Over a path it also ends where
    /// the client has sent descriptors, unix(7), which nobody here wants: what is behind them waits
    /// for the next event.)
    pub(crate) fn read<H: Handler>(
        &mut self,
        core: &mut ShardCore<H>,
        sockets: &SocketTable,
        preambles: &mut Preambles,
        id: ConnId,
        to_the_end: bool,
    ) {
        while core.wants_bytes(id)
            && let Some(link) = sockets.get(id)
        {
            let len = core.read_len();
            match socket::recv(link.fd(), &mut self.buffer[..len]) {
                // After the end of the stream a reset reads like that end, and no later write may
                // tell: the socket's own error does.
                Ok(0) if link.has_failed() => core.handle_reset(id),
                Ok(0) => core.handle_read_end(id),
                Ok(n) if preambles.is_forbidden(id, &self.buffer[..n]) => {
                    core.handle_proxy_failure(id);
                }
                Ok(n) => {
                    core.handle_bytes(id, &mut self.buffer[..n]);
                    if n < len && !to_the_end {
                        return;
                    }
                    continue;
                }
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {}
                Err(_) => core.handle_reset(id),
            }
            return;
        }
    }
}
