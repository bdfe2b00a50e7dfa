//! Compresses messages, RFC 7692 7.2.1: each once for all connections.

use core::ops::Range;

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::limits::{CODEC_BYTES_KEPT, work_of_compression};
use crate::proto::ws::deflate::{TAIL, Window};

/// Compresses messages, one after the other, for any number of connections.
#[derive(Debug)]
pub struct Deflater {
    /// The default level.
    level: u8,
    /// By level and window; each is created for the first message that needs it.
    streams: Vec<(u8, Window, Compress)>,
    /// The compressed forms of the current message.
    bytes: Vec<u8>,
    made: [WindowResult; WINDOWS],
    /// The work of compressing since the last [`take_cost`](Self::take_cost).
    cost: usize,
    /// Bytes of messages that got smaller, before and after that.
    totals: (u64, u64),
}

/// The result of one window for the current message.
#[derive(Clone, Debug, Default)]
enum WindowResult {
    /// It was not needed yet.
    #[default]
    Nothing,
    /// This part of `bytes`.
    Smaller(Range<usize>),
    /// The message did not get smaller.
    NotSmaller,
}

/// A message that is compressed at most once for each window.
#[derive(Debug)]
pub struct CompressedForms<'d> {
    deflater: &'d mut Deflater,
    level: u8,
    payload: &'d [u8],
}

impl Deflater {
    /// Creates a compressor with `level` from 1, the fastest, to 9, the smallest.
    pub fn new(level: u8) -> Self {
        Self {
            level,
            streams: Vec::new(),
            bytes: Vec::new(),
            made: [const { WindowResult::Nothing }; WINDOWS],
            cost: 0,
            totals: (0, 0),
        }
    }

    /// Bytes of all messages that got smaller by being compressed, before and after that.
    pub fn totals(&self) -> (u64, u64) {
        self.totals
    }

    /// The work of compressing since the last call.
    pub fn take_cost(&mut self) -> usize {
        std::mem::take(&mut self.cost)
    }

    /// Begins a message.
    pub fn once<'d>(&'d mut self, payload: &'d [u8]) -> CompressedForms<'d> {
        self.once_at(self.level, payload)
    }

    /// Begins a message that is compressed at another level.
    pub fn once_at<'d>(&'d mut self, level: u8, payload: &'d [u8]) -> CompressedForms<'d> {
        self.made.fill(WindowResult::Nothing);
        self.bytes.clear();
        CompressedForms {
            deflater: self,
            level: level.clamp(1, 9),
            payload,
        }
    }

    /// The index of the compressor for a level and window.
    fn stream(&mut self, level: u8, window: Window) -> usize {
        let mut streams = self.streams.iter();
        let found =
            streams.position(|&(of_level, of_window, _)| (of_level, of_window) == (level, window));
        found.unwrap_or_else(|| {
            let how = Compression::new(u32::from(level));
            let stream = Compress::new_with_window_bits(how, false, window.bits());
            self.streams.push((level, window, stream));
            self.streams.len() - 1
        })
    }

    fn make(&mut self, level: u8, window: Window, payload: &[u8]) -> WindowResult {
        self.cost += work_of_compression(level, payload.len());
        let place = self.stream(level, window);
        let stream = &mut self.streams[place].2;
        stream.reset();
        let start = self.bytes.len();
        self.bytes.resize(start + most(payload.len()), 0);
        let buffer = &mut self.bytes[start..];
        let status = stream.compress(payload, buffer, FlushCompress::Sync);
        let len = usize::try_from(stream.total_out()).unwrap_or(usize::MAX);
        let is_whole = matches!(status, Ok(Status::Ok)) && len < buffer.len();
        let made = buffer[..len.min(buffer.len())].strip_suffix(&TAIL);
        let made = made.map(<[u8]>::len).filter(|_| is_whole);
        if !is_whole {
            // A reset would lose the rest of the output.
            self.streams.swap_remove(place);
        }
        match made {
            Some(len) if len < payload.len() => {
                self.bytes.truncate(start + len);
                self.totals.0 += payload.len() as u64;
                self.totals.1 += len as u64;
                WindowResult::Smaller(start..start + len)
            }
            _ => {
                self.bytes.truncate(start);
                WindowResult::NotSmaller
            }
        }
    }
}

impl CompressedForms<'_> {
    /// The message for connections with this window, or `None` if it does not get smaller.
    pub fn compressed(&mut self, window: Window) -> Option<&[u8]> {
        let window = window.to_compress(self.payload.len())?;
        let at = index(window);
        if matches!(self.deflater.made[at], WindowResult::Nothing) {
            self.deflater.made[at] = self.deflater.make(self.level, window, self.payload);
        }
        match &self.deflater.made[at] {
            WindowResult::Smaller(range) => self.deflater.bytes.get(range.clone()),
            WindowResult::Nothing | WindowResult::NotSmaller => None,
        }
    }

    /// The uncompressed message.
    pub fn payload(&self) -> &[u8] {
        self.payload
    }
}

impl Drop for CompressedForms<'_> {
    fn drop(&mut self) {
        if CODEC_BYTES_KEPT < self.deflater.bytes.capacity() {
            self.deflater.bytes = Vec::new();
        }
    }
}

/// Maximum length of the compressed form of `len` bytes: 9 bits for each if nothing repeats, and
/// the ends of blocks.
fn most(len: usize) -> usize {
    len + len / 8 + 64
}

fn index(window: Window) -> usize {
    usize::from(window.bits().saturating_sub(Window::LEAST_KEPT.bits()))
}

/// Number of windows that the compressor supports.
const WINDOWS: usize = (Window::LARGEST.bits() - Window::LEAST_KEPT.bits() + 1) as usize;

#[cfg(test)]
#[path = "deflate_tests.rs"]
mod tests;
