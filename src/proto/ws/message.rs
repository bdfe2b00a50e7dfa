//! The received part of an incomplete frame or message.

use crate::proto::ws::frame::{self, CONTROL_LEN_MAX, Control, HEADER_LEN_MAX, Header, Opcode};
use crate::proto::{Kind, ProtocolError, utf8};

/// A header, frame or message of which a part has arrived.
#[derive(Debug)]
pub(crate) struct Partial {
    /// Payload of the message, unmasked, of all its frames.
    body: Vec<u8>,
    /// The current message.
    message: Option<MessageStart>,
    /// The validation state, if the message is text.
    text: utf8::Validator,
    /// The frame whose payload is arriving.
    frame: Option<Frame>,
    /// `header[..header_len]` is the beginning of a frame header.
    header: [u8; HEADER_LEN_MAX],
    header_len: usize,
    /// `control[..control_len]` is the payload of a control frame.
    control: [u8; CONTROL_LEN_MAX],
    control_len: usize,
}

/// What ended with the last taken bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameEnd {
    /// A message.
    Message(MessageStart),
    /// A control frame.
    Control(Control),
}

/// The kind of a message, from its first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageStart {
    pub(crate) kind: Kind,
    pub(crate) compressed: bool,
}

impl MessageStart {
    /// Whether its bytes must be UTF-8 as they arrive.
    pub(crate) fn is_plain_text(self) -> bool {
        self.kind == Kind::Text && !self.compressed
    }
}

/// A frame whose header is known. `done <= len`.
#[derive(Clone, Copy, Debug)]
struct Frame {
    fin: bool,
    opcode: Opcode,
    key: [u8; 4],
    len: usize,
    done: usize,
}

impl Partial {
    pub(crate) fn new() -> Self {
        Self {
            body: Vec::new(),
            message: None,
            text: utf8::Validator::default(),
            frame: None,
            header: [0; HEADER_LEN_MAX],
            header_len: 0,
            control: [0; CONTROL_LEN_MAX],
            control_len: 0,
        }
    }

    /// Whether nothing is incomplete, so that nothing need be kept.
    pub(crate) fn is_idle(&self) -> bool {
        self.header_len == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// Whether a frame header is arriving.
    pub(crate) fn is_in_header(&self) -> bool {
        0 < self.header_len
    }

    /// Whether the payload of a frame is arriving.
    pub(crate) fn is_in_frame(&self) -> bool {
        self.frame.is_some()
    }

    /// Number of bytes of the current message, or `None` between messages.
    pub(crate) fn message_len(&self) -> Option<usize> {
        self.message.map(|_| self.body.len())
    }

    /// Bytes of memory it holds.
    pub(crate) fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.body.capacity()
    }

    /// Number of received payload bytes of the message.
    pub(crate) fn arrived_bytes(&self) -> usize {
        self.body.len()
    }

    /// The payload of what ended in [`Partial::fill`].
    pub(crate) fn payload(&self, ended: FrameEnd) -> &[u8] {
        match ended {
            FrameEnd::Message(_) => &self.body,
            FrameEnd::Control(_) => &self.control[..self.control_len],
        }
    }

    /// Takes bytes of a frame header from the front of `input`; returns their number, and the
    /// header when it is complete. Without a header, all of `input` was taken.
    pub(crate) fn fill_header<const MASKED: bool>(
        &mut self,
        input: &[u8],
        deflate: bool,
    ) -> Result<(usize, Option<Header>), ProtocolError> {
        let mut taken = 0;
        loop {
            match frame::parse::<MASKED>(&self.header[..self.header_len], deflate)? {
                frame::ParsedHeader::Complete { header, .. } => {
                    self.header_len = 0;
                    return Ok((taken, Some(header)));
                }
                frame::ParsedHeader::Incomplete { need } => {
                    let n = (need - self.header_len).min(input.len() - taken);
                    if n == 0 {
                        return Ok((taken, None));
                    }
                    let end = self.header_len + n;
                    self.header[self.header_len..end].copy_from_slice(&input[taken..taken + n]);
                    self.header_len = end;
                    taken += n;
                }
            }
        }
    }

    /// Begins a frame with `len` bytes of payload.
    pub(crate) fn begin(&mut self, header: &Header, len: usize) {
        let Header {
            fin,
            compressed,
            opcode,
            key,
            ..
        } = *header;
        if let Opcode::Data(kind) = opcode {
            self.message = Some(MessageStart { kind, compressed });
        }
        self.frame = Some(Frame {
            fin,
            opcode,
            key,
            len,
            done: 0,
        });
    }

    /// Takes payload of the current frame from the front of `input`; returns the number of bytes,
    /// and what ended with them. Without an end, either all of `input` was taken or a fragment
    /// ended.
    pub(crate) fn fill<const MASKED: bool>(
        &mut self,
        input: &mut [u8],
    ) -> Result<(usize, Option<FrameEnd>), ProtocolError> {
        let Some(mut frame) = self.frame else {
            return Ok((0, None));
        };
        let n = input.len().min(frame.len - frame.done);
        let part = &mut input[..n];
        if MASKED {
            frame::unmask(part, frame.key, frame.done);
        }
        if let Opcode::Control(_) = frame.opcode {
            self.control[frame.done..frame.done + n].copy_from_slice(part);
        } else {
            if self.message.is_some_and(MessageStart::is_plain_text) {
                self.text.push(part)?;
            }
            self.append(part, &frame);
        }
        frame.done += n;
        if frame.done < frame.len {
            self.frame = Some(frame);
            return Ok((n, None));
        }
        self.frame = None;
        Ok((n, self.end(&frame)?))
    }

    fn end(&mut self, frame: &Frame) -> Result<Option<FrameEnd>, ProtocolError> {
        if let Opcode::Control(control) = frame.opcode {
            self.control_len = frame.len;
            return Ok(Some(FrameEnd::Control(control)));
        }
        if !frame.fin {
            return Ok(None);
        }
        if !self.text.is_complete() {
            return Err(ProtocolError::InvalidUtf8);
        }
        Ok(self.message.take().map(FrameEnd::Message))
    }

    /// Appends to the body, which grows to at most twice what has arrived, and never beyond the
    /// announced end of the message.
    fn append(&mut self, part: &[u8], frame: &Frame) {
        let needed = self.body.len() + part.len();
        if self.body.capacity() < needed {
            let doubled = needed.max(2 * self.body.capacity());
            let left = frame.len - frame.done;
            let end = if frame.fin {
                self.body.len() + left
            } else {
                usize::MAX
            };
            self.body.reserve_exact(doubled.min(end) - self.body.len());
        }
        self.body.extend_from_slice(part);
    }
}
