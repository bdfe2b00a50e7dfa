//! What a floor reads: the upgrade request, and whole frames of clients.

use tungstenite::handshake::derive_accept_key;

use crate::client::frame::write_header;
use crate::url::Protocol;

/// What a connection is for, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Role {
    /// Gets what is published.
    pub(super) subscribes: bool,
    /// What it sends is published.
    pub(super) publishes: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Upgrade {
    pub(super) response: Vec<u8>,
    pub(super) role: Role,
    pub(super) head_len: usize,
}

/// One frame of a client, unmasked in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inbound {
    pub(super) is_message: bool,
    pub(super) payload: std::ops::Range<usize>,
    pub(super) end: usize,
}

/// Answers a request once it is whole; `None` until then, and for ever if it is no upgrade.
pub(super) fn upgrade(buf: &[u8]) -> Option<Upgrade> {
    let end = buf.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&buf[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let path = lines.next()?.strip_prefix("GET ")?.split(' ').next()?;
    let key = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then(|| value.trim())
    })?;
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    let role = Role {
        subscribes: !path.starts_with("/pub/"),
        publishes: !path.starts_with("/sub/"),
    };
    Some(Upgrade {
        response: response.into_bytes(),
        role,
        head_len: end + 4,
    })
}

/// Reads and unmasks the frame that begins at `at`; `None` until it is whole.
#[inline]
pub(super) fn read(protocol: Protocol, buf: &mut [u8], at: usize) -> Option<Inbound> {
    let header = &buf[at..];
    if protocol == Protocol::LengthPrefix {
        let length = u32::from_be_bytes(*header.first_chunk()?) as usize;
        let payload = at + 4..at + 4 + length;
        let end = payload.end;
        return (end <= buf.len()).then_some(Inbound {
            is_message: length > 0,
            payload,
            end,
        });
    }
    let &[first, second, ref rest @ ..] = header else {
        return None;
    };
    let (header_len, length) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (
            10,
            usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?,
        ),
        short => (2, usize::from(short)),
    };
    let mask: [u8; 4] = *header.get(header_len..)?.first_chunk()?;
    let start = at + header_len + 4;
    let end = start.checked_add(length)?;
    for (index, byte) in buf.get_mut(start..end)?.iter_mut().enumerate() {
        *byte ^= mask[index % 4];
    }
    Some(Inbound {
        is_message: matches!(first & 0x0f, 1 | 2),
        payload: start..end,
        end,
    })
}

/// Appends `payload` as one message of a server.
#[inline]
pub(super) fn write(protocol: Protocol, payload: &[u8], out: &mut Vec<u8>) {
    if protocol == Protocol::LengthPrefix {
        out.extend_from_slice(
            &u32::try_from(payload.len())
                .unwrap_or(u32::MAX)
                .to_be_bytes(),
        );
    } else {
        write_header(0x82, 0, payload.len(), out);
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::frame;

    #[test]
    fn a_floor_and_our_client_read_what_the_other_writes() {
        for protocol in [Protocol::WebSocket, Protocol::LengthPrefix] {
            for len in [1, 125, 126, 65535, 65536] {
                let payload: Vec<u8> = (1..=255).cycle().take(len).collect();
                let mut wire = vec![0xff; 3];
                frame::write_message(protocol, &payload, &mut wire);
                let end = wire.len();
                for cut in (3..end).filter(|cut| *cut < 30 || *cut + 3 > end) {
                    let read = read(protocol, &mut wire[..cut], 3);
                    assert_eq!(read, None, "{len} cut at {cut}");
                }
                let inbound = read(protocol, &mut wire, 3).unwrap();
                assert!(inbound.is_message);
                assert_eq!(inbound.end, wire.len());
                assert_eq!(&wire[inbound.payload], &payload[..]);

                wire.clear();
                write(protocol, &payload, &mut wire);
                let frame = frame::read(protocol, false, &wire, 1 << 20);
                let frame = frame.unwrap().unwrap();
                assert_eq!((frame.payload, frame.wire_len), (&payload[..], wire.len()));
            }
        }
    }

    #[test]
    fn an_upgrade_is_answered_by_its_path() {
        let head = b"GET /sub/a HTTP/1.1\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        assert_eq!(upgrade(&head[..head.len() - 1]), None);
        let answer = upgrade(head).unwrap();
        assert!(answer.role.subscribes && !answer.role.publishes);
        let response = String::from_utf8(answer.response).unwrap();
        assert!(
            response.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            "{response}"
        );
        assert_eq!(answer.head_len, head.len());
    }
}
