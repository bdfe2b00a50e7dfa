//! Decodes bytes to messages and control frames, for servers and for clients.
//!
//! Every connection has a `Decoder`, so it is only a pointer, null between messages, and a flag. A
//! complete frame is unmasked and returned in place; only a part of an incomplete one is kept.

use crate::limits::SHORT_FRAGMENT;
use crate::proto::ws::close;
use crate::proto::ws::frame::{self, Control, Header, Opcode};
use crate::proto::ws::message::{FrameEnd, MessageStart, Partial};
use crate::proto::{Kind, ProtocolError};

/// The decoder of a server, for the masked frames of a client.
pub type Decoder = DecoderOf<true>;
/// The decoder of a client, for the unmasked frames of a server.
pub type ClientDecoder = DecoderOf<false>;

/// The receiving state of one WebSocket connection. `MASKED`: frames must be masked; otherwise they
/// must not.
///
/// RFC 6455 5.1 requires masking of a client and forbids it to a server. There is no other
/// difference, and the code of each side has no branch for the other.
#[derive(Debug, Default)]
pub struct DecoderOf<const MASKED: bool> {
    partial: Option<Box<Partial>>,
    /// Whether compressed messages may refer to earlier ones (RFC 7692 7.1.1).
    takes_over: bool,
}

/// What the peer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// A complete message, whatever the number of its frames.
    Message {
        /// Text is valid UTF-8.
        kind: Kind,
        /// The payload.
        payload: &'b [u8],
    },
    /// A complete message that must be decompressed (RFC 7692 7.2.2).
    Compressed {
        /// Text is not checked yet.
        kind: Kind,
        /// The compressed payload.
        payload: &'b [u8],
    },
    /// Asks for a pong with the same payload of at most 125 bytes (RFC 6455 5.5.2).
    Ping(&'b [u8]),
    /// Answers a ping, or is unsolicited.
    Pong(&'b [u8]),
    /// The last frame of the peer (RFC 6455 5.5.1).
    Close {
        /// The close code, if there is one; it is a valid one.
        code: Option<u16>,
        /// The reason text; may be empty.
        reason: &'b str,
    },
}

/// One step of [`DecoderOf::decode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'b> {
    /// Number of bytes taken from the front of the input; all of them if there is no event.
    pub taken: usize,
    /// The event, or `None` if more input is needed.
    pub event: Option<Event<'b>>,
    /// Number of short fragments among them that did not end a message.
    pub fragments: usize,
}

impl<const MASKED: bool> DecoderOf<MASKED> {
    /// Creates a decoder; `takes_over`: compressed messages may refer to earlier ones.
    pub fn new(takes_over: bool) -> Self {
        Self {
            partial: None,
            takes_over,
        }
    }

    /// Whether compressed messages may refer to earlier ones.
    pub fn takes_over(&self) -> bool {
        self.takes_over
    }

