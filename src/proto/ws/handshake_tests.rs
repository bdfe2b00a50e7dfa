use super::{check_upgrade, encode_switching_protocols};
use crate::proto::http::{Head, HeadLimits, HttpError, NO_HEADERS, parse_head};

/// RFC 6455 1.3: the example request, one field per line.
const GOOD: &str = "GET /chat HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://example.com\r\n\
    Sec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// Checks a request; returns the protocols on offer and the answer that takes the first.
fn upgrade(request: &str) -> Result<(Vec<String>, String), HttpError> {
    let mut headers = NO_HEADERS;
    let Head::Complete { request, .. } =
        parse_head(request.as_bytes(), &mut headers, HeadLimits::default())?
    else {
        panic!("incomplete: {request}");
    };
    let upgrade = check_upgrade(&request)?;
    let protocols: Vec<String> = upgrade.protocols().map(str::to_owned).collect();
    let mut out = Vec::new();
    encode_switching_protocols(&mut out, &upgrade, upgrade.protocols().next(), None);
    Ok((protocols, String::from_utf8(out).unwrap()))
}

/// Checks the good request with `old` replaced by `new`.
fn check(old: &str, new: &str, expected: Result<(), HttpError>) {
    assert!(GOOD.contains(old), "{old}");
    let request = GOOD.replacen(old, new, 1);
    assert_eq!(upgrade(&request).map(|_| ()), expected, "{request}");
}

#[test]
fn the_example_of_the_rfc_is_answered_as_there() {
    let (protocols, answer) = upgrade(GOOD).unwrap();
    assert_eq!(protocols, ["chat", "superchat"]);
    let expected = "HTTP/1.1 101 Switching Protocols\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: chat\r\n\r\n";
    assert_eq!(answer, expected);
}

#[test]
fn without_an_offer_no_protocol_is_named() {
    let request = GOOD.replace("Sec-WebSocket-Protocol: chat, superchat\r\n", "");
    let (protocols, answer) = upgrade(&request).unwrap();
    assert!(protocols.is_empty());
    assert!(answer.ends_with("+xOo=\r\n\r\n"), "{answer}");
}

#[test]
fn what_may_vary_may_vary() {
    check("Upgrade: websocket", "upgrade: h2c, WebSocket", Ok(()));
    check(
        "Connection: Upgrade",
        "Connection: keep-alive, upgrade",
        Ok(()),
    );
    check(
        "Connection: Upgrade",
        "Connection: keep-alive\r\nConnection: upgrade",
        Ok(()),
    );
    check("Host:", "Content-Length: 0\r\nHost:", Ok(()));
    check(
        "dGhlIHNhbXBsZSBub25jZQ==",
        "+/AZaz09+/AZaz09+/AZaz==",
        Ok(()),
    );
    check("Origin: http://example.com\r\n", "", Ok(()));
}

#[test]
fn offers_in_several_fields_are_one_list() {
    let two = "Sec-WebSocket-Protocol: ,chat,\tsuper.chat ,\r\nsec-websocket-protocol: v1";
    let request = GOOD.replace("Sec-WebSocket-Protocol: chat, superchat", two);
    assert_eq!(upgrade(&request).unwrap().0, ["chat", "super.chat", "v1"]);
}

