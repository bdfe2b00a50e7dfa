//! One shard core, driven by hand: the most that a turn does, and that the rest is done later; and
//! HTTP.

#![expect(clippy::unwrap_used, reason = "test support")]

mod budget;
mod catch_up;
mod clients;
mod closes;
mod compress;
mod context;
mod drain;
mod excluded;
mod gaps;
mod half_closed;
mod held;
mod hostile;
mod http;
mod inflate;
mod last_word;
mod lifetimes;
mod lost;
mod memory;
mod offers;
mod patterns;
mod pings;
mod presence;
mod reading;
mod server;
mod session;
mod shard;
mod shared;
mod shares;
mod sockets;
mod staged;
mod subscribers;
mod users;
#[cfg(feature = "auth")]
mod verification;
mod waits;

/// Has permessage-deflate agreed on, and that nothing is kept between messages.
const DEFLATE: &str =
    "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n";

/// A client's frame; `first` is its first byte. The mask is zero.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ ..126 => frame.push(0x80 | u8::try_from(len).unwrap()),
        len @ ..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&u64::try_from(len).unwrap().to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}
