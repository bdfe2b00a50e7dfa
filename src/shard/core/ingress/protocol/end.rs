//! What becomes of a connection whose client has closed its side.

use crate::close_reason::CloseReason;
use crate::shard::core::conn::http::Phase;
use crate::shard::core::conn::{Conn, UNPROCESSED};
use crate::shard::core::ingress::protocol::Protocol;

/// What becomes of a connection whose client has closed its side.
pub(crate) enum AtEnd {
    /// What it waits for, or its last word, comes first.
    Nothing,
    /// It is still sent what it has subscribed to.
    ListenOn,
    /// It ends after what is on its way to it.
    Close(CloseReason),
    /// It ends at once.
    Kill(CloseReason),
}

impl Protocol {
    /// What becomes of a connection whose client has closed its side.
    pub(crate) fn at_end<D>(conn: &Conn<D>) -> AtEnd {
        match &conn.protocol {
            // A device may publish, close its side and still listen.
            Self::Framed(_) if conn.subs.count() != 0 || conn.state.is_opening() => AtEnd::ListenOn,
            Self::Framed(_) => AtEnd::Close(CloseReason::Client),
            Self::Asking(_) | Self::Lingering(_) => AtEnd::Kill(CloseReason::Client),
            // Its last word is still to be sent, as to a client that asks by `nc -N`.
            Self::Http(_) | Self::WebSocket(_) | Self::Session(_) | Self::Events(_)
                if conn.state.is_closing() =>
            {
                AtEnd::Nothing
            }
            // What it has asked is answered first.
            Self::Http(_) if conn.is_paused() || conn.is(UNPROCESSED) => AtEnd::Nothing,
            Self::Http(http) if http.phase == Phase::Idle => AtEnd::Close(CloseReason::Answered),
            Self::Events(_) => AtEnd::Kill(CloseReason::Client),
            Self::Session(session) if session.stream.is_some() => AtEnd::Kill(CloseReason::Client),
            // What it has asked is answered: it need not wait for that to close its side.
            Self::Session(session) if session.frames().is_some() => {
                AtEnd::Close(CloseReason::Client)
            }
            // What it has begun to ask will never be whole, but what was answered is its own.
            Self::Http(_) if conn.outbox_len() != 0 => AtEnd::Close(CloseReason::Vanished),
            Self::Http(_) | Self::WebSocket(_) | Self::Session(_) => {
                AtEnd::Kill(CloseReason::Vanished)
            }
        }
    }
}
