//! Decompresses messages, RFC 7692 7.2.2.

use flate2::{Decompress, FlushDecompress, Status};

use crate::limits::{
    CODEC_BYTES_KEPT, FINAL_BLOCKS_MAX, INFLATE_COST_OF_INPUT, INFLATE_COST_OF_RESTART,
    INFLATE_COST_PER_STEP,
};
use crate::proto::ws::deflate::{TAIL, Window};
use crate::proto::{Kind, ProtocolError};

/// Decompresses messages, one after the other, for any number of connections.
#[derive(Debug, Default)]
pub struct Inflater {
    /// Created for the first message.
    stream: Option<Decompress>,
    made: PartialMessage,
    cost: usize,
}

/// A message while it is being decompressed.
#[derive(Debug, Default)]
struct PartialMessage {
    /// Never shrinks. `bytes[..start]` is the context before the message, and `bytes[start..len]`
    /// its output so far.
    bytes: Vec<u8>,
    start: usize,
    len: usize,
    /// The decompressor has not been given the context yet.
    owes_context: bool,
    /// Number of compressed bytes that were processed.
    taken: usize,
    final_blocks: usize,
}

/// How much is done in one call, measured as by [`Inflater::cost`].
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The limit of a message; the step that exceeds it is the last.
    pub budget: usize,
    /// The approximate limit of a step.
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
    /// Decompresses the message whose payload, of all its frames, is `payload`.
    ///
    /// Memory grows with the output, up to `max` bytes.
    ///
    /// # Errors
    ///
    /// The output exceeds `max` bytes, `payload` is not valid by RFC 7692, or it is text and not
    /// UTF-8.
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

    /// Begins a message, which may refer to `context`. An unfinished message is discarded.
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

    /// The end of the output of a complete message and of its context: a later message may refer to
    /// it (RFC 7692 7.2.1).
    pub fn context(&self) -> &[u8] {
        let begin = self.made.len.saturating_sub(Window::LARGEST.size());
        &self.made.bytes[begin..self.made.len]
    }

    /// Like [`inflate`](Self::inflate), but only as much as `pace` allows. `None`: there is more to
    /// do; call again with the same arguments. The pace does not change the message or the error.
    ///
    /// # Errors
    ///
    /// Those of [`inflate`](Self::inflate).
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

    /// The cost of the last call, whatever its result, in bytes of output.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// Bytes of memory kept for later messages.
    pub fn held_bytes(&self) -> usize {
        self.made.bytes.capacity()
    }

    /// Frees unneeded memory of a large message. The next [`begin`](Self::begin) also does so.
    pub fn release(&mut self) {
        if CODEC_BYTES_KEPT < self.made.bytes.len() {
            self.made.bytes = Vec::new();
        }
    }
}

/// The decompression of one message.
struct Work<'i> {
    stream: &'i mut Decompress,
    made: &'i mut PartialMessage,
    cost: &'i mut usize,
    max: usize,
    step: usize,
}

impl Work<'_> {
    /// Processes as much of the rest of `payload` as a step allows; returns `true` if the message
    /// is complete.
    fn take(&mut self, payload: &[u8]) -> Result<bool, ProtocolError> {
        self.make_space();
        let end = self.space();
        let rest = payload.get(self.made.taken..).unwrap_or_default();
        let len = (self.step / INFLATE_COST_OF_INPUT).clamp(1, rest.len().max(1));
        let inflated = self.inflate(rest.get(..len).unwrap_or_default());
        // This error comes first, whatever else is wrong in the rest.
        if self.max < self.made.len - self.made.start {
            return Err(ProtocolError::MessageTooBig { limit: self.max });
        }
        let (taken, status) = inflated?;
        self.made.taken += taken;
        let is_last = taken == rest.len();
        match status {
            Status::StreamEnd if is_last => self.end(),
            Status::StreamEnd => self.go_on_after_final_block(),
            // There may be more output of the processed bytes.
            Status::Ok | Status::BufError if self.made.len == end => Ok(false),
            Status::Ok | Status::BufError if is_last => self.end(),
            Status::Ok if 0 < taken => Ok(false),
            Status::Ok | Status::BufError => Err(ProtocolError::InvalidDeflate),
        }
    }

    /// Processes the tail, which is not sent, and an empty final block. If the message is complete,
    /// this has no output, and the stream ends with it.
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
        let end = self.space();
        let buffer = &mut self.made.bytes[self.made.len..end];
        let status = self.stream.decompress(input, buffer, FlushDecompress::Sync);
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

    /// RFC 7692 7.2.3.4: a block may be marked as the last although others follow, which may refer
    /// to earlier output.
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

    /// The end of the output space of a step. The space of a message ends one byte after its limit,
    /// so that a message of exactly the limit can be told from a longer one.
    fn space(&self) -> usize {
        let end = self.made.len.saturating_add(self.step.max(1));
        let most = self.most();
        self.made.bytes.len().min(most).min(end)
    }

    /// Makes space for output, if there is none.
    fn make_space(&mut self) {
        let len = self.made.bytes.len();
        if self.made.len == len {
            let most = SPACE_MIN.max(self.most());
            self.made.bytes.resize((2 * len).clamp(SPACE_MIN, most), 0);
        }
    }

    fn most(&self) -> usize {
        self.max.saturating_add(1).saturating_add(self.made.start)
    }
}

/// The tail, and an empty uncompressed final block, RFC 1951 3.2.4.
const END: [u8; 9] = {
    let [a, b, c, d] = TAIL;
    [a, b, c, d, 0x01, 0x00, 0x00, 0xff, 0xff]
};
/// The initial capacity in bytes.
const SPACE_MIN: usize = 4 << 10;

#[cfg(test)]
#[path = "inflater_tests.rs"]
mod tests;
