//! Compressed messages and back, RFC 7692 7.2.2.

use flate2::{Decompress, FlushDecompress, Status};

use crate::limits::{
    CODEC_BYTES_KEPT, FINAL_BLOCKS_MAX, INFLATE_COST_OF_INPUT, INFLATE_COST_OF_RESTART,
    INFLATE_COST_PER_STEP,
};
use crate::proto::ws::deflate::{TAIL, Window};
use crate::proto::{Kind, ProtocolError};

/// Makes messages of compressed ones, one after the other, for as many connections as one likes.
#[derive(Debug, Default)]
pub struct Inflater {
    /// Made by the first message.
    stream: Option<Decompress>,
    made: Made,
    cost: usize,
}

/// A message as far as it has come.
#[derive(Debug, Default)]
struct Made {
    /// As long as it ever was. `bytes[..start]` is what went before the message, and
    /// `bytes[start..len]` what came out of it.
    bytes: Vec<u8>,
    start: usize,
    len: usize,
    /// The decompressor is still to be told what went before.
    owes_context: bool,
    /// Bytes of the compressed message that went in.
    taken: usize,
    final_blocks: usize,
}

/// How much is done at once, as [`Inflater::cost`] counts it.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Of a message; it ends with the step that goes beyond.
    pub budget: usize,
    /// Of a step, about.
    pub step: usize,
}

impl Pace {
    /// To the end of the message.
    const WHOLE: Self = Self {
        budget: usize::MAX,
        step: INFLATE_COST_PER_STEP,
    };
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
        self.begin(&[]);
        let message = self.go_on(kind, payload, max, Pace::WHOLE)?;
        Ok(message.unwrap_or_default())
    }

    /// Begins a message anew, which may refer to `context`; of one that was under way nothing is
    /// left.
    pub fn begin(&mut self, context: &[u8]) {
        self.release();
        let begin = context.len().saturating_sub(Window::LARGEST.size());
        let context = &context[begin..];
        if self.made.bytes.len() < context.len() {
            self.made.bytes.resize(context.len(), 0);
        }
        self.made.bytes[..context.len()].copy_from_slice(context);
        self.made.start = context.len();
        self.made.len = context.len();
        self.made.owes_context = !context.is_empty();
        self.made.taken = 0;
        self.made.final_blocks = 0;
        if let Some(stream) = &mut self.stream {
            stream.reset(false);
        }
    }

    /// The end of what has come out of a whole message, and of what went before it: a message
    /// behind it may refer to that (RFC 7692 7.2.1).
    pub fn context(&self) -> &[u8] {
        let begin = self.made.len.saturating_sub(Window::LARGEST.size());
        &self.made.bytes[begin..self.made.len]
    }

    /// As [`inflate`](Self::inflate), but no further than `pace` has it; `None`: there is more to
    /// do. Then it goes on with the same arguments. Where it is cut makes no difference to the
    /// message, or to the error.
    ///
    /// # Errors
    ///
    /// As those of [`inflate`](Self::inflate).
    pub fn go_on(
        &mut self,
        kind: Kind,
        payload: &[u8],
        max: usize,
        pace: Pace,
    ) -> Result<Option<&[u8]>, ProtocolError> {
        self.cost = 0;
        let stream = self
            .stream
            .get_or_insert_with(|| Decompress::new_with_window_bits(false, Window::LARGEST.bits()));
        if std::mem::take(&mut self.made.owes_context) {
            self.cost = INFLATE_COST_OF_RESTART;
            stream
                .set_dictionary(&self.made.bytes[..self.made.start])
                .map_err(|_| ProtocolError::InvalidDeflate)?;
        }
        let mut work = Work {
            stream,
            made: &mut self.made,
            cost: &mut self.cost,
            max,
            step: pace.step,
        };
        while !work.take(payload)? {
            if pace.budget <= *work.cost {
                return Ok(None);
            }
        }
        let message = &self.made.bytes[self.made.start..self.made.len];
        if kind == Kind::Text && simdutf8::basic::from_utf8(message).is_err() {
            return Err(ProtocolError::InvalidUtf8);
        }
        Ok(Some(message))
    }

    /// What the last call took, whatever became of it, in bytes that come out.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// Bytes of memory held for messages to come.
    pub fn held_bytes(&self) -> usize {
        self.made.bytes.capacity()
    }

    /// Frees what a large message took that is of no use any more. The next
    /// [`begin`](Self::begin) does so too.
    pub fn release(&mut self) {
        if CODEC_BYTES_KEPT < self.made.bytes.len() {
            self.made.bytes = Vec::new();
        }
    }
}

