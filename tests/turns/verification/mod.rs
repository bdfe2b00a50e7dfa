//! Clients are identified within a share of the turn, in their order, and once each.

mod claims;
mod denials;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use corecast::auth::{Action, ApiKeys, Auth, Denial, Key, Places, Rules, Verifier, create};
use corecast::limits::{WORK_OF_P256, WORK_OF_TOKEN, WORK_PER_SHARE};
use corecast::proto::Frames;
use corecast::proto::http::Date;
use corecast::{
    Config, ConnId, Cx, Deferred, Halt, Handler, Limit, Message, Opening, Refusal, Relay, Request,
    Response,
};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};

use crate::frame;
use crate::shard::Shard;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW: u64 = 1_900_000_000;
const CLIENTS: usize = 60;

fn auth(key: Key) -> Auth {
    Auth {
        verifier: Verifier::new(vec![key]),
        api_keys: ApiKeys::default(),
        rules: Rules::parse(["anyone all #"]).unwrap(),
        anonymous: true,
        insecure: false,
    }
}

fn p256() -> Key {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    Key::pem(pair.public_key_pem().as_bytes()).unwrap()
}

/// A request with a token whose signature is wrong.
fn forged() -> String {
    // {"alg":"ES256"} and {"sub":"ann"}.
    let token = format!("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.{}", "A".repeat(86));
    format!("GET /sse/room HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n")
}

fn checked<C>(shard: &mut Shard<C>) -> u64 {
    shard.counters().denied[Denial::Signature.index()]
}

#[test]
fn tokens_beyond_the_time_of_a_turn_are_checked_in_the_next_turns_in_their_order() {
    let mut shard = Shard::of(Config::default(), Relay::default());
    shard.core.set_auth(auth(p256()), Places::default());
    let steady = shard.upgrade("/ws/steady", "");
    let clients: Vec<ConnId> = (0..CLIENTS).map(|_| shard.connect()).collect();
    shard.rest();
    let share = WORK_PER_SHARE.unsigned_abs();
    shard.core.limit_work(share, share);
    let per_turn = share.div_ceil(WORK_OF_TOKEN + WORK_OF_P256) as u64;
    for client in &clients {
        shard.read(*client, forged());
    }
    assert_eq!(checked(&mut shard), per_turn, "of those that were read");
    let waiting = CLIENTS as u64 - per_turn;
    let waited = shard.counters().limited[Limit::VerifyTime.index()];
    assert_eq!(
        waited, waiting,
        "each is offered once more, and not before its turn"
    );
    // There is time for others in the same turn.
    shard.read(steady, frame(0x81, b"hello"));
    shard.turn();
    assert_eq!(shard.take(steady), b"\x81\x05hello");
    let mut answered = 0;
    while answered < CLIENTS {
        let before = checked(&mut shard);
        // One that comes now goes behind those that wait.
        if answered == 0 {
            let late = shard.connect();
            shard.read(late, forged());
            assert_eq!(checked(&mut shard), before);
        }
        shard.turn();
        assert!(checked(&mut shard) - before <= per_turn);
        let has_answer = clients.iter().map(|client| !shard.take(*client).is_empty());
        let has_answer: Vec<bool> = has_answer.collect();
        answered += has_answer.iter().filter(|is| **is).count();
        let last = has_answer.iter().rposition(|is| *is);
        assert!(last.is_none_or(|last| last < answered), "in their order");
    }
    shard.rest();
    assert_eq!(checked(&mut shard), CLIENTS as u64 + 1);
    assert_eq!(shard.counters().paused, 0);
}

#[test]
fn a_client_without_a_credential_waits_for_no_check() {
    let mut shard = Shard::of(Config::default(), Relay::default());
    shard.core.set_auth(auth(p256()), Places::default());
    let share = WORK_PER_SHARE.unsigned_abs();
    let clients: Vec<ConnId> = (0..CLIENTS).map(|_| shard.connect()).collect();
    shard.core.limit_work(share, share);
    for client in &clients {
        shard.read(*client, forged());
    }
    let anonymous = shard.connect();
    shard.read(anonymous, "GET /sse/room HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(shard.counters().opened, 1);
}

/// Asks another thread about each client, and notes which it is.
#[derive(Default)]
struct Asking {
    questions: Rc<RefCell<Vec<Deferred<crate::shard::Answer>>>>,
    users: Rc<RefCell<Vec<String>>>,
}

impl Asking {
    fn ask(&self, cx: &mut Cx<'_, (), crate::shard::Answer>) -> Result<(), Refusal> {
        if cx.answer().is_none() {
            let (question, wait) = cx.defer(Duration::from_secs(5));
            self.questions.borrow_mut().push(question);
            return Err(wait.into());
        }
        let user = cx.principal().unwrap().user().unwrap();
        self.users.borrow_mut().push(user.to_owned());
        Ok(())
    }
}

impl Handler for Asking {
    type Conn = ();
    type Answer = crate::shard::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        opening: &Opening<'_>,
    ) -> Result<(), Refusal> {
        if let Opening::Tcp { credential, .. } = opening {
            assert_eq!(*credential, None, "it is checked already");
        }
        self.ask(cx)
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        _: Message<'_>,
    ) -> Result<(), Halt> {
        assert_eq!(cx.principal(), None, "a connection does not keep it");
        Ok(())
    }

    fn on_request(
        &mut self,
        cx: &mut Cx<'_, (), Self::Answer>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        if request.path == "/free" {
            assert_eq!(cx.principal(), None);
            cx.require(Action::Subscribe, "room")?;
        }
        self.ask(cx)?;
        Ok(Response::text(200, request.path))
    }

    fn needs_identity(&mut self, request: &Request<'_>) -> bool {
        request.path != "/free"
    }

    fn wants_events(&mut self, request: &Request<'_>) -> bool {
        request.path == "/events"
    }
}

