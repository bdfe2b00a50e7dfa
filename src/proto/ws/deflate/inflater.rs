//! Compressed messages and back, RFC 7692 7.2.2.

use flate2::{Decompress, FlushDecompress, Status};

use crate::limits::{
    CODEC_BYTES_KEPT, FINAL_BLOCKS_MAX, INFLATE_COST_OF_INPUT, INFLATE_COST_OF_RESTART,
};
use crate::proto::ws::deflate::{TAIL, Window};
use crate::proto::{Kind, ProtocolError};

/// Makes messages of compressed ones, one after the other, for as many connections as one likes.
#[derive(Debug, Default)]
pub struct Inflater {
    /// Made by the first message.
    stream: Option<Decompress>,
    message: Vec<u8>,
    cost: usize,
}

impl Inflater {
    /// The message whose compressed bytes, of all its frames, are `payload`.
    ///
    /// Memory grows with what comes out, and stops at `max` bytes.
    ///
    /// # Errors
    ///
    /// More than `max` bytes come out, or `payload` is not compressed as RFC 7692 wants it, or is
    /// text and not UTF-8.
    pub fn inflate(
        &mut self,
        kind: Kind,
        payload: &[u8],
        max: usize,
    ) -> Result<&[u8], ProtocolError> {
        self.release();
        let stream = self
            .stream
            .get_or_insert_with(|| Decompress::new_with_window_bits(false, Window::LARGEST.bits()));
        stream.reset(false);
        let mut work = Work {
            stream,
            message: &mut self.message,
            len: 0,
            max,
            final_blocks: 0,
            taken: 0,
        };
        let done = work.take(payload).and_then(|()| work.end());
        let len = work.len;
        self.cost =
            len + INFLATE_COST_OF_INPUT * work.taken + INFLATE_COST_OF_RESTART * work.final_blocks;
        done?;
        let message = &self.message[..len];
        if kind == Kind::Text && simdutf8::basic::from_utf8(message).is_err() {
            return Err(ProtocolError::InvalidUtf8);
        }
        Ok(message)
    }

    /// What the last message took, whatever became of it, in bytes that come out.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// Bytes of memory held for messages to come.
    pub fn held_bytes(&self) -> usize {
        self.message.capacity()
    }

    /// Frees what a large message took. The next [`Inflater::inflate`] does so too.
    pub fn release(&mut self) {
        if CODEC_BYTES_KEPT < self.message.len() {
            self.message = Vec::new();
        }
    }
}

/// One message in the making.
struct Work<'i> {
    stream: &'i mut Decompress,
    /// As long as it ever was: what came out is `message[..len]`.
    message: &'i mut Vec<u8>,
    len: usize,
    max: usize,
    final_blocks: usize,
    /// Bytes that went in, the tail among them.
    taken: usize,
}

impl Work<'_> {
    /// Takes all of `input`.
    fn take(&mut self, mut input: &[u8]) -> Result<(), ProtocolError> {
        loop {
            let (taken, status) = self.step(input)?;
            input = &input[taken..];
            match status {
                Status::StreamEnd if input.is_empty() => return Ok(()),
                Status::StreamEnd => self.go_on_after_final_block()?,
                // There may be more to come out of what was taken.
                Status::Ok | Status::BufError if self.len == self.room() => self.grow()?,
                Status::Ok | Status::BufError if input.is_empty() => return Ok(()),
                Status::Ok if 0 < taken => {}
                Status::Ok | Status::BufError => return Err(ProtocolError::InvalidDeflate),
            }
        }
    }

    /// Takes the tail that was not sent, and an empty block that is the last. If the message
    /// ended where it should have, nothing comes out of that, and the stream ends with it.
    fn end(&mut self) -> Result<(), ProtocolError> {
        let mut input = &END[..];
        let len = self.len;
        loop {
            let (taken, status) = self.step(input)?;
            input = &input[taken..];
            match status {
                Status::StreamEnd if input.is_empty() && self.len == len => return Ok(()),
                Status::Ok if 0 < taken && self.len == len => {}
                _ => return Err(ProtocolError::InvalidDeflate),
            }
        }
    }

    fn step(&mut self, input: &[u8]) -> Result<(usize, Status), ProtocolError> {
        let before = (self.stream.total_in(), self.stream.total_out());
        let end = self.room();
        let room = &mut self.message[self.len..end];
        let status = self.stream.decompress(input, room, FlushDecompress::Sync);
        let count = |after: u64, before: u64| usize::try_from(after - before).unwrap_or(0);
        self.len += count(self.stream.total_out(), before.1);
        let taken = count(self.stream.total_in(), before.0);
        self.taken += taken;
        match status {
            Ok(status) => Ok((taken, status)),
            Err(_) => Err(ProtocolError::InvalidDeflate),
        }
    }

    /// RFC 7692 7.2.3.4: a block may say that it is the last, and others may follow it, which
    /// refer to what was before.
    fn go_on_after_final_block(&mut self) -> Result<(), ProtocolError> {
        self.final_blocks += 1;
        if FINAL_BLOCKS_MAX < self.final_blocks {
            return Err(ProtocolError::InvalidDeflate);
        }
        self.stream.reset(false);
        let begin = self.len.saturating_sub(Window::LARGEST.size());
        self.stream
            .set_dictionary(&self.message[begin..self.len])
            .map_err(|_| ProtocolError::InvalidDeflate)?;
        Ok(())
    }

    /// Where the room ends: one byte beyond what there may be, so that those who have all can be
    /// told from those who have more.
    fn room(&self) -> usize {
        self.message.len().min(self.max.saturating_add(1))
    }

    /// Makes room for more, unless there is as much as there may be.
    fn grow(&mut self) -> Result<(), ProtocolError> {
        let max = self.max;
        if max < self.len {
            return Err(ProtocolError::MessageTooBig { limit: max });
        }
        let len = (2 * self.message.len()).clamp(ROOM_LEAST, ROOM_LEAST.max(max.saturating_add(1)));
        self.message.resize(len, 0);
        Ok(())
    }
}

/// The tail, and an empty block that is not compressed and the last, RFC 1951 3.2.4.
const END: [u8; 9] = {
    let [a, b, c, d] = TAIL;
    [a, b, c, d, 0x01, 0x00, 0x00, 0xff, 0xff]
};
/// Bytes to begin with.
const ROOM_LEAST: usize = 4 << 10;
