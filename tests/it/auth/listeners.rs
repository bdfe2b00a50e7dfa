//! Listeners without HTTP: anonymous clients, and those with a certificate.

use std::io::{Read, Write};
use std::sync::Arc;

use corecast::auth::{ApiKeys, Auth, Denial, Key, Places, Rules, Verifier, create};
use corecast::tls::ClientAuth;
use corecast::{CloseReason, Framing, Listener, Relay, Role, Server, ServerBuilder};

use crate::support::length_prefix::{LengthPrefix, frame};
use crate::support::server::{ANY, Running};
use crate::support::socket::{dial, read_to_the_end};
use crate::support::tls::{Authority, EACH, shake};
use crate::support::wait::wait_until;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn auth(anonymous: bool, rules: &[&str]) -> Auth {
    Auth {
        verifier: Verifier::new(vec![Key::hmac(SECRET).unwrap()]),
        api_keys: ApiKeys::default(),
        rules: Rules::parse(rules).unwrap(),
        anonymous,
        insecure: false,
    }
}

/// A server of the program's application that asks for identity.
fn serve(builder: ServerBuilder, auth: Auth) -> Running {
    let builder = builder.auth(auth, Places::default());
    Running::with(builder, |_| Relay::default())
}

/// Whether a client of a TCP listener is greeted, which a subscriber is, or not closed.
fn opens(framing: Framing, role: Role, anonymous: bool, rules: &[&str]) -> bool {
    let listener = Listener::tcp(ANY, "room").framing(framing).role(role);
    let builder = Server::builder().shards(1).pin(false).listen(listener);
    let server = serve(builder, auth(anonymous, rules));
    let mut stream = dial(server.tcp());
    let mut first = [0; 1];
    if role != Role::Publish {
        return stream.read(&mut first).unwrap() == 1;
    }
    let mut is_open = None;
    wait_until("it is open or refused", || {
        let counters = server.counters();
        let denied: u64 = counters.denied.iter().sum();
        is_open = (counters.opened + denied != 0).then_some(denied == 0);
        is_open.is_some()
    });
    is_open.unwrap()
}

#[test]
fn tcp_clients_are_anonymous_and_may_do_what_rules_for_them_allow() {
    for framing in [Framing::LengthPrefix, Framing::Varint, Framing::Line] {
        for (role, anonymous, rules, expected) in [
            (Role::Both, false, &["anyone all #"][..], false),
            (Role::Both, true, &["anyone all #"], true),
            (Role::Both, true, &["users all #"], false),
            (Role::Subscribe, true, &["anonymous subscribe room"], true),
            (Role::Subscribe, true, &["anonymous publish room"], false),
            (Role::Publish, true, &["anonymous publish room"], true),
            (Role::Publish, true, &["anonymous subscribe room"], false),
        ] {
            let opened = opens(framing, role, anonymous, rules);
            assert_eq!(
                opened, expected,
                "{framing:?} {role:?} {anonymous} {rules:?}"
            );
        }
    }
}

#[test]
fn a_refused_tcp_client_is_closed_and_counted() {
    let builder = Server::builder().shards(1).pin(false).tcp(ANY, "room");
    let server = serve(builder, auth(false, &[]));
    let mut stream = dial(server.tcp());
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the end");
    wait_until("it is counted", || {
        let counters = server.counters();
        let refused = CloseReason::Refused(401).index();
        counters.denied[Denial::Missing.index()] == 1 && counters.closed[refused] == 1
    });
}

#[test]
fn a_certificate_is_an_identity_with_rules_of_its_own() {
    let authority = Authority::new("authority");
    authority.sign("host", "host", &["localhost"]);
    authority.sign("device", "device-7", &[]);
    authority.sign("other", "device-8", &[]);
    let authorities = authority.path("ca.pem");
    let shown = ClientAuth::Optional { authorities };
    let tls = authority.settings("host").client_auth(shown);
    let listener = Listener::tcp(ANY, "up/device-7").tls(tls);
    let builder = Server::builder().shards(1).pin(false).listen(listener);
    let server = serve(
        builder,
        auth(false, &["certificates subscribe+publish up/{certificate}"]),
    );
    for (file, expected) in [
        (Some("device"), true),
        (Some("other"), false),
        (None, false),
    ] {
        let config = Arc::new(authority.trusting(EACH[0], file));
        let tls = shake(dial(server.tcp()), &config, "localhost").unwrap();
        let mut device = LengthPrefix::over(tls);
        if expected {
            assert_eq!(device.next(), b"", "the greeting");
            device.send(b"17");
            assert_eq!(device.next(), b"17");
        } else {
            assert_eq!(device.next_or_end(), None, "{file:?}");
        }
    }
    let counters = server.counters();
    assert_eq!(counters.denied[Denial::Forbidden.index()], 1);
    assert_eq!(counters.denied[Denial::Missing.index()], 1);
}

