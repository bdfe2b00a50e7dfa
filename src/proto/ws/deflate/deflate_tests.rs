use std::io::Read as _;

use flate2::read::DeflateDecoder;

use super::Deflater;
use crate::internals::Rng;
use crate::limits::{CODEC_BYTES_KEPT, FINAL_BLOCKS_MAX};
use crate::proto::ws::deflate::{Inflater, TAIL, Window, far_tests};
use crate::proto::{Kind, ProtocolError};

const MAX: usize = 1 << 20;

fn inflate(payload: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    let mut inflater = Inflater::default();
    let inflated = inflater.inflate(Kind::Binary, payload, MAX);
    inflated.map(<[u8]>::to_vec)
}

/// Words with few letters, with repetitions at any distance.
fn chatter(rng: &mut Rng, len: usize) -> Vec<u8> {
    let words: Vec<Vec<u8>> = (0..50)
        .map(|_| {
            (0..2 + rng.below(30))
                .map(|_| b'a' + rng.byte() % 4)
                .collect()
        })
        .collect();
    let mut text = Vec::new();
    while text.len() < len {
        text.extend_from_slice(&words[rng.below(words.len())]);
    }
    text.truncate(len);
    text
}

fn noise(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| rng.byte()).collect()
}

/// RFC 7692 7.2.3.1 to 7.2.3.5, and 7.2.3.6.
#[test]
fn the_examples_of_the_rfc_are_read() {
    let hello = Ok(b"Hello".to_vec());
    let check = |payload: &[u8]| assert_eq!(inflate(payload), hello, "{payload:x?}");
    check(b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    check(b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00");
    check(b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00");
    check(b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00");
    assert_eq!(inflate(b"\x00"), Ok(Vec::new()));
    // The second message of 7.2.3.2 refers to the first, which is not kept.
    let taken_over = inflate(b"\xf2\x00\x11\x00\x00");
    assert_eq!(taken_over, Err(ProtocolError::InvalidDeflate));
}

#[test]
fn what_is_compressed_comes_back() {
    let mut rng = Rng::new(7);
    let mut inflater = Inflater::default();
    for level in [1, 2, 3, 6, 9] {
        let mut deflater = Deflater::new(level);
        for len in [
            1, 2, 100, 255, 256, 257, 512, 513, 4096, 40_000, 70_000, 300_000,
        ] {
            let text = chatter(&mut rng, len);
            let mut once = deflater.once(&text);
            for window in Window::ALL {
                let Some(compressed) = once.compressed(window) else {
                    let has_none = window == Window::Bits8 && 256 < len;
                    assert!(
                        len <= 100 || has_none,
                        "level {level}, {len} bytes, {window:?}"
                    );
                    continue;
                };
                assert!(compressed.len() < len);
                let back = inflater.inflate(Kind::Text, compressed, len);
                assert_eq!(
                    back,
                    Ok(&text[..]),
                    "level {level}, {len} bytes, {window:?}"
                );
                let theirs = [compressed, &TAIL, b"\x01\x00\x00\xff\xff"].concat();
                let mut read = Vec::new();
                DeflateDecoder::new(&theirs[..])
                    .read_to_end(&mut read)
                    .unwrap();
                assert!(read == text);
            }
        }
    }
}

#[test]
fn a_window_is_kept_to() {
    let mut rng = Rng::new(8);
    for level in [1, 3, 9] {
        let mut deflater = Deflater::new(level);
        for len in [200, 512, 513, 1024, 1025, 40_000] {
            let text = chatter(&mut rng, len);
            let mut once = deflater.once(&text);
            for window in Window::ALL {
                if let Some(compressed) = once.compressed(window) {
                    let (read, longest) = far_tests::read(compressed);
                    assert!(read == text && longest <= window.size(), "{level}, {len}");
                }
            }
        }
        let text = chatter(&mut rng, 60_000);
        let mut once = deflater.once(&text);
        let (_, longest) = far_tests::read(once.compressed(Window::LARGEST).unwrap());
        assert!(Window::Bits9.size() < longest, "the window is made use of");
    }
}

#[test]
fn short_messages_have_the_same_bytes_for_every_window() {
    let mut rng = Rng::new(9);
    let mut deflater = Deflater::new(6);
    let text = chatter(&mut rng, 512);
    let mut once = deflater.once(&text);
    let largest = once.compressed(Window::LARGEST).map(<[u8]>::to_vec);
    assert!(largest.is_some());
    for window in &Window::ALL[1..] {
        assert_eq!(once.compressed(*window).map(<[u8]>::to_vec), largest);
    }
    assert_eq!(once.compressed(Window::Bits8), None);
    drop(once);
    let made = deflater.streams.len();
    assert_eq!(made, 1, "one compressor is enough");
}

#[test]
fn what_does_not_get_smaller_is_left_alone() {
    let mut rng = Rng::new(10);
    for (level, len) in [0, 1, 5, 100, 5_000, 200_000, 200_000]
        .into_iter()
        .flat_map(|len| (1..=9).map(move |level| (level, len)))
    {
        let mut deflater = Deflater::new(level);
        let bytes = noise(&mut rng, len);
        let mut once = deflater.once(&bytes);
        for window in Window::ALL {
            assert_eq!(once.compressed(window), None, "{len} bytes");
        }
        drop(once);
        let text = chatter(&mut rng, 1000);
        let mut once = deflater.once(&text);
        assert!(
            once.compressed(Window::LARGEST).is_some(),
            "after {len} bytes"
        );
        drop(once);
        assert!(deflater.bytes.capacity() <= CODEC_BYTES_KEPT);
    }
}

#[test]
fn a_bomb_is_refused_before_it_is_held() {
    let mut deflater = Deflater::new(9);
    let zeros = vec![0; 16 << 20];
    let mut once = deflater.once(&zeros);
    let bomb = once.compressed(Window::LARGEST).unwrap();
    assert!(bomb.len() < zeros.len() / 500);
    let mut inflater = Inflater::default();
    let limit = 100_000;
    let refused = inflater.inflate(Kind::Binary, bomb, limit);
    assert_eq!(refused, Err(ProtocolError::MessageTooBig { limit }));
    assert!(inflater.held_bytes() <= 2 * limit);
    inflater.release();
    assert_eq!(inflater.held_bytes(), 0);
    let whole = inflater.inflate(Kind::Binary, bomb, zeros.len());
    assert_eq!(whole.map(<[u8]>::len), Ok(zeros.len()));
    // A smaller limit holds although the memory of a larger message is still there.
    assert_eq!(inflater.inflate(Kind::Binary, b"\x00", 0), Ok(&[][..]));
    let small = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    let mut limits = (0..7).map(|limit| inflater.inflate(Kind::Text, small, limit).is_ok());
    assert!(limits.by_ref().take(5).all(|is_ok| !is_ok));
    assert!(limits.all(|is_ok| is_ok));
}

#[test]
fn a_message_cut_short_is_refused() {
    let mut rng = Rng::new(11);
    for level in [1, 6] {
        let mut deflater = Deflater::new(level);
        let text = chatter(&mut rng, 2_000);
        let mut once = deflater.once(&text);
        let whole = once.compressed(Window::LARGEST).unwrap();
        for cut in 0..whole.len() {
            let err = inflate(&whole[..cut]);
            assert_eq!(err, Err(ProtocolError::InvalidDeflate), "cut at {cut}");
        }
    }
    // An uncompressed block that would include what is appended.
    for missing in 1..20_u8 {
        for last in [0, 1] {
            let len = 5 + missing;
            let mut block = vec![last, len, 0, !len, 0xff];
            block.extend_from_slice(b"Hello");
            assert_eq!(
                inflate(&block),
                Err(ProtocolError::InvalidDeflate),
                "{missing}"
            );
        }
    }
    assert_eq!(inflate(b""), Err(ProtocolError::InvalidDeflate));
    assert_eq!(inflate(b"\xff"), Err(ProtocolError::InvalidDeflate));
    // The last block is marked as the last, but the tail is missing.
    let no_tail = inflate(b"\xf3\x48\xcd\xc9\xc9\x07\x00");
    assert_eq!(no_tail, Err(ProtocolError::InvalidDeflate));
}

#[test]
fn blocks_after_the_last_refer_to_those_before() {
    // "Hello" as the last block; then a block that repeats it: a match of length 5, distance 5,
    // in fixed codes: 0 10 (BFINAL, BTYPE), 0000011 (257 + 2), 00100 (distance 5, 1 more bit 0),
    // 0000000 (end of block), and the header of the block that ends in the tail.
    let hello = b"\xf3\x48\xcd\xc9\xc9\x07\x00";
    let again = b"\x02\x13\x00\x00";
    let payload = [&hello[..], again].concat();
    assert_eq!(inflate(&payload), Ok(b"HelloHello".to_vec()));

    let mut many = hello.repeat(FINAL_BLOCKS_MAX);
    many.push(0);
    assert_eq!(inflate(&many), Ok(b"Hello".repeat(FINAL_BLOCKS_MAX)));
    many.splice(..0, *hello);
    assert_eq!(inflate(&many), Err(ProtocolError::InvalidDeflate));
}

#[test]
fn text_is_checked_when_it_is_whole() {
    let mut inflater = Inflater::default();
    let mut deflater = Deflater::new(1);
    let bytes = [&b"a".repeat(100)[..], b"\xff"].concat();
    let mut once = deflater.once(&bytes);
    let compressed = once.compressed(Window::LARGEST).unwrap();
    let text = inflater.inflate(Kind::Text, compressed, MAX);
    assert_eq!(text, Err(ProtocolError::InvalidUtf8));
    let binary = inflater.inflate(Kind::Binary, compressed, MAX);
    assert_eq!(binary, Ok(&bytes[..]));
}
