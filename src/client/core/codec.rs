//! Compressed messages of one connection, in both directions.

use crate::proto::ws::deflate::{Compression, Deflater, Inflater, Terms, Window};
use crate::proto::{Kind, ProtocolError};

/// The state of permessage-deflate (RFC 7692) on a connection that has negotiated it.
#[derive(Debug)]
pub(crate) struct Codec {
    threshold: usize,
    window: Window,
    deflater: Deflater,
    inflater: Inflater,
}

impl Codec {
    pub(crate) fn new(compression: Compression, agreed: Terms) -> Self {
        Self {
            threshold: compression.threshold,
            window: agreed.window,
            deflater: Deflater::new(compression.level),
            inflater: Inflater::default(),
        }
    }

    /// Calls `write` with the compressed message. Returns `false` instead if the message is short
    /// or would not get smaller.
    pub(crate) fn deflate(&mut self, payload: &[u8], write: impl FnOnce(&[u8])) -> bool {
        if payload.len() <= self.threshold {
            return false;
        }
        let mut once = self.deflater.once(payload);
        once.compressed(self.window).map(write).is_some()
    }

    /// Decompresses `payload` to a message of at most `max` bytes.
    pub(crate) fn inflate(
        &mut self,
        kind: Kind,
        payload: &[u8],
        max: usize,
    ) -> Result<Vec<u8>, ProtocolError> {
        let message = self.inflater.inflate(kind, payload, max)?.to_vec();
        self.inflater.release();
        Ok(message)
    }
}
