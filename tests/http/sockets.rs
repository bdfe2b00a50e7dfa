//! Sockets that are none: they keep what they are given, as far as a test lets them.

use std::collections::HashMap;
use std::io::IoSlice;

use corecast::topic::sink::{Sink, Sock, WriteError};

/// What went to each socket and was not looked at.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    pub(crate) sent: HashMap<i32, Vec<u8>>,
    /// So many bytes more do they take.
    pub(crate) room: Option<usize>,
    /// They take all, and pass nothing on.
    pub(crate) holding: bool,
}

impl Sink for Sockets {
    fn send(&mut self, sock: Sock, bytes: &[u8]) -> Result<usize, WriteError> {
        let len = self.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if let Some(room) = &mut self.room {
            *room -= len;
        }
        if len == 0 {
            return Err(WriteError::Blocked);
        }
        self.sent
            .entry(sock.0)
            .or_default()
            .extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn send_vectored(&mut self, sock: Sock, slices: &[IoSlice<'_>]) -> Result<usize, WriteError> {
        let bytes: Vec<u8> = slices
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect();
        self.send(sock, &bytes)
    }

    fn holds(&mut self, _: Sock) -> bool {
        self.holding
    }
}
