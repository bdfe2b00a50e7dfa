use super::{
    Control, HEADER_LEN_MAX, Header, Opcode, ParsedHeader, encode_header, encode_masked, unmask,
};
use crate::proto::{Kind, ProtocolError};

const KEY: [u8; 4] = [1, 2, 3, 4];

/// A client's header, as a server reads it.
fn parse(input: &[u8]) -> Result<ParsedHeader, ProtocolError> {
    super::parse::<true>(input, false)
}

fn masked(start: &[u8]) -> Vec<u8> {
    [start, &KEY].concat()
}

fn check(start: &[u8], expected: Result<(bool, Opcode, u64), ProtocolError>) {
    let input = masked(start);
    let expected = expected.map(|(fin, opcode, len)| ParsedHeader::Complete {
        header: Header {
            fin,
            compressed: false,
            opcode,
            key: KEY,
            len,
        },
        taken: input.len(),
    });
    assert_eq!(parse(&input), expected, "{start:02x?}");
}

#[test]
fn every_opcode_is_read() {
    check(&[0x00, 0x80], Ok((false, Opcode::Continuation, 0)));
    check(&[0x81, 0x85], Ok((true, Opcode::Data(Kind::Text), 5)));
    check(&[0x02, 0xfd], Ok((false, Opcode::Data(Kind::Binary), 125)));
    check(
        &[0x88, 0x82],
        Ok((true, Opcode::Control(Control::Close), 2)),
    );
    check(
        &[0x89, 0xfd],
        Ok((true, Opcode::Control(Control::Ping), 125)),
    );
    check(&[0x8a, 0x80], Ok((true, Opcode::Control(Control::Pong), 0)));
    for reserved in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        check(&[0x80 | reserved, 0x80], Err(ProtocolError::ReservedOpcode));
    }
}

#[test]
fn lengths_are_read_in_however_many_bytes_they_come() {
    let binary = |len| Ok((true, Opcode::Data(Kind::Binary), len));
    check(&[0x82, 0xfe, 0, 126], binary(126));
    check(&[0x82, 0xfe, 0xff, 0xff], binary(0xffff));
    check(&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0], binary(0x1_0000));
    check(
        &[0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        binary(u64::MAX >> 1),
    );
    check(&[0x82, 0xfe, 0, 0], binary(0));
    check(&[0x82, 0xfe, 0, 125], binary(125));
    check(&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 1], binary(1));
    check(&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff], binary(0xffff));
    check(
        &[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0],
        Err(ProtocolError::LengthTopBit),
    );
}

#[test]
fn the_first_two_bytes_are_refused_as_they_come() {
    for reserved in [0x40, 0x20, 0x10, 0x70] {
        assert_eq!(parse(&[0x81 | reserved]), Err(ProtocolError::ReservedBits));
    }
    assert_eq!(parse(&[0x83]), Err(ProtocolError::ReservedOpcode));
    assert_eq!(parse(&[0x09]), Err(ProtocolError::FragmentedControl));
    assert_eq!(parse(&[0x81, 0x05]), Err(ProtocolError::Unmasked));
    assert_eq!(parse(&[0x89, 0xfe]), Err(ProtocolError::ControlTooLong));
    assert_eq!(parse(&[0x88, 0xff]), Err(ProtocolError::ControlTooLong));
}

#[test]
fn every_prefix_asks_for_more() {
    let headers: [&[u8]; 3] = [
        &[0x81, 0x85],
        &[0x81, 0xfe, 1, 0],
        &[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0],
    ];
    for header in headers {
        let whole = masked(header);
        for cut in 0..whole.len() {
            let need = if cut < 2 { 2 } else { whole.len() };
            assert_eq!(
                parse(&whole[..cut]),
                Ok(ParsedHeader::Incomplete { need }),
                "cut at {cut}"
            );
        }
    }
}

#[test]
fn a_written_header_reads_back_once_the_client_masks_it() {
    for len in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, 0xffff_ffff] {
        let mut out = Vec::new();
        encode_header(&mut out, Opcode::Data(Kind::Text), len);
        assert_eq!(parse(&out), Err(ProtocolError::Unmasked), "length {len}");
        out[1] |= 0x80;
        check(&out, Ok((true, Opcode::Data(Kind::Text), len as u64)));
        assert!(out.len() + KEY.len() <= HEADER_LEN_MAX);
    }
}

#[test]
fn a_server_header_is_the_same_without_key() {
    for len in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, 0xffff_ffff] {
        let mut out = Vec::new();
        encode_header(&mut out, Opcode::Data(Kind::Text), len);
        for cut in 0..out.len() {
            let need = if cut < 2 { 2 } else { out.len() };
            let expected = Ok(ParsedHeader::Incomplete { need });
            assert_eq!(
                super::parse::<false>(&out[..cut], false),
                expected,
                "cut at {cut}"
            );
        }
        let header = Header {
            fin: true,
            compressed: false,
            opcode: Opcode::Data(Kind::Text),
            key: [0; 4],
            len: len as u64,
        };
        let taken = out.len();
        let expected = Ok(ParsedHeader::Complete { header, taken });
        assert_eq!(super::parse::<false>(&out, false), expected, "length {len}");
        out[1] |= 0x80;
        assert_eq!(
            super::parse::<false>(&out, false),
            Err(ProtocolError::Masked)
        );
    }
}

#[test]
fn a_masked_frame_reads_back() {
    let mut out = b"before".to_vec();
    encode_masked(&mut out, Opcode::Data(Kind::Binary), KEY, b"12345");
    assert_eq!(&out[..6], b"before");
    assert_eq!(out[6..12], [0x82, 0x85, 1, 2, 3, 4]);
    assert_eq!(
        out[12..],
        [b'1' ^ 1, b'2' ^ 2, b'3' ^ 3, b'4' ^ 4, b'5' ^ 1]
    );
}

#[test]
fn every_offset_and_length_agrees_with_the_rule_of_the_rfc() {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    for offset in 0..9 {
        for len in 0..200 {
            let masked: Vec<u8> = (0..=u8::MAX).cycle().step_by(7).take(len).collect();
            // RFC 6455 5.3: j = i MOD 4, octet XOR masking-key-octet-j.
            let expected: Vec<u8> = masked
                .iter()
                .enumerate()
                .map(|(i, b)| b ^ key[(i + offset) % 4])
                .collect();
            let mut part = masked;
            unmask(&mut part, key, offset);
            assert_eq!(part, expected, "offset {offset}, length {len}");
        }
    }
}

#[test]
fn the_largest_offset_does_not_overflow() {
    let mut part = [0; 3];
    unmask(&mut part, [1, 2, 3, 4], usize::MAX);
    assert_eq!(part, [4, 1, 2]);
}
