use super::*;

fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let len = u16::try_from(block.len()).unwrap().to_be_bytes();
    [BINARY_SIGNATURE, &[command, family], &len, block].concat()
}

fn v4_block() -> Vec<u8> {
    [
        &[192, 0, 2, 1][..],
        &[198, 51, 100, 9],
        &[0xdc, 0x04][..],
        &[0x01, 0xbb],
    ]
    .concat()
}

fn v6_block() -> Vec<u8> {
    let source: Ipv6Addr = "2001:db8::1".parse().unwrap();
    let destination: Ipv6Addr = "2001:db8::2".parse().unwrap();
    let ports = [0xdc, 0x04, 0x01, 0xbb];
    [&source.octets()[..], &destination.octets(), &ports].concat()
}

/// A header that names this client, or an unknown one.
fn header(client: Option<&str>, taken: usize) -> Result<Step, ProxyError> {
    let client = client.map(|client| Source::Client(client.parse().unwrap()));
    let source = client.unwrap_or(Source::Unknown);
    Ok(Step::Header { source, taken })
}

#[test]
fn a_line_names_its_client() {
    for (line, source) in [
        (
            "TCP4 192.0.2.1 198.51.100.9 56324 443",
            Some("192.0.2.1:56324"),
        ),
        (
            "TCP4 255.255.255.255 255.255.255.255 65535 0",
            Some("255.255.255.255:65535"),
        ),
        ("TCP6 2001:db8::1 2001:db8::2 1 2", Some("[2001:db8::1]:1")),
        (
            "TCP6 ::ffff:192.0.2.1 ::1 1 2",
            Some("[::ffff:192.0.2.1]:1"),
        ),
        ("UNKNOWN", None),
        ("UNKNOWN ffff::1 any thing at all", None),
    ] {
        let whole = format!("PROXY {line}\r\n");
        let input = format!("{whole}GET / HTTP/1.1\r\n");
        assert_eq!(
            decode(input.as_bytes()),
            header(source, whole.len()),
            "{line}"
        );
    }
}

#[test]
fn a_line_that_is_not_to_the_letter_is_refused() {
    for line in [
        "TCP4 192.0.2.1 198.51.100.9 56324",
        "TCP4 192.0.2.1 198.51.100.9 56324 443 ",
        "TCP4 192.0.2.1 198.51.100.9 56324 443 x",
        "TCP4  192.0.2.1 198.51.100.9 56324 443",
        "TCP4 192.0.2.01 198.51.100.9 56324 443",
        "TCP4 192.0.2.1 198.51.100.9 056324 443",
        "TCP4 192.0.2.1 198.51.100.9 +1 443",
        "TCP4 192.0.2.1 198.51.100.9 65536 443",
        "TCP4 192.0.2.1 198.51.100.9 1 -1",
        "TCP4 2001:db8::1 2001:db8::2 1 2",
        "TCP6 192.0.2.1 198.51.100.9 1 2",
        "TCP6 2001:db8::1%1 2001:db8::2 1 2",
        "TCP5 192.0.2.1 198.51.100.9 1 2",
        "tcp4 192.0.2.1 198.51.100.9 1 2",
        "UNKNOWNS",
        "",
    ] {
        let input = format!("PROXY {line}\r\n");
        assert_eq!(decode(input.as_bytes()), Err(ProxyError::Line), "{line}");
    }
    assert_eq!(decode(b"PROXY UNKNOWN\n"), Err(ProxyError::Line));
    assert_eq!(decode(b"PROXY \xff\r\n"), Err(ProxyError::Line));
    let two = b"PROXY UNKNOWN\nPROXY UNKNOWN\r\n";
    assert_eq!(decode(two), Err(ProxyError::Line));
}

#[test]
fn a_line_has_107_bytes_at_most() {
    let line = |len: usize| format!("PROXY UNKNOWN {:x<1$}\r\n", "", len - 16);
    let longest = line(LINE_LEN_MAX);
    assert_eq!(longest.len(), LINE_LEN_MAX);
    assert_eq!(decode(longest.as_bytes()), header(None, LINE_LEN_MAX));
    assert_eq!(decode(line(108).as_bytes()), Err(ProxyError::Line));
    let unfinished = &line(200).into_bytes()[..LINE_LEN_MAX];
    assert_eq!(decode(&unfinished[..106]), Ok(Step::Incomplete));
    assert_eq!(decode(unfinished), Err(ProxyError::Line));
}

