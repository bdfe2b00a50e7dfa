//! One connection of the client without its socket: from the first byte to live, then messages.

use std::mem;
use std::os::fd::OwnedFd;

use crate::frame::{self, FrameError, Kind, NO_CODE};
use crate::url::{NUMBER_PLACE, Protocol, Target};

/// One connection. Kept small, for there may be a million: 24 bytes.
#[derive(Debug)]
pub(crate) struct Link {
    /// The socket, while there is one.
    pub(crate) fd: Option<OwnedFd>,
    /// Where it stands.
    pub(crate) state: State,
    /// What is spoken on it.
    pub(crate) protocol: Protocol,
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
    /// A message.
    Message(&'a [u8]),
    /// A ping with this payload, to be answered.
    Ping(&'a [u8]),
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The answer to the upgrade had this status instead of 101, or 0 for no HTTP at all.
    Status(u16),
    /// 101, but the accept key is missing or wrong, RFC 6455 4.2.2.
    AcceptKey,
    /// The server closed with this code, 1005 for none, RFC 6455 7.1.5.
    Close(u16),
    /// The server broke the framing.
    Frame(FrameError),
}

impl Ended {
    /// The words for it in a report.
    pub(crate) fn label(self) -> String {
        match self {
            Self::Status(0) => "answer is not HTTP".to_owned(),
            Self::Status(status) => format!("HTTP status {status}"),
            Self::AcceptKey => "wrong Sec-WebSocket-Accept".to_owned(),
            Self::Close(code) => format!("closed by the server with {code}"),
            Self::Frame(error) => error.label().to_owned(),
        }
    }
}

/// The key of every upgrade and its answer, RFC 6455 1.3: nothing is gained by random ones here.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Longest answer to an upgrade in bytes.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// The upgrade request for a target and the number of a topic, RFC 6455 4.1.
pub(crate) fn upgrade_request(target: &Target, number: Option<usize>) -> Vec<u8> {
    let path = match number {
        Some(number) => target.path.replace(NUMBER_PLACE, &number.to_string()),
        None => target.path.clone(),
    };
    format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n",
        path, target.addr
    )
    .into_bytes()
}

impl Link {
    /// A connection that is not open yet.
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self {
            fd: None,
            state: State::Idle,
            protocol,
            partial: None,
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
    /// bytes.
    ///
    /// # Errors
    ///
    /// The connection is over, by the server's wish or its fault.
    #[inline]
    pub(crate) fn handle_bytes(
        &mut self,
        buf: &[u8],
        payload_max: usize,
        mut on: impl FnMut(Event<'_>),
    ) -> Result<(), Ended> {
        let mut at = 0;
        if self.state == State::Opening && self.protocol == Protocol::WebSocket {
            let Some(head_len) = read_head(buf)? else {
                self.keep_partial(buf);
                return Ok(());
            };
            self.state = State::Live;
            on(Event::Live);
            at = head_len;
        }
        while let Some(frame) =
            frame::read(self.protocol, &buf[at..], payload_max).map_err(Ended::Frame)?
        {
            at += frame.wire_len;
            match frame.kind {
                Kind::Message => on(Event::Message(frame.payload)),
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

fn close_code(payload: &[u8]) -> u16 {
    payload
        .first_chunk::<2>()
        .map_or(NO_CODE, |code| u16::from_be_bytes(*code))
}

/// Length of the response head once it is whole and right.
fn read_head(buf: &[u8]) -> Result<Option<usize>, Ended> {
    let Some(end) = buf.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if buf.len() > HEAD_BYTES_MAX {
            Err(Ended::Status(0))
        } else {
            Ok(None)
        };
    };
    let mut lines = buf[..end]
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii);
    let status = lines.next().and_then(status_of).unwrap_or(0);
    if status != 101 {
        return Err(Ended::Status(status));
    }
    let accepted = lines.any(|line| {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().unwrap_or_default();
        name.eq_ignore_ascii_case(b"sec-websocket-accept")
            && parts.next().map(<[u8]>::trim_ascii) == Some(ACCEPT)
    });
    if accepted {
        Ok(Some(end + 4))
    } else {
        Err(Ended::AcceptKey)
    }
}

fn status_of(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.1 ")?;
    std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
        sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    fn opening(protocol: Protocol) -> Link {
        Link {
            state: State::Opening,
            ..Link::new(protocol)
        }
    }

    /// Feeds `pieces` as a worker would and writes down what happened.
    fn feed(link: &mut Link, pieces: &[&[u8]]) -> Result<String, Ended> {
        let mut seen = String::new();
        let mut buf = vec![0; 16 << 10];
        for piece in pieces {
            let kept = link.take_partial(&mut buf);
            buf[kept..kept + piece.len()].copy_from_slice(piece);
            link.handle_bytes(&buf[..kept + piece.len()], 100, |event| match event {
                Event::Live => seen.push_str("live "),
                Event::Message(payload) => seen.push_str(&format!("{payload:?} ")),
                Event::Ping(_) => seen.push_str("ping "),
            })?;
        }
        Ok(seen)
    }

    #[test]
    fn an_upgrade_and_its_first_frames_may_be_cut_anywhere() {
        let wire = [HEAD, &[0x82, 1, 5, 0x89, 0, 0x81, 2, 6, 7]].concat();
        for cut in 0..=wire.len() {
            let mut link = opening(Protocol::WebSocket);
            let seen = feed(&mut link, &[&wire[..cut], &wire[cut..]]).unwrap();
            assert_eq!(seen, "live [5] ping [6, 7] ", "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = wire.chunks(1).collect();
        let seen = feed(&mut opening(Protocol::WebSocket), &bytes).unwrap();
        assert_eq!(seen, "live [5] ping [6, 7] ");
    }

    #[test]
    fn the_first_empty_frame_makes_a_tcp_connection_live() {
        let wire = [0, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0, 0, 0];
        for cut in 0..=wire.len() {
            let mut link = opening(Protocol::LengthPrefix);
            let seen = feed(&mut link, &[&wire[..cut], &wire[cut..]]).unwrap();
            assert_eq!(seen, "live [9] ", "cut at {cut}");
        }
    }

    #[test]
    fn refusals_say_why() {
        let refused = |head: &[u8]| feed(&mut opening(Protocol::WebSocket), &[head]).unwrap_err();
        assert_eq!(refused(b"HTTP/1.1 503 Busy\r\n\r\n"), Ended::Status(503));
        assert_eq!(refused(b"SSH-2.0\r\n\r\n"), Ended::Status(0));
        assert_eq!(refused(b"HTTP/1.1 101 Ok\r\n\r\n"), Ended::AcceptKey);
        assert_eq!(refused(&[b'x'; 9000]), Ended::Status(0));
    }

    #[test]
    fn a_close_frame_ends_with_its_code() {
        let mut link = Link {
            state: State::Live,
            ..Link::new(Protocol::WebSocket)
        };
        assert_eq!(
            feed(&mut link, &[&[0x88, 2, 0x03, 0xf0]]),
            Err(Ended::Close(1008))
        );
        let mut link = Link {
            state: State::Live,
            ..Link::new(Protocol::WebSocket)
        };
        assert_eq!(feed(&mut link, &[&[0x88, 0]]), Err(Ended::Close(1005)));
    }

    #[test]
    fn a_connection_is_small() {
        assert!(size_of::<Link>() <= 24, "{}", size_of::<Link>());
    }
}