    /// Takes bytes from the front of `input` up to and including the next event.
    ///
    /// Unmasks `input` in place. A message of more than `max` bytes is refused at the header of the
    /// frame that exceeds it. Without an event, all of `input` was taken, so the caller never keeps
    /// bytes for the next call. `deflate`: permessage-deflate was negotiated, so messages may be
    /// compressed; they are returned compressed.
    ///
    /// # Errors
    ///
    /// A violation of RFC 6455; the decoder must not be used afterwards.
    pub fn decode<'b>(
        &'b mut self,
        input: &'b mut [u8],
        max: usize,
        deflate: bool,
    ) -> Result<Step<'b>, ProtocolError> {
        self.release();
        let mut fragments = 0;
        let (taken, found) = self.advance(input, max, deflate, &mut fragments)?;
        let (ended, payload) = match (found, &self.partial) {
            (EndPlace::InPlace { ended, start }, _) => (ended, &input[start..taken]),
            (EndPlace::Kept(ended), Some(partial)) => (ended, partial.payload(ended)),
            _ => {
                return Ok(Step {
                    taken,
                    event: None,
                    fragments,
                });
            }
        };
        let event = Some(event(ended, payload)?);
        Ok(Step {
            taken,
            event,
            fragments,
        })
    }

    /// Frees the memory behind the last event, unless a message is still in progress.
    ///
    /// The next [`DecoderOf::decode`] does so as well, but it may come late.
    pub fn release(&mut self) {
        if self
            .partial
            .as_ref()
            .is_some_and(|partial| partial.is_idle())
        {
            self.partial = None;
        }
    }

    /// Whether a frame or message is incomplete.
    pub fn is_mid_message(&self) -> bool {
        self.partial
            .as_ref()
            .is_some_and(|partial| !partial.is_idle())
    }

    /// Bytes of memory for the received part of an incomplete frame or message.
    pub fn held_bytes(&self) -> usize {
        self.partial
            .as_ref()
            .map_or(0, |partial| partial.held_bytes())
    }

    /// Received payload bytes of an incomplete message.
    pub(crate) fn arrived_bytes(&self) -> usize {
        self.partial
            .as_ref()
            .map_or(0, |partial| partial.arrived_bytes())
    }

    /// Takes bytes until a message or frame ends or no byte is left; returns their number.
    fn advance(
        &mut self,
        input: &mut [u8],
        max: usize,
        deflate: bool,
        fragments: &mut usize,
    ) -> Result<(usize, EndPlace), ProtocolError> {
        let mut taken = 0;
        loop {
            if let Some(partial) = &mut self.partial
                && partial.is_in_frame()
            {
                let (n, ended) = partial.fill::<MASKED>(&mut input[taken..])?;
                taken += n;
                if let Some(ended) = ended {
                    return Ok((taken, EndPlace::Kept(ended)));
                }
                if partial.is_in_frame() {
                    return Ok((taken, EndPlace::Nothing));
                }
                *fragments += usize::from(n < SHORT_FRAGMENT);
            }
            let (n, header) = self.take_header(&input[taken..], deflate)?;
            taken += n;
            let Some(header) = header else {
                return Ok((taken, EndPlace::Nothing));
            };
            let len = self.admit(&header, max)?;
            if let Some(payload) = input[taken..].get_mut(..len)
                && let Some(ended) = ends_at_once(&header)
            {
                if MASKED {
                    frame::unmask(payload, header.key, 0);
                }
                if let FrameEnd::Message(message) = ended
                    && message.is_plain_text()
                    && simdutf8::basic::from_utf8(payload).is_err()
                {
                    return Err(ProtocolError::InvalidUtf8);
                }
                return Ok((
                    taken + len,
                    EndPlace::InPlace {
                        ended,
                        start: taken,
                    },
                ));
            }
            self.partial_mut().begin(&header, len);
        }
    }

    fn take_header(
        &mut self,
        input: &[u8],
        deflate: bool,
    ) -> Result<(usize, Option<Header>), ProtocolError> {
        if !self
            .partial
            .as_ref()
            .is_some_and(|partial| partial.is_in_header())
        {
            match frame::parse::<MASKED>(input, deflate)? {
                frame::ParsedHeader::Complete { header, taken } => {
                    return Ok((taken, Some(header)));
                }
                frame::ParsedHeader::Incomplete { .. } if input.is_empty() => return Ok((0, None)),
                frame::ParsedHeader::Incomplete { .. } => (),
            }
        }
        self.partial_mut().fill_header::<MASKED>(input, deflate)
    }

    /// Checks a frame against the frames before it; returns the length of its payload.
    fn admit(&self, header: &Header, max: usize) -> Result<usize, ProtocolError> {
        let message_len = self
            .partial
            .as_ref()
            .and_then(|partial| partial.message_len());
        let space = match (header.opcode, message_len) {
            (Opcode::Continuation, Some(len)) => max.saturating_sub(len),
            (Opcode::Data(_), None) => max,
            (Opcode::Control(_), _) => frame::CONTROL_LEN_MAX,
            (Opcode::Continuation, None) => return Err(ProtocolError::ContinuationWithoutStart),
            (Opcode::Data(_), Some(_)) => return Err(ProtocolError::MessageInsideMessage),
        };
        match usize::try_from(header.len) {
            Ok(len) if len <= space => Ok(len),
            _ => Err(ProtocolError::MessageTooBig { limit: max }),
        }
    }

    fn partial_mut(&mut self) -> &mut Partial {
        self.partial.get_or_insert_with(|| Box::new(Partial::new()))
    }
}

/// The place of the end of a message or control frame.
enum EndPlace {
    /// There is no end yet.
    Nothing,
    /// In the input, from `start` to the taken bytes.
    InPlace { ended: FrameEnd, start: usize },
    /// In the kept bytes.
    Kept(FrameEnd),
}

/// What ends with this frame, if it is complete in itself.
fn ends_at_once(header: &Header) -> Option<FrameEnd> {
    match header.opcode {
        Opcode::Control(control) => Some(FrameEnd::Control(control)),
        Opcode::Data(kind) if header.fin => {
            let compressed = header.compressed;
            Some(FrameEnd::Message(MessageStart { kind, compressed }))
        }
        Opcode::Data(_) | Opcode::Continuation => None,
    }
}

fn event(ended: FrameEnd, payload: &[u8]) -> Result<Event<'_>, ProtocolError> {
    Ok(match ended {
        FrameEnd::Message(MessageStart { kind, compressed }) if compressed => {
            Event::Compressed { kind, payload }
        }
        FrameEnd::Message(MessageStart { kind, .. }) => Event::Message { kind, payload },
        FrameEnd::Control(Control::Ping) => Event::Ping(payload),
        FrameEnd::Control(Control::Pong) => Event::Pong(payload),
        FrameEnd::Control(Control::Close) => {
            let (code, reason) = close::parse(payload)?;
            Event::Close { code, reason }
        }
    })
}

#[cfg(test)]
mod tests;