/// The ways in which a client may send its token.
const WAYS: usize = 5;

/// A client asks with this token, in one of the ways.
fn ask(shard: &mut Shard<()>, way: usize, token: &str) -> ConnId {
    let fields = format!("Host: a\r\nAuthorization: Bearer {token}\r\n");
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let len = u32::try_from(token.len()).unwrap();
    let first = match way {
        0 => format!("GET /ws HTTP/1.1\r\n{fields}{upgrade}\r\n").into_bytes(),
        1 => format!("GET /events HTTP/1.1\r\n{fields}\r\n").into_bytes(),
        2 => format!("GET /page HTTP/1.1\r\n{fields}\r\n").into_bytes(),
        3 => format!("POST /page HTTP/1.1\r\n{fields}Content-Length: 1\r\n\r\nx").into_bytes(),
        _ => [&len.to_be_bytes()[..], token.as_bytes()].concat(),
    };
    let frames = Frames {
        asks: true,
        ..Frames::default()
    };
    let client = match way {
        4 => shard.connect_by(frames, "room"),
        _ => shard.connect(),
    };
    shard.read(client, first);
    client
}

/// A second check would find that the token has expired meanwhile.
#[test]
fn a_token_is_checked_once_however_long_its_client_waits() {
    let token = create(SECRET, &format!(r#"{{"sub":"ann","exp":{}}}"#, NOW + 60)).unwrap();
    let asking = Asking::default();
    let (questions, users) = (Rc::clone(&asking.questions), Rc::clone(&asking.users));
    let mut shard = Shard::of(Config::default(), asking);
    let key = Key::hmac(SECRET).unwrap();
    shard.core.set_auth(auth(key), Places::default());
    for at in 0..WAYS {
        let at_noon = |secs| Date::since_1970(Duration::from_secs(secs));
        shard.core.set_date(at_noon(NOW));
        let client = ask(&mut shard, at, &token);
        shard.rest();
        shard.core.set_date(at_noon(NOW + 600));
        for question in questions.borrow_mut().drain(..) {
            question.answer(());
        }
        assert_eq!(shard.answer(), 1, "{at}");
        shard.rest();
        let answer = shard.take(client);
        let answer = String::from_utf8_lossy(&answer);
        let is_open = ["HTTP/1.1 101 ", "HTTP/1.1 200 ", "\0\0\0\0"];
        assert!(
            is_open.iter().any(|begin| answer.starts_with(begin)),
            "{at}: {answer}"
        );
        assert_eq!(users.borrow().len(), at + 1);
    }
    assert!(users.borrow().iter().all(|user| user == "ann"));
}

#[test]
fn without_an_exception_of_the_handler_every_request_needs_an_identity() {
    let mut shard = Shard::of(Config::default(), Asking::default());
    let mut closed = auth(Key::hmac(SECRET).unwrap());
    closed.anonymous = false;
    shard.core.set_auth(closed, Places::default());
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /events HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    ] {
        let client = shard.connect();
        shard.read(client, request);
        shard.rest();
        let answer = shard.take(client);
        assert!(answer.starts_with(b"HTTP/1.1 401 "), "{request}");
    }
    let client = shard.connect_tcp("room");
    shard.rest();
    assert_eq!(shard.take(client), b"");
    assert_eq!(shard.counters().denied[Denial::Missing.index()], 5);
}

#[test]
fn a_client_that_was_not_asked_for_its_identity_is_permitted_nothing() {
    let mut shard = Shard::of(Config::default(), Asking::default());
    shard
        .core
        .set_auth(auth(Key::hmac(SECRET).unwrap()), Places::default());
    let client = shard.connect();
    shard.read(client, "GET /free HTTP/1.1\r\nHost: a\r\n\r\n");
    shard.rest();
    assert!(shard.take(client).starts_with(b"HTTP/1.1 403 "));
}
