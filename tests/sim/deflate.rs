//! permessage-deflate as a client does it, with a state for each message.

use corecast::Compression;
use corecast::internals::Rng;
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress};

/// How the server compresses: what is shorter than nearly all messages, or than some.
pub(crate) fn compression(rng: &mut Rng) -> Option<Compression> {
    let level = u8::try_from(1 + rng.below(9)).unwrap();
    let threshold = [0, 100, 1000][rng.below(3)];
    (rng.below(4) != 0).then_some(Compression { level, threshold })
}

/// What a client offers: a window for the server, or nothing.
pub(crate) fn window(rng: &mut Rng) -> Option<u8> {
    (rng.below(3) == 0).then(|| u8::try_from(9 + rng.below(7)).unwrap())
}

/// The field of a request that offers `window`.
pub(crate) fn offer(window: Option<u8>) -> String {
    let field = |window: u8| {
        format!(
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; \
             server_max_window_bits={window}\r\n"
        )
    };
    window.map(field).unwrap_or_default()
}

pub(crate) fn deflate(payload: &[u8]) -> Vec<u8> {
    let mut stream = Compress::new(flate2::Compression::fast(), false);
    let mut out = Vec::with_capacity(payload.len() + payload.len() / 8 + 64);
    stream
        .compress_vec(payload, &mut out, FlushCompress::Sync)
        .unwrap();
    let len = out.strip_suffix(b"\x00\x00\xff\xff").unwrap().len();
    out.truncate(len);
    out
}

pub(crate) fn inflate(payload: &[u8], window: u8) -> Vec<u8> {
    let mut stream = Decompress::new_with_window_bits(false, window);
    let input = [payload, b"\x00\x00\xff\xff"].concat();
    let mut message = Vec::new();
    while stream.total_in() < input.len() as u64 {
        message.reserve(1000);
        let rest = &input[usize::try_from(stream.total_in()).unwrap()..];
        stream
            .decompress_vec(rest, &mut message, FlushDecompress::Sync)
            .unwrap();
    }
    message
}