/// One message in the making.
struct Work<'i> {
    stream: &'i mut Decompress,
    made: &'i mut Made,
    cost: &'i mut usize,
    max: usize,
    step: usize,
}

impl Work<'_> {
    /// Takes as much of the rest of `payload` as a step may; `true`: the message is whole.
    fn take(&mut self, payload: &[u8]) -> Result<bool, ProtocolError> {
        self.make_room();
        let end = self.room();
        let rest = payload.get(self.made.taken..).unwrap_or_default();
        let len = (self.step / INFLATE_COST_OF_INPUT).clamp(1, rest.len().max(1));
        let inflated = self.inflate(rest.get(..len).unwrap_or_default());
        // Whatever else may be wrong with what follows.
        if self.max < self.made.len - self.made.start {
            return Err(ProtocolError::MessageTooBig { limit: self.max });
        }
        let (taken, status) = inflated?;
        self.made.taken += taken;
        let is_last = taken == rest.len();
        match status {
            Status::StreamEnd if is_last => self.end(),
            Status::StreamEnd => self.go_on_after_final_block(),
            // There may be more to come out of what was taken.
            Status::Ok | Status::BufError if self.made.len == end => Ok(false),
            Status::Ok | Status::BufError if is_last => self.end(),
            Status::Ok if 0 < taken => Ok(false),
            Status::Ok | Status::BufError => Err(ProtocolError::InvalidDeflate),
        }
    }

    /// Takes the tail that was not sent, and an empty block that is the last. If the message
    /// ended where it should have, nothing comes out of that, and the stream ends with it.
    fn end(&mut self) -> Result<bool, ProtocolError> {
        let mut input = &END[..];
        let len = self.made.len;
        loop {
            let (taken, status) = self.inflate(input)?;
            input = &input[taken..];
            match status {
                Status::StreamEnd if input.is_empty() && self.made.len == len => return Ok(true),
                Status::Ok if 0 < taken && self.made.len == len => {}
                _ => return Err(ProtocolError::InvalidDeflate),
            }
        }
    }

    fn inflate(&mut self, input: &[u8]) -> Result<(usize, Status), ProtocolError> {
        let before = (self.stream.total_in(), self.stream.total_out());
        let end = self.room();
        let room = &mut self.made.bytes[self.made.len..end];
        let status = self.stream.decompress(input, room, FlushDecompress::Sync);
        let count = |after: u64, before: u64| usize::try_from(after - before).unwrap_or(0);
        let made = count(self.stream.total_out(), before.1);
        let taken = count(self.stream.total_in(), before.0);
        self.made.len += made;
        *self.cost += made + INFLATE_COST_OF_INPUT * taken;
        match status {
            Ok(status) => Ok((taken, status)),
            Err(_) => Err(ProtocolError::InvalidDeflate),
        }
    }

    /// RFC 7692 7.2.3.4: a block may say that it is the last, and others may follow it, which
    /// refer to what was before.
    fn go_on_after_final_block(&mut self) -> Result<bool, ProtocolError> {
        self.made.final_blocks += 1;
        *self.cost += INFLATE_COST_OF_RESTART;
        if FINAL_BLOCKS_MAX < self.made.final_blocks {
            return Err(ProtocolError::InvalidDeflate);
        }
        self.stream.reset(false);
        let begin = self.made.len.saturating_sub(Window::LARGEST.size());
        self.stream
            .set_dictionary(&self.made.bytes[begin..self.made.len])
            .map_err(|_| ProtocolError::InvalidDeflate)?;
        Ok(false)
    }

    /// Where the room of a step ends. That of a message ends one byte beyond what there may be, so
    /// that those who have all can be told from those who have more.
    fn room(&self) -> usize {
        let end = self.made.len.saturating_add(self.step.max(1));
        let most = self.most();
        self.made.bytes.len().min(most).min(end)
    }

    /// Makes room for more, if there is none.
    fn make_room(&mut self) {
        let len = self.made.bytes.len();
        if self.made.len == len {
            let most = ROOM_LEAST.max(self.most());
            self.made.bytes.resize((2 * len).clamp(ROOM_LEAST, most), 0);
        }
    }

    fn most(&self) -> usize {
        self.max.saturating_add(1).saturating_add(self.made.start)
    }
}

/// The tail, and an empty block that is not compressed and the last, RFC 1951 3.2.4.
const END: [u8; 9] = {
    let [a, b, c, d] = TAIL;
    [a, b, c, d, 0x01, 0x00, 0x00, 0xff, 0xff]
};
/// Bytes to begin with.
const ROOM_LEAST: usize = 4 << 10;

#[cfg(test)]
#[path = "inflater_tests.rs"]
mod tests;
