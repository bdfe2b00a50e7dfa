//! Targets that are read and told, and hosts that are refused.

use super::*;

#[test]
fn targets_are_read_with_their_topic_and_told_as_they_were() {
    for (url, told, publishing) in [
        (
            "ws://127.0.0.1:80/ws/{topic}",
            "ws://127.0.0.1:80/ws/t",
            "/ws/t",
        ),
        (
            "ws://localhost:80/sub/a",
            "ws://127.0.0.1:80/sub/a",
            "/pub/a",
        ),
        (
            "wss://127.0.0.1:80/sub/a",
            "wss://127.0.0.1:80/sub/a",
            "/pub/a",
        ),
        ("ws://[::1]:80/sub/a", "ws://[::1]:80/sub/a", "/pub/a"),
        ("tcp://127.0.0.1:80", "tcp://127.0.0.1:80", "/"),
        (
            "ws://127.0.0.1:80/connection/websocket?format=protobuf#a:{topic}",
            "ws://127.0.0.1:80/connection/websocket?format=protobuf#a:t",
            "/pub/a:t",
        ),
        (
            "ws://127.0.0.1:80/connection/websocket#a ?ü{number}",
            "ws://127.0.0.1:80/connection/websocket#a ?ü{number}",
            "/pub/a%20%3F%C3%BC{number}",
        ),
        ("tcps://127.0.0.1:80", "tcps://127.0.0.1:80", "/"),
    ] {
        let target = Target::parse(url, "t").unwrap();
        assert_eq!(target.to_string(), told);
        let has_tls = url.starts_with("wss") || url.starts_with("tcps");
        assert_eq!(target.tls, has_tls, "{url}");
        let publisher = target.for_publishing();
        assert_eq!(
            (publisher.path.as_str(), publisher.tls),
            (publishing, target.tls)
        );
    }
}

#[test]
fn other_hosts_and_malformed_targets_are_refused() {
    for url in [
        "ws://10.0.0.1:80/",
        "ws://example.org:80/",
        "tcp://[::2]:80",
        "tcp://::1:80",
        "ws://[127.0.0.1]:80/",
        "tcp://0.0.0.0:1",
        "http://127.0.0.1:80/",
        "ws://127.0.0.1/",
        "ws://127.0.0.1:x/",
        "ws://127.0.0.1:1/a b",
        "tcp://127.0.0.1:1/topic",
        "ws://127.0.0.1:1/connection/websocket",
        "ws://127.0.0.1:1/sub/a#b",
    ] {
        assert!(Target::parse(url, "").is_err(), "{url}");
    }
    for topic in ["a HTTP/1.1\r\nX: y", "a b", "\u{fc}"] {
        let read = |url: &str| Target::parse(url, topic);
        assert!(read("ws://127.0.0.1:1/sub/{topic}").is_err(), "{topic}");
        let structured = read("ws://127.0.0.1:1/connection/websocket#{topic}").unwrap();
        let path = structured.for_publishing().path;
        assert!(path.bytes().all(|byte| byte.is_ascii_graphic()), "{path}");
    }
}

#[test]
fn a_host_is_loaded_only_if_it_is_named_exactly() {
    let named = ["10.1.2.3", "2001:db8::1", "localhost.localdomain"].map(String::from);
    let read = |url: &str| Target::read(url, "", Permit(&named));
    for (url, authority) in [
        ("tcp://10.1.2.3:80", "10.1.2.3:80"),
        ("ws://[2001:db8::1]:80/", "[2001:db8::1]:80"),
        ("ws://127.0.0.9:80/", "127.0.0.9:80"),
    ] {
        assert_eq!(read(url).unwrap().authority(), authority);
    }
    assert!(read("tcp://10.1.2.3:80").unwrap().is_remote());
    for url in [
        "tcp://10.1.2.4:80",
        "ws://example.org:1/",
        "tcp://0.0.0.0:1",
    ] {
        assert!(read(url).is_err(), "{url}");
    }
    let refused = read("ws://example.org:1/").unwrap_err();
    assert!(refused.contains("--i-may-load example.org") && refused.contains("an attack"));
}
