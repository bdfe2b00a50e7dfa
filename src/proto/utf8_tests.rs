use super::Validator;
use crate::internals::Rng;
use crate::proto::ProtocolError;

/// Pushes the pieces; returns whether the whole text was valid.
fn is_valid<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> bool {
    let mut validator = Validator::default();
    pieces
        .into_iter()
        .all(|piece| validator.push(piece).is_ok())
        && validator.is_complete()
}

fn check_every_cut(text: &[u8]) {
    let expected = std::str::from_utf8(text).is_ok();
    assert_eq!(is_valid([text]), expected, "{text:02x?}");
    assert_eq!(
        is_valid(text.chunks(1)),
        expected,
        "byte by byte: {text:02x?}"
    );
    for cut in 0..=text.len() {
        let (front, back) = text.split_at(cut);
        assert_eq!(
            is_valid([front, &[], back]),
            expected,
            "cut at {cut}: {text:02x?}"
        );
    }
}

#[test]
fn every_cut_agrees_with_std() {
    let texts: [&[u8]; 12] = [
        b"",
        b"plain",
        "κόσμε".as_bytes(),
        "a€b💥c\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}".as_bytes(),
        b"\xed\x9f\xbf\xee\x80\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"abc\x80",
        b"\xf0\x9f\x92",
        b"\xf0\x9f\x92x",
    ];
    for text in texts {
        check_every_cut(text);
    }
}

#[test]
fn every_character_at_the_edges_of_a_class_survives_every_cut() {
    for first in [
        0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff,
    ] {
        for second in [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0] {
            for third in [0x7f, 0x80, 0xbf, 0xc2] {
                check_every_cut(&[b'x', first, second, third, 0x80]);
            }
        }
    }
}

#[test]
fn validation_fails_at_the_first_invalid_byte() {
    let check = |valid: &[u8], bad: u8| {
        let mut validator = Validator::default();
        for byte in valid {
            assert_eq!(validator.push(&[*byte]), Ok(()), "{valid:02x?}");
        }
        assert!(!validator.is_complete() || valid.is_empty());
        assert_eq!(
            validator.push(&[bad]),
            Err(ProtocolError::InvalidUtf8),
            "{valid:02x?} {bad:x}"
        );
        let whole = [valid, &[bad]].concat();
        assert!(Validator::default().push(&whole).is_err(), "{whole:02x?}");
    };
    check(b"", 0x80);
    check(b"", 0xc0);
    check(b"", 0xf5);
    check(b"\xe0", 0x80);
    check(b"\xed", 0xa0);
    check(b"\xf0", 0x8f);
    check(b"\xf4", 0x90);
    check(b"\xc3", b'x');
    check(b"\xf0\x9f\x92", 0xc0);
}

#[test]
fn random_texts_in_random_cuts_agree_with_std() {
    for seed in 0..2000 {
        let mut rng = Rng::new(seed);
        let mut text: Vec<u8> = Vec::new();
        for _ in 0..rng.below(60) {
            let limit = [0x80, 0x800, 0x1_0000, 0x11_0000][rng.below(4)];
            let character = u32::try_from(rng.below(limit))
                .ok()
                .and_then(char::from_u32);
            text.extend_from_slice(character.unwrap_or('a').encode_utf8(&mut [0; 4]).as_bytes());
        }
        if rng.below(2) == 0 && !text.is_empty() {
            let at = rng.below(text.len());
            text[at] = rng.byte();
        }
        let expected = std::str::from_utf8(&text).is_ok();
        assert_eq!(
            is_valid(rng.cuts(&text)),
            expected,
            "seed {seed}: {text:02x?}"
        );
    }
}

#[test]
fn the_state_is_four_bytes() {
    assert_eq!(size_of::<Validator>(), 4);
}
