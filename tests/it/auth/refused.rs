//! Tokens that are refused although they are right: revoked, too old, used too often.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use corecast::auth::{ApiKeys, Auth, Denial, Key, Places, RevokeError, Rules, Verifier, create};
use corecast::{Config, Listener, Rate, Relay, Server};
use rustls::ClientConfig;

use crate::support::http::{Answer, read_head, upgrade_request};
use crate::support::length_prefix::LengthPrefix;
use crate::support::server::{ANY, Running};
use crate::support::socket::dial;
use crate::support::tls::{Authority, EACH, Tls, shake};
use crate::support::wait::wait_until;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const MANY: usize = 100;

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn token(user: &str, issued: u64, id: &str) -> String {
    let claims = format!(r#"{{"sub":"{user}","iat":{issued},"jti":"{id}"}}"#);
    create(SECRET, &claims).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new(vec![Key::hmac(SECRET).unwrap()])
}

/// A server with a plain and a TLS listener for each kind of client.
struct Scene {
    server: Running,
    tls: Arc<ClientConfig>,
}

impl Scene {
    fn new(verifier: Verifier, config: Config) -> Self {
        let authority = Authority::new("refused");
        authority.sign("host", "host", &["localhost"]);
        let tls = authority.settings("host");
        let tcp = || Listener::tcp(ANY, "room").credential(true);
        let auth = Auth {
            verifier,
            api_keys: ApiKeys::default(),
            rules: Rules::parse(["users all #"]).unwrap(),
            anonymous: false,
            insecure: false,
        };
        let builder = Server::builder()
            .shards(2)
            .pin(false)
            .listen(Listener::http(ANY))
            .listen(Listener::http(ANY).tls(tls.clone()))
            .listen(tcp())
            .listen(tcp().tls(tls))
            .config(config)
            .auth(auth, Places::default());
        Self {
            server: Running::with(builder, |_| Relay::default()),
            tls: Arc::new(authority.trusting(EACH[0], None)),
        }
    }

    fn shake(&self, stream: TcpStream) -> Tls {
        shake(stream, &self.tls, "localhost").unwrap()
    }

    /// What each kind of client is answered.
    fn each(&self, token: &str) -> [u16; 6] {
        let [http, https] = self.server.http_addrs().try_into().unwrap();
        let [tcp, tls] = self.server.tcp_addrs().try_into().unwrap();
        let ws = upgrade_request("/ws/room");
        let sse = "GET /sse/room HTTP/1.1\r\nHost: test\r\n\r\n";
        [
            ask(&mut dial(http), &ws, token).status,
            ask(&mut dial(http), sse, token).status,
            ask(&mut self.shake(dial(https)), &ws, token).status,
            ask(&mut self.shake(dial(https)), sse, token).status,
            greeted(LengthPrefix::over(dial(tcp)), token),
            greeted(LengthPrefix::over(self.shake(dial(tls))), token),
        ]
    }

    fn denied(&self, denial: Denial) -> u64 {
        self.server.counters().denied[denial.index()]
    }
}

fn ask(stream: &mut (impl Read + Write), request: &str, token: &str) -> Answer {
    let field = format!("\r\nAuthorization: Bearer {token}\r\n\r\n");
    let request = request.replace("\r\n\r\n", &field);
    stream.write_all(request.as_bytes()).unwrap();
    read_head(stream)
}

/// 101 for a device that is greeted, and 0 for one that is closed.
fn greeted(mut device: LengthPrefix<impl Read + Write>, token: &str) -> u16 {
    device.send(token.as_bytes());
    match device.next_or_end() {
        Some(greeting) if greeting.is_empty() => 101,
        Some(other) => panic!("{other:?}"),
        None => 0,
    }
}

const OPEN: [u16; 6] = [101, 200, 101, 200, 101, 101];
const REFUSED: [u16; 6] = [401, 401, 401, 401, 0, 0];

#[test]
fn a_revoked_token_opens_nothing_on_any_listener() {
    let scene = Scene::new(verifier(), Config::default());
    let (old, new) = (token("ann", now() - 10, "1"), token("ann", now(), "2"));
    let other = token("bob", now() - 10, "3");
    assert_eq!(scene.each(&old), OPEN);
    let handle = scene.server.handle();
    handle.revoke_user("ann", now() - 5).unwrap();
    assert_eq!(scene.each(&old), REFUSED);
    assert_eq!(scene.each(&new), OPEN);
    assert_eq!(scene.each(&other), OPEN);
    handle.revoke_token("2", now() + 1000).unwrap();
    assert_eq!(scene.each(&new), REFUSED);
    assert_eq!(scene.each(&other), OPEN);
    wait_until("counted", || scene.denied(Denial::Revoked) == 12);
}

#[test]
fn a_token_is_refused_at_its_maximum_age() {
    let strict = verifier().token_age_max(Some(Duration::from_secs(100)));
    let scene = Scene::new(strict.leeway(Duration::ZERO), Config::default());
    assert_eq!(scene.each(&token("ann", now(), "1")), OPEN);
    assert_eq!(scene.each(&token("ann", now() - 100, "1")), REFUSED);
    wait_until("counted", || scene.denied(Denial::Expired) == 6);
}

#[test]
fn a_server_without_identity_revokes_nothing() {
    let builder = Server::builder().shards(1).pin(false).http(ANY);
    let server = Running::with(builder, |_| Relay::default());
    let revoked = server.handle().revoke_user("ann", now());
    assert_eq!(revoked, Err(RevokeError::NoIdentity));
}

#[test]
fn a_user_that_opens_too_often_is_refused_wherever_it_connects() {
    let two = NonZeroU32::new(2).unwrap();
    let config = Config {
        open_rate_per_user: Rate::per_second(1).map(|rate| Rate { burst: two, ..rate }),
        ..Config::default()
    };
    let scene = Scene::new(verifier(), config);
    let [ann, bob] = ["ann", "bob"].map(|user| token(user, now(), "1"));
    let refused = |place: usize, status: u16| {
        let mut answers = (0..MANY).map(|_| scene.each(&ann)[place]);
        assert!(answers.any(|answer| answer == status), "{place}");
    };
    for (place, status) in [429, 429, 429, 429, 0, 0].into_iter().enumerate() {
        refused(place, status);
    }
    // Another user has a rate of its own, from the same address.
    let http = scene.server.http_addrs()[0];
    let sse = "GET /sse/room HTTP/1.1\r\nHost: test\r\n\r\n";
    assert_eq!(ask(&mut dial(http), sse, &bob).status, 200);
    // Requests that open nothing do not count.
    let head = sse.replace("GET", "HEAD");
    assert_eq!(ask(&mut dial(http), &head, &ann).status, 200);
    let answer = (0..MANY).map(|_| ask(&mut dial(http), sse, &ann));
    let answer = answer
        .into_iter()
        .find(|answer| answer.status == 429)
        .unwrap();
    let secs: u64 = answer.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&secs), "{secs}");
    wait_until("counted", || 6 <= scene.denied(Denial::Throttled));
}
