//! Reading plain sockets, through one buffer for all.

use rustix::io::Errno;

use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::READ_BYTES;
use crate::shard::core::ShardCore;
use crate::shard::shell::accept::proxy_header::ProxyHeaders;
use crate::shard::shell::sockets::table::SocketTable;
use crate::shard::turn::{self, Received};
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
    pub(crate) fn read<H: Handler>(
        &mut self,
        core: &mut ShardCore<H>,
        sockets: &SocketTable,
        headers: &mut ProxyHeaders,
        id: ConnId,
        to_the_end: bool,
    ) {
        let Some(link) = sockets.get(id) else {
            return;
        };
        turn::read(core, id, to_the_end, &mut self.buffer, |buffer| {
            loop {
                return match socket::recv(link.fd(), buffer) {
                    // After the end of the stream a reset reads like that end, and no later write
                    // may tell: the socket's own error does.
                    Ok(0) if link.has_failed() => Received::Reset,
                    Ok(0) => Received::End,
                    Ok(n) if headers.is_forbidden(id, &buffer[..n]) => Received::Forbidden,
                    Ok(n) => Received::Bytes(n),
                    Err(Errno::INTR) => continue,
                    Err(Errno::AGAIN) => Received::Nothing,
                    Err(_) => Received::Reset,
                };
            }
        });
    }
}
