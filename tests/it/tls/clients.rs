//! Client certificates and tickets.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::sync::Arc;

use corecast::tls::ClientAuth;
use corecast::{
    Cx, Halt, Handler, Kind, Listener, Message, Opening, Refusal, Request, Response, Server,
};
use rustls::client::Resumption;
use rustls::{ClientConfig, HandshakeKind};

use crate::support::http::read_answer;
use crate::support::length_prefix::LengthPrefix;
use crate::support::raw_ws::RawWs;
use crate::support::server::{ANY, Running};
use crate::support::socket::dial;
use crate::support::tls::{Authority, EACH, shake};
use crate::support::wait::{in_a_while, now};

/// Tells each client its identity and its shard.
struct Doorman;

fn greeting(cx: &Cx<'_, ()>) -> String {
    let name = cx.identity().unwrap_or("nobody");
    format!("{name} on {}", cx.shard())
}

impl Handler for Doorman {
    type Conn = ();
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, ()>, _opening: &Opening<'_>) -> Result<(), Refusal> {
        let greeting = greeting(cx);
        cx.reply(Kind::Binary, greeting.as_bytes())?;
        Ok(())
    }

    fn on_request(
        &mut self,
        cx: &mut Cx<'_, ()>,
        _request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        Ok(Response::text(200, &greeting(cx)))
    }

    fn on_message(&mut self, cx: &mut Cx<'_, ()>, _message: Message<'_>) -> Result<(), Halt> {
        assert_eq!(cx.identity(), None, "it is not kept");
        cx.reply(Kind::Binary, b"no name is kept")?;
        Ok(())
    }
}

struct Scene {
    server: Running,
    authority: Authority,
}

impl Scene {
    fn new(shards: usize, auth: impl FnOnce(&Authority) -> ClientAuth) -> Self {
        let authority = Authority::new("authority");
        authority.sign("host", "host", &["localhost"]);
        authority.sign("device", "device-7", &[]);
        let tls = authority.settings("host").client_auth(auth(&authority));
        let builder = Server::builder()
            .shards(shards)
            .pin(false)
            .listen(Listener::http(ANY).tls(tls.clone()))
            .listen(Listener::tcp(ANY, "lobby").tls(tls));
        let server = Running::with(builder, |_| Doorman);
        Self { server, authority }
    }

    /// What a page tells, and whether a ticket let the client in.
    fn ask(&self, config: &Arc<ClientConfig>) -> (String, bool) {
        let mut tls = shake(dial(self.server.http()), config, "localhost").unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        tls.write_all(request).unwrap();
        let mut all = Vec::new();
        tls.read_to_end(&mut all).unwrap();
        let resumed = tls.conn.handshake_kind() == Some(HandshakeKind::Resumed);
        (read_answer(&mut &all[..]).body.trim().to_owned(), resumed)
    }

    fn returning(&self, versions: usize, file: Option<&str>) -> Arc<ClientConfig> {
        let mut config = self.authority.trusting(EACH[versions], file);
        config.resumption = Resumption::in_memory_sessions(8);
        Arc::new(config)
    }
}

fn required(authority: &Authority) -> ClientAuth {
    let authorities = authority.path("ca.pem");
    ClientAuth::Required { authorities }
}

fn optional(authority: &Authority) -> ClientAuth {
    let authorities = authority.path("ca.pem");
    ClientAuth::Optional { authorities }
}

#[test]
fn the_handler_gets_the_subject_of_a_client_certificate() {
    let scene = Scene::new(1, optional);
    for (file, name) in [(Some("device"), "CN=device-7 on 0"), (None, "nobody on 0")] {
        let config = Arc::new(scene.authority.trusting(EACH[0], file));
        assert_eq!(scene.ask(&config).0, name);
        let tls = shake(dial(scene.server.http()), &config, "localhost").unwrap();
        let mut ws = RawWs::over(tls, "/");
        assert_eq!(ws.next().1, name.as_bytes());
        let tls = shake(dial(scene.server.tcp()), &config, "localhost").unwrap();
        let mut device = LengthPrefix::greeted(tls);
        assert_eq!(device.next(), name.as_bytes());
        device.send(b"and now?");
        assert_eq!(device.next(), b"no name is kept");
    }
}

#[test]
fn a_connection_without_a_required_certificate_is_refused() {
    let scene = Scene::new(1, required);
    for versions in EACH {
        let config = Arc::new(scene.authority.trusting(versions, None));
        let shaken = shake(dial(scene.server.http()), &config, "localhost");
        // A client of TLS 1.3 has sent all of its own before it hears of it.
        let told = shaken.and_then(|mut tls| tls.read(&mut [0]));
        let told = told.expect_err("not let in").to_string();
        assert!(
            told.contains("CertificateRequired") || told.contains("HandshakeFailure"),
            "{told}"
        );
    }
}

#[test]
fn a_ticket_is_good_on_every_shard() {
    let scene = Scene::new(2, |_| ClientAuth::None);
    for versions in 0..EACH.len() {
        let config = scene.returning(versions, None);
        assert!(!scene.ask(&config).1);
        let mut shards = HashSet::new();
        let deadline = in_a_while();
        while shards.len() < 2 {
            assert!(now() < deadline, "all on one shard");
            let (told, resumed) = scene.ask(&config);
            assert!(resumed, "{told}");
            shards.insert(told);
        }
    }
    let counters = scene.server.counters();
    assert_eq!(counters.tls_resumptions + 2, counters.tls_handshakes);
}

#[test]
fn a_ticket_carries_the_name() {
    let scene = Scene::new(1, required);
    for versions in 0..EACH.len() {
        let config = scene.returning(versions, Some("device"));
        assert_eq!(scene.ask(&config), ("CN=device-7 on 0".to_owned(), false));
        assert_eq!(scene.ask(&config), ("CN=device-7 on 0".to_owned(), true));
    }
}

#[test]
fn a_ticket_of_one_listener_opens_no_other() {
    let open = Scene::new(1, |_| ClientAuth::None);
    let authority = &open.authority;
    let tls = authority.settings("host").client_auth(required(authority));
    let plain = authority.settings("host");
    let builder = Server::builder()
        .shards(1)
        .pin(false)
        .listen(Listener::http(ANY).tls(plain))
        .listen(Listener::http(ANY).tls(tls));
    let server = Running::with(builder, |_| Doorman);
    let config = open.returning(0, None);
    for addr in [server.http_addrs()[0], server.http_addrs()[1]] {
        let asked = shake(dial(addr), &config, "localhost").and_then(|mut tls| {
            tls.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut all = Vec::new();
            tls.read_to_end(&mut all)
        });
        assert_eq!(asked.is_ok(), addr == server.http_addrs()[0], "{asked:?}");
    }
}
