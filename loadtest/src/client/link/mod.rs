//! One connection of the client: from the first byte to live, then messages.

mod ended;

use std::mem;
use std::os::fd::OwnedFd;

use httparse::{EMPTY_HEADER, Response, Status};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::client::frame::{self, FrameError, Kind, NO_CODE};
use crate::client::inflate::Inflater;
use crate::client::request::ACCEPT;
use crate::client::structured::{Said, Standing, Wire};
use crate::client::tls::Session;
use crate::url::Protocol;

pub(crate) use crate::client::link::ended::Ended;

/// One connection. Kept small, for there may be a million: 32 bytes.
pub(crate) struct Link {
    pub(crate) fd: Option<OwnedFd>,
    pub(crate) state: State,
    pub(crate) protocol: Protocol,
    /// How the structured protocol is written, where it is spoken.
    pub(crate) wire: Option<Wire>,
    pub(crate) tls: Option<Box<Session>>,
    /// The beginning of a frame whose rest has not arrived.
    partial: Option<Box<[u8]>>,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not opened yet, or to be opened again.
    Idle,
    /// connect(2) is under way.
    Connecting,
    /// The request is out, or the first empty frame is awaited.
    Opening,
    /// Of the structured protocol: the commands are out.
    Subscribing,
    /// Subscribed: what is published from now on arrives here.
    Live,
    /// Left with a close frame, whose answer is awaited.
    Leaving,
    /// Over, or given up.
    Closed,
}