#[test]
fn a_binary_header_names_its_client() {
    let v4 = binary(0x21, 0x11, &v4_block());
    assert_eq!(decode(&v4), header(Some("192.0.2.1:56324"), 28));
    let v6 = binary(0x21, 0x21, &v6_block());
    assert_eq!(decode(&v6), header(Some("[2001:db8::1]:56324"), 52));
    let more = [&v6[..], b"GET /"].concat();
    assert_eq!(decode(&more), header(Some("[2001:db8::1]:56324"), 52));
}

#[test]
fn a_header_may_mean_the_proxy_itself_or_an_unknown_client() {
    for (family, block) in [
        (0x00, vec![]),
        (0x11, v4_block()),
        // Whatever a LOCAL header has is to be skipped.
        (0xff, vec![1, 2, 3]),
    ] {
        let input = binary(0x20, family, &block);
        let (source, taken) = (Source::Proxy, input.len());
        assert_eq!(decode(&input), Ok(Step::Header { source, taken }));
    }
    for (command, family, block) in [
        (0x21, 0x00, vec![]),
        (0x21, 0x00, vec![9; 9]),
        (0x21, 0x31, vec![b'/'; 216]),
    ] {
        let input = binary(command, family, &block);
        assert_eq!(decode(&input), header(None, input.len()), "{input:02x?}");
    }
}

#[test]
fn extensions_are_skipped() {
    let extensions = [0x04, 0x00, 0x02, 0xff, 0xff, 0x20, 0xff, 0xff];
    let input = binary(0x21, 0x11, &[&v4_block()[..], &extensions].concat());
    assert_eq!(decode(&input), header(Some("192.0.2.1:56324"), 36));
}

#[test]
fn a_binary_header_that_cannot_be_is_refused_at_once() {
    let head = |command, family| [BINARY_SIGNATURE, &[command, family]].concat();
    for (command, family) in [
        (0x22, 0x11),
        (0x11, 0x11),
        (0x01, 0x11),
        (0x21, 0x12),
        (0x21, 0x41),
    ] {
        let input = head(command, family);
        assert_eq!(decode(&input), Err(ProxyError::Binary), "{input:02x?}");
    }
    let short = [&head(0x21, 0x11)[..], &[0, 11]].concat();
    assert_eq!(decode(&short), Err(ProxyError::Binary));
    let of_len = |len: usize| {
        let len = u16::try_from(len - BINARY_HEADER_LEN).unwrap();
        [&head(0x21, 0x11)[..], &len.to_be_bytes()].concat()
    };
    assert_eq!(decode(&of_len(BINARY_LEN_MAX)), Ok(Step::Incomplete));
    assert_eq!(decode(&of_len(BINARY_LEN_MAX + 1)), Err(ProxyError::Binary));
}

#[test]
fn what_is_no_header_is_refused_at_its_first_wrong_byte() {
    for input in [
        "G",
        "p",
        "PRI",
        "PROXYX",
        "\r\n\r\n\r",
        "\r\n\r\n\0\r\nQUIT\r",
        "\x16",
    ] {
        let input = input.as_bytes();
        assert_eq!(decode(input), Err(ProxyError::Missing), "{input:02x?}");
        assert!(!may_begin(input), "{input:02x?}");
        let last = input.len() - 1;
        assert_eq!(decode(&input[..last]), Ok(Step::Incomplete), "{input:02x?}");
        assert!(may_begin(&input[..last]) && !has_begun(&input[..last]));
    }
    assert!(has_begun(b"PROXY ") && has_begun(BINARY_SIGNATURE));
}

#[test]
fn every_prefix_asks_for_more() {
    for whole in [
        b"PROXY TCP4 192.0.2.1 198.51.100.9 56324 443\r\n".to_vec(),
        b"PROXY UNKNOWN\r\n".to_vec(),
        binary(0x21, 0x11, &v4_block()),
        binary(0x21, 0x21, &[&v6_block()[..], &[1, 0, 1, 7]].concat()),
        binary(0x20, 0x00, &[]),
    ] {
        for cut in 0..whole.len() {
            assert_eq!(decode(&whole[..cut]), Ok(Step::Incomplete), "cut at {cut}");
        }
        assert!(matches!(decode(&whole), Ok(Step::Header { taken, .. }) if taken == whole.len()));
    }
}