#[test]
fn each_way_to_get_it_wrong_has_its_own_error() {
    check("GET", "POST", Err(HttpError::UpgradeMethod));
    check("HTTP/1.1", "HTTP/1.0", Err(HttpError::UpgradeVersion));
    check(
        "Host: server.example.com\r\n",
        "",
        Err(HttpError::HostMissing),
    );
    check("Host:", "Host: b\r\nHost:", Err(HttpError::HostRepeated));
    check("Upgrade: websocket\r\n", "", Err(HttpError::UpgradeMissing));
    check(
        "Upgrade: websocket",
        "Upgrade: h2c",
        Err(HttpError::UpgradeMissing),
    );
    check(
        "Connection: Upgrade\r\n",
        "",
        Err(HttpError::ConnectionNotUpgrade),
    );
    check(
        "Connection: Upgrade",
        "Connection: close",
        Err(HttpError::ConnectionNotUpgrade),
    );
    check(
        "Sec-WebSocket-Version: 13\r\n",
        "",
        Err(HttpError::WebSocketVersion),
    );
    for bad in [
        "8",
        "13, 8",
        "1 3",
        "013",
        "13\r\nSec-WebSocket-Version: 13",
    ] {
        check(
            "13\r\n",
            &format!("{bad}\r\n"),
            Err(HttpError::WebSocketVersion),
        );
    }
    check("Sec-WebSocket-Key", "X-Key", Err(HttpError::KeyMissing));
    check(
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Key: a\r\nSec-WebSocket-Key",
        Err(HttpError::KeyRepeated),
    );
    for bad in [
        "",
        "short",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZ!==",
        "dGhlIHNhbXBsZSBub25jZQAA",
    ] {
        check("dGhlIHNhbXBsZSBub25jZQ==", bad, Err(HttpError::KeyInvalid));
    }
}

#[test]
fn a_body_or_a_malformed_offer_is_refused() {
    check(
        "Host:",
        "Content-Length: 5\r\nHost:",
        Err(HttpError::UpgradeBody),
    );
    check(
        "Host:",
        "Transfer-Encoding: chunked\r\nHost:",
        Err(HttpError::UpgradeBody),
    );
    check(
        "chat, superchat",
        "chat, super chat",
        Err(HttpError::SubprotocolInvalid),
    );
    check(
        "chat, superchat",
        "\"chat\"",
        Err(HttpError::SubprotocolInvalid),
    );
    for field in [";", "a b", "permessage-deflate; =1", "a; b=\"c"] {
        check(
            "Host:",
            &format!("Sec-WebSocket-Extensions: {field}\r\nHost:"),
            Err(HttpError::ExtensionInvalid),
        );
    }
}

#[test]
fn what_is_granted_of_the_extensions_is_said() {
    let answer = |fields: &str| {
        let request = GOOD.replacen("Host:", &format!("{fields}Host:"), 1);
        let mut headers = NO_HEADERS;
        let Ok(Head::Complete { request, .. }) =
            parse_head(request.as_bytes(), &mut headers, HeadLimits::default())
        else {
            panic!("not understood: {request}");
        };
        let upgrade = check_upgrade(&request).unwrap();
        let mut out = Vec::new();
        encode_switching_protocols(&mut out, &upgrade, None, upgrade.deflate());
        let text = String::from_utf8(out).unwrap();
        let field = text.split_once("Sec-WebSocket-Extensions: ");
        field.map(|(_, rest)| rest.strip_suffix("\r\n\r\n").unwrap().to_owned())
    };
    assert_eq!(answer(""), None);
    assert_eq!(answer("Sec-WebSocket-Extensions: other\r\n"), None);
    let expected = "permessage-deflate; server_max_window_bits=10";
    let fields = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8\r\n\
        sec-websocket-extensions: permessage-deflate; server_max_window_bits=10\r\n";
    assert_eq!(answer(fields).as_deref(), Some(expected));
}

#[test]
fn every_error_has_a_label_and_says_something_of_its_own() {
    let mut seen = Vec::new();
    for err in [
        HttpError::UpgradeMethod,
        HttpError::UpgradeVersion,
        HttpError::UpgradeMissing,
        HttpError::ConnectionNotUpgrade,
        HttpError::WebSocketVersion,
        HttpError::KeyMissing,
        HttpError::KeyRepeated,
        HttpError::KeyInvalid,
        HttpError::UpgradeBody,
        HttpError::SubprotocolInvalid,
        HttpError::ExtensionInvalid,
    ] {
        assert!(
            !seen.contains(&err.message()) && !seen.contains(&err.label()),
            "{err:?}"
        );
        seen.extend([err.message(), err.label()]);
    }
}