/// What bytes from the server mean.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// The connection is live from here on.
    Live,
    Message(&'a [u8]),
    /// Where a subscription of the structured protocol stands, before its first message.
    Standing(Standing<'a>),
    /// The offset of the message that follows, in the structured protocol.
    Offset(u64),
    /// A ping with this payload, to be answered.
    Ping(&'a [u8]),
    /// The first commands of the structured protocol are to be sent.
    Upgraded(Wire),
    /// A ping of the structured protocol, to be answered.
    CommandPing(Wire),
}

/// Longest answer to an upgrade in bytes.
const HEAD_BYTES_MAX: usize = 8 << 10;
const FIELDS_MAX: usize = 64;

impl Link {
    /// A connection that is not open yet.
    pub(crate) fn new(protocol: Protocol, wire: Option<Wire>) -> Self {
        Self {
            fd: None,
            state: State::Idle,
            protocol,
            wire,
            tls: None,
            partial: None,
        }
    }

    /// Bytes that the connection took of `bytes`; all of them if it is broken, which reading finds
    /// out.
    #[inline]
    pub(crate) fn send(&mut self, bytes: &[u8]) -> usize {
        let Some(fd) = &self.fd else {
            return bytes.len();
        };
        if let Some(tls) = &mut self.tls {
            return tls.send(fd, bytes);
        }
        loop {
            match send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(taken) => return taken,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return 0,
                Err(_) => return bytes.len(),
            }
        }
    }

    /// Receives into `space`; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// As recv(2).
    #[inline]
    pub(crate) fn recv(&mut self, space: &mut [u8]) -> Result<usize, Errno> {
        match (&self.fd, &mut self.tls) {
            (None, _) => Err(Errno::AGAIN),
            (Some(fd), None) => Ok(recv(fd, space, RecvFlags::empty())?.1),
            (Some(fd), Some(tls)) => tls.recv(fd, space),
        }
    }

    /// Goes on with what TLS has to say and the socket did not take.
    pub(crate) fn flush_tls(&mut self) {
        if let (Some(fd), Some(tls)) = (&self.fd, &mut self.tls) {
            tls.flush(fd);
        }
    }

    /// Lays the kept beginning of a frame at the front of `buf` and says how long it is.
    #[inline]
    pub(crate) fn take_partial(&mut self, buf: &mut [u8]) -> usize {
        let Some(partial) = mem::take(&mut self.partial) else {
            return 0;
        };
        let Some(front) = buf.get_mut(..partial.len()) else {
            debug_assert!(
                false,
                "a partial frame is shorter than the buffer it came from"
            );
            return 0;
        };
        front.copy_from_slice(&partial);
        partial.len()
    }

    /// Keeps bytes for the next time.
    pub(crate) fn keep_partial(&mut self, rest: &[u8]) {
        self.partial = (!rest.is_empty()).then(|| rest.into());
    }

    /// Reads all whole frames of `buf`, tells `on` of each, and keeps the rest.
    ///
    /// `buf` begins with what [`Link::take_partial`] laid there; a payload may have `payload_max`
    /// bytes. With an `inflater`, compression was asked for, and is read.
    ///
    /// # Errors
    ///
    /// The connection is over, by the server's wish or its fault.
    #[inline]
    pub(crate) fn handle_bytes(
        &mut self,
        buf: &[u8],
        payload_max: usize,
        mut inflater: Option<&mut Inflater>,
        mut on: impl FnMut(Event<'_>),
    ) -> Result<(), Ended> {
        let mut at = 0;
        if self.state == State::Opening && self.protocol == Protocol::WebSocket {
            let Some(head_len) = read_head(buf, inflater.is_some())? else {
                self.keep_partial(buf);
                return Ok(());
            };
            if let Some(wire) = self.wire {
                self.state = State::Subscribing;
                on(Event::Upgraded(wire));
            } else {
                self.state = State::Live;
                on(Event::Live);
            }
            at = head_len;
        }
        while let Some(frame) =
            frame::read(self.protocol, inflater.is_some(), &buf[at..], payload_max)
                .map_err(Ended::Frame)?
        {
            at += frame.wire_len;
            match frame.kind {
                Kind::Message if frame.is_compressed => {
                    let message = inflater
                        .as_mut()
                        .and_then(|inflater| inflater.inflate(frame.payload, payload_max));
                    let message = message.ok_or(Ended::Frame(FrameError::Compression))?;
                    self.on_message(message, &mut on)?;
                }
                Kind::Message => self.on_message(frame.payload, &mut on)?,
                Kind::Ping => on(Event::Ping(frame.payload)),
                Kind::Close => return Err(Ended::Close(close_code(frame.payload))),
                Kind::Heartbeat if self.state == State::Opening => {
                    self.state = State::Live;
                    on(Event::Live);
                }
                Kind::Heartbeat => {}
            }
        }
        if at < buf.len() {
            self.keep_partial(&buf[at..]);
        }
        Ok(())
    }
}

impl Link {
    #[inline]
    fn on_message(&mut self, message: &[u8], on: &mut impl FnMut(Event<'_>)) -> Result<(), Ended> {
        let Some(wire) = self.wire else {
            on(Event::Message(message));
            return Ok(());
        };
        let mut refused = Ok(());
        let is_read = wire.read(message, |said| match said {
            Said::Ping => on(Event::CommandPing(wire)),
            Said::Subscribed(standing) => {
                self.state = State::Live;
                on(Event::Live);
                on(Event::Standing(standing));
            }
            Said::Refused(code) => refused = Err(Ended::Refused(code)),
            Said::Message(offset, payload) => {
                on(Event::Offset(offset));
                on(Event::Message(payload));
            }
        });
        is_read.map_err(|()| Ended::NotStructured)?;
        refused
    }
}

fn close_code(payload: &[u8]) -> u16 {
    payload
        .first_chunk::<2>()
        .map_or(NO_CODE, |code| u16::from_be_bytes(*code))
}

/// Length of the response head once it is whole and right.
fn read_head(buf: &[u8], deflate: bool) -> Result<Option<usize>, Ended> {
    let mut fields = [EMPTY_HEADER; FIELDS_MAX];
    let mut response = Response::new(&mut fields);
    let head_len = match response.parse(buf) {
        Ok(Status::Complete(len)) => len,
        Ok(Status::Partial) if buf.len() <= HEAD_BYTES_MAX => return Ok(None),
        _ => return Err(Ended::Status(0)),
    };
    let status = response.code.unwrap_or(0);
    if status != 101 {
        return Err(Ended::Status(status));
    }
    let has = |name: &str, begins: &[u8]| {
        let mut fields = response.headers.iter();
        fields.any(|field| field.name.eq_ignore_ascii_case(name) && field.value.starts_with(begins))
    };
    if !has("sec-websocket-accept", ACCEPT) {
        return Err(Ended::AcceptKey);
    }
    if deflate && !has("sec-websocket-extensions", b"permessage-deflate") {
        return Err(Ended::NotCompressed);
    }
    Ok(Some(head_len))
}

#[cfg(test)]
mod tests;
