//! Frames over TCP: a length or a line, and a message; or a credential, if the listener asks for
//! one first; or a command of a session.

use crate::auth::places::SCHEME_BYTES_MAX;
use crate::close_reason::CloseReason;
use crate::denial::Denial;
use crate::handler::Handler;
use crate::id::ConnKey;
use crate::limits::CREDENTIAL_BYTES_MAX;
use crate::proto::length_prefix::Step;
use crate::proto::{Frames, Framing, Kind, ProtocolError};
use crate::shard::core::ShardCore;
use crate::shard::core::ingress::Progress;
use crate::shard::core::ingress::protocol::Protocol;
use crate::shard::core::shard::Shard;

impl<H: Handler> ShardCore<H> {
    pub(in crate::shard::core) fn take_frame(
        &mut self,
        key: ConnKey,
        frames: Frames,
        input: &mut [u8],
    ) -> Progress {
        let (payload, taken) = match frames.decode(input, self.shard.env.config.message_bytes_max) {
            Ok(Step::Incomplete { .. }) => return Progress::Incomplete,
            Ok(Step::Frame { payload: [], taken }) => {
                self.shard.conns.restart_progress(key, self.shard.env.now);
                return self.shard.take_silent(key, taken);
            }
            Ok(Step::Frame { payload, taken }) => (payload, taken),
            Err(error) => {
                self.shard.close(key, CloseReason::Protocol(error));
                return Progress::Ended;
            }
        };
        match frames.kind_of(payload) {
            Ok(kind) => self.offer(key, kind, payload, taken),
            Err(error) => {
                self.shard.close(key, CloseReason::Protocol(error));
                Progress::Ended
            }
        }
    }

    /// Takes a command of a session, which has with it what delimits it.
    pub(in crate::shard::core) fn take_command(
        &mut self,
        key: ConnKey,
        frames: Frames,
        input: &mut [u8],
    ) -> Progress {
        let max = self.shard.env.config.message_bytes_max;
        let taken = match frames.decode(input, max) {
            Ok(Step::Incomplete { .. }) => return Progress::Incomplete,
            // In protobuf that is a pong.
            Ok(Step::Frame { payload: [], taken }) if frames.framing == Framing::Line => {
                self.shard.conns.restart_progress(key, self.shard.env.now);
                return self.shard.take_silent(key, taken);
            }
            Ok(Step::Frame { taken, .. }) => taken,
            Err(error) => {
                self.shard.close(key, CloseReason::Protocol(error));
                return Progress::Ended;
            }
        };
        // Whether it is text is seen when it is read.
        self.offer(key, Kind::Binary, &input[..taken], taken)
    }

    /// Takes the first frame of a connection whose listener asks for a credential, and has the
    /// connection opened with it.
    pub(in crate::shard::core) fn take_credential(
        &mut self,
        key: ConnKey,
        frames: Frames,
        input: &mut [u8],
    ) -> Progress {
        match frames.decode(input, self.shard.credential_bytes_max()) {
            Ok(Step::Incomplete { .. }) => Progress::Incomplete,
            Ok(Step::Frame { payload: [], taken }) => Progress::Bytes(taken),
            Ok(Step::Frame { payload, taken }) => {
                let Some(conn) = self.shard.conns.live(key) else {
                    return Progress::Ended;
                };
                let Some(mut arrival) = conn.protocol.arrival().cloned() else {
                    return Progress::Ended;
                };
                arrival.credential = Some((&*payload).into());
                conn.protocol = Protocol::Framed(frames);
                self.open_tcp(key, arrival);
                self.opened(key, taken)
            }
            Err(ProtocolError::FrameTooLong { .. } | ProtocolError::MessageTooBig { .. })
                if self.shard.auth.is_some() =>
            {
                self.refuse_frame(key, Denial::TooLong);
                Progress::Ended
            }
            Err(error) => {
                self.shard.close(key, CloseReason::Protocol(error));
                Progress::Ended
            }
        }
    }
}

impl<D, A> Shard<D, A> {
    /// Maximum length of a first frame that is a credential.
    fn credential_bytes_max(&self) -> usize {
        let auth = self.auth.as_ref();
        let asked = auth.map(|auth| auth.token_bytes_max() + SCHEME_BYTES_MAX);
        let max = asked.unwrap_or(CREDENTIAL_BYTES_MAX);
        max.min(self.env.config.message_bytes_max)
    }

    /// Whether `more` bytes behind those that were `kept` of a head or a line bring no line end,
    /// and it is not too long yet, so that looking at it again is a waste.
    pub(super) fn line_cannot_end(&self, key: ConnKey, kept: &[u8], more: &[u8]) -> bool {
        let conn = self.conns.get(key);
        let protocol = conn.map(|conn| &conn.protocol);
        let Some(protocol) = protocol.filter(|protocol| protocol.has_lines()) else {
            return false;
        };
        let max = match protocol {
            Protocol::Http(_) => self.env.config.head.bytes_max,
            Protocol::Asking(_) => self.credential_bytes_max(),
            _ => self.env.config.message_bytes_max,
        };
        kept.len() + more.len() < max && !more.contains(&b'\n')
    }
}
