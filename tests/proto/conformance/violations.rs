//! Frames that break a rule, and frames at the limit.

use crate::conformance::ends::{frame, ours, theirs};
use crate::conformance::output::{Output, Rule};

#[test]
fn violations_are_judged_alike() {
    let check = |bytes: &[u8], rule| {
        let expected = [Output::Error(rule)];
        assert_eq!(ours([bytes], 1000), expected, "ours: {bytes:02x?}");
        assert_eq!(theirs(bytes, 1000), expected, "theirs: {bytes:02x?}");
    };
    for reserved in [0xc1, 0xa2, 0x91, 0xc9] {
        check(&frame(reserved, b"x"), Rule::Reserved);
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        check(&frame(0x80 | opcode, b"x"), Rule::Opcode);
    }
    for control in [0x08, 0x09, 0x0a] {
        check(&frame(control, b""), Rule::ControlFragment);
        check(&frame(control | 0x80, &[b'x'; 126]), Rule::ControlLength);
    }
    check(b"\x81\x01x", Rule::Mask);
    check(&frame(0x80, b"x"), Rule::Continuation);
    check(&frame(0x00, b"x"), Rule::Continuation);
    check(
        &[frame(0x01, b"x"), frame(0x81, b"y")].concat(),
        Rule::Continuation,
    );
    check(
        &[frame(0x02, b"x"), frame(0x02, b"y")].concat(),
        Rule::Continuation,
    );
    check(&frame(0x82, &[0; 1001]), Rule::Size);
    check(
        &[frame(0x02, &[0; 600]), frame(0x80, &[0; 401])].concat(),
        Rule::Size,
    );
    for bad in [
        &b"\xff"[..],
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"ok\xc0\xaf",
    ] {
        check(&frame(0x81, bad), Rule::Utf8);
        check(&[frame(0x01, bad), frame(0x80, b"")].concat(), Rule::Utf8);
    }
    check(
        &[frame(0x01, b"\xe2"), frame(0x80, b"x")].concat(),
        Rule::Utf8,
    );
    check(&frame(0x88, b"x"), Rule::CloseFrame);
    check(&frame(0x88, b"\x03\xe8\xff"), Rule::Utf8);
}

#[test]
fn what_is_allowed_at_the_limit_is_allowed_by_both() {
    for bytes in [
        frame(0x82, &[0; 1000]),
        [frame(0x02, &[0; 600]), frame(0x80, &[0; 400])].concat(),
        [
            frame(0x01, b"\xe2"),
            frame(0x00, b"\x82"),
            frame(0x80, b"\xac"),
        ]
        .concat(),
        frame(0x89, &[0; 125]),
    ] {
        let seen = ours([&bytes[..]], 1000);
        assert!(
            !seen.is_empty() && !seen.iter().any(Output::ends),
            "{seen:?}"
        );
        assert_eq!(theirs(&bytes, 1000), seen);
    }
}
