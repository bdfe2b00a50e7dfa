use std::time::Duration;

use super::{BuildError, ClientBuilder, Compression};

fn builder() -> ClientBuilder {
    ClientBuilder::new("ws://127.0.0.1:1/").unwrap()
}

#[test]
fn what_could_forge_a_request_is_refused() {
    for (name, value) in [
        ("", "x"),
        ("a b", "x"),
        ("X", "a\r\nY: b"),
        ("X", "a\nb"),
        ("X", "a\0"),
        ("X", "é"),
        ("Host", "x"),
        ("UPGRADE", "x"),
        ("Sec-WebSocket-Key", "x"),
    ] {
        let built = builder().header(name, value).connect();
        assert!(
            matches!(built, Err(BuildError::Header { .. })),
            "{name}: {value}"
        );
    }
    assert!(
        builder()
            .header("Authorization", "Bearer x y")
            .connect()
            .is_ok()
    );
    for name in ["", "a b", "a,b", "é"] {
        let built = builder().protocol(name).connect();
        assert!(matches!(built, Err(BuildError::Protocol { .. })), "{name}");
    }
    let twice = builder().protocol("a").protocol("a").connect();
    assert!(matches!(twice, Err(BuildError::Protocol { .. })));
}

#[test]
fn a_token_is_checked_and_not_shown() {
    for wrong in ["", "a b", "a\r\nX: y", "é", "a,b"] {
        let built = builder().token(wrong).connect();
        assert!(matches!(built, Err(BuildError::Token(_))), "{wrong}");
    }
    let two = builder().header("AUTHORIZATION", "x").token("a.b-c_d==");
    assert!(matches!(two.connect(), Err(BuildError::Token(_))));
    let fixed = builder().token("sesame.1").header("X-API-Key", "sesame");
    let made = builder().token_with(|| Ok::<_, BuildError>("sesame".to_owned()));
    for builder in [fixed, made] {
        let shown = format!("{builder:?} {:?}", builder.clone().connect().unwrap());
        assert!(!shown.contains("sesame"), "{shown}");
    }
}

#[test]
fn settings_have_ranges() {
    let refused = |builder: ClientBuilder| {
        assert!(matches!(builder.connect(), Err(BuildError::Setting(_))));
    };
    refused(builder().message_bytes_max(0));
    refused(builder().message_bytes_max(usize::MAX));
    refused(builder().connect_timeout(Duration::ZERO));
    refused(builder().keepalive(Duration::ZERO, Duration::MAX));
    refused(builder().idle_timeout(Duration::ZERO));
    for level in [0, 10] {
        let threshold = 0;
        refused(builder().compression(Compression { level, threshold }));
    }
    refused(builder().backoff(Duration::ZERO, Duration::MAX));
    let longest = builder()
        .keepalive(Duration::MAX, Duration::MAX)
        .connect_timeout(Duration::MAX)
        .idle_timeout(Duration::MAX)
        .backoff(Duration::MAX, Duration::MAX);
    assert!(longest.connect().is_ok());
}