/// A token in the first frame, with every outcome: a greeting, or the end of the connection.
#[test]
fn a_listener_that_asks_takes_the_first_frame_as_a_token() {
    let now = corecast::sys::time_of_day::since_1970().as_secs();
    let of = |claims: String| create(SECRET, &claims).unwrap();
    let good = of(format!(r#"{{"sub":"ann","exp":{}}}"#, now + 600));
    let outcomes = [
        (good.clone(), None),
        (format!("{good}x"), Some(Denial::Signature)),
        ("nonsense".to_owned(), Some(Denial::Malformed)),
        ("\u{fc}".to_owned(), Some(Denial::Malformed)),
        (
            create(b"another secret of 32 bytes......", "{}").unwrap(),
            Some(Denial::Signature),
        ),
        (
            of(r#"{"sub":"ann","exp":1}"#.to_owned()),
            Some(Denial::Expired),
        ),
        (
            of(format!(r#"{{"sub":"ann","nbf":{}}}"#, now + 600)),
            Some(Denial::NotYetValid),
        ),
        (
            of(r#"{"exp":9000000000}"#.to_owned()),
            Some(Denial::Missing),
        ),
        (of(r#"{"sub":"bob"}"#.to_owned()), Some(Denial::Forbidden)),
    ];
    let listeners = Kind::ALL.map(|kind| {
        let listener = Listener::tcp(ANY, "room").framing(kind.framing());
        listener.credential(true)
    });
    let builder = Server::builder().shards(1).pin(false);
    let builder = listeners.into_iter().fold(builder, ServerBuilder::listen);
    let server = serve(builder, auth(false, &["user:ann subscribe+publish room"]));
    for (at, kind) in Kind::ALL.into_iter().enumerate() {
        for (token, denial) in &outcomes {
            let before = server.counters();
            let mut stream = dial(server.tcp_addrs()[at]);
            // Its first message comes right behind the token.
            let frames = [kind.frame(token.as_bytes()), kind.frame(b"hello")].concat();
            stream.write_all(&frames).unwrap();
            let Some(denial) = denial else {
                let expected = [kind.framing().empty(), &kind.frame(b"hello")].concat();
                let mut answer = vec![0; expected.len()];
                stream.read_exact(&mut answer).unwrap();
                assert_eq!(answer, expected, "{kind:?}");
                continue;
            };
            assert_eq!(read_to_the_end(&mut stream), b"", "{kind:?} {token}");
            let count = before.denied[denial.index()] + 1;
            wait_until("it is counted", || {
                server.counters().denied[denial.index()] == count
            });
        }
    }
}

/// The framings, with how a client writes a short frame.
#[derive(Clone, Copy, Debug)]
enum Kind {
    LengthPrefix,
    Varint,
    Line,
}

impl Kind {
    const ALL: [Self; 3] = [Self::LengthPrefix, Self::Varint, Self::Line];

    fn framing(self) -> Framing {
        match self {
            Self::LengthPrefix => Framing::LengthPrefix,
            Self::Varint => Framing::Varint,
            Self::Line => Framing::Line,
        }
    }

    fn frame(self, payload: &[u8]) -> Vec<u8> {
        let len = payload.len();
        let low = u8::try_from(len % 128).unwrap();
        let high = u8::try_from(len / 128).unwrap();
        match self {
            Self::LengthPrefix => frame(payload),
            Self::Varint if high == 0 => [&[low], payload].concat(),
            Self::Varint => [&[low | 0x80, high], payload].concat(),
            Self::Line => [payload, b"\n"].concat(),
        }
    }
}
