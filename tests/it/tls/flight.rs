//! What comes in the same flight as the end of a handshake, or in front of a goodbye.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use corecast::{Cx, Deferred, Halt, Handler, Message, Opening, Refusal};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::support::http::upgrade_request;
use crate::support::length_prefix::{LengthPrefix, frame};
use crate::support::raw_ws::{CLOSE, FIN, RawWs, TEXT, masked};
use crate::support::socket::dial;
use crate::support::tls::{EACH, Tls, client};
use crate::support::wait::{PATIENCE, in_a_while};
use crate::tls::served::Scene;

/// Shakes hands, with `bytes` right behind the last of the client's words for that.
fn shake_saying(scene: &Scene, addr: SocketAddr, bytes: &[u8]) -> Tls {
    let mut stream = dial(addr);
    let mut tls = client(&scene.config, "localhost");
    tls.writer().write_all(bytes).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut stream).unwrap();
    }
    let mut tls = Tls::new(tls, stream);
    tls.flush().unwrap();
    tls
}

#[test]
fn a_client_that_sends_at_once_is_greeted_before_its_messages_are_read() {
    let scene = Scene::new();
    // The topic lives on one shard: about half of these wait for the other.
    for _ in 0..16 {
        let too_long = [0xFF; 4];
        let tls = shake_saying(&scene, scene.tcps(), &too_long);
        let mut device = LengthPrefix::greeted(tls);
        assert_eq!(device.next_or_end(), None);
    }
}

/// Asks another thread before it opens a connection, and about every message that begins with
/// `ask`; sends all back.
struct Slow(Sender<Deferred<()>>);

impl Slow {
    fn ask(&self, cx: &mut Cx<'_, (), ()>) -> Result<(), corecast::Busy> {
        if cx.answer().is_some() {
            return Ok(());
        }
        let (question, wait) = cx.defer(PATIENCE);
        self.0.send(question).unwrap();
        Err(wait)
    }
}

impl Handler for Slow {
    type Conn = ();
    type Answer = ();

    fn on_open(&mut self, cx: &mut Cx<'_, ()>, _: &Opening<'_>) -> Result<(), Refusal> {
        Ok(self.ask(cx)?)
    }

    fn on_message(&mut self, cx: &mut Cx<'_, ()>, message: Message<'_>) -> Result<(), Halt> {
        if message.payload.starts_with(b"ask") {
            self.ask(cx)?;
        }
        Ok(cx.reply(message.kind, message.payload)?)
    }
}

fn slow() -> (Scene, Receiver<Deferred<()>>) {
    let (sender, questions) = unbounded();
    let scene = Scene::with_handler(move |_| Slow(sender.clone()));
    (scene, questions)
}

fn answer(questions: &Receiver<Deferred<()>>) {
    let question = questions.recv_deadline(in_a_while()).unwrap();
    question.answer(());
}

#[test]
fn what_came_with_the_handshake_is_heard_once_it_is_open() {
    let (scene, questions) = slow();
    let said = [frame(b"one"), frame(b"ask"), frame(b"two")].concat();
    let tls = shake_saying(&scene, scene.tcps(), &said);
    answer(&questions);
    let mut device = LengthPrefix::greeted(tls);
    assert_eq!(device.next(), b"one");
    answer(&questions);
    assert_eq!(device.next(), b"ask");
    assert_eq!(device.next(), b"two");
}

/// Sends `bytes` and a goodbye at once.
fn say_last(tls: &mut Tls, bytes: &[u8]) {
    tls.conn.writer().write_all(bytes).unwrap();
    tls.conn.send_close_notify();
    tls.flush().unwrap();
}

#[test]
fn a_goodbye_waits_for_the_messages_before_it() {
    let (mut scene, questions) = slow();
    for versions in EACH {
        scene.config = Arc::new(scene.authority.trusting(versions, None));
        let tls = shake_saying(&scene, scene.tcps(), b"");
        answer(&questions);
        let device = LengthPrefix::greeted(tls);
        let said = [frame(b"ask"), frame(b"two")].concat();
        let mut tls = device.into_stream();
        say_last(&mut tls, &said);
        answer(&questions);
        let mut device = LengthPrefix::over(tls);
        assert_eq!(device.next(), b"ask");
        assert_eq!(device.next(), b"two");
        assert_eq!(device.next_or_end(), None);
    }
}

#[test]
fn a_close_in_front_of_a_goodbye_is_heard() {
    let (scene, questions) = slow();
    let mut tls = shake_saying(&scene, scene.https(), upgrade_request("/").as_bytes());
    answer(&questions);
    let said = [
        masked(FIN | TEXT, b"ask"),
        masked(FIN | CLOSE, &1000_u16.to_be_bytes()),
    ];
    say_last(&mut tls, &said.concat());
    answer(&questions);
    let mut ws = RawWs::upgraded(tls);
    assert_eq!(ws.next(), (FIN | TEXT, b"ask".to_vec()));
    assert_eq!(ws.expect_close().0, 1000);
}

#[test]
fn what_is_in_front_of_a_broken_record_is_heard() {
    let scene = Scene::new();
    let mut listener = LengthPrefix::greeted(scene.dial(scene.tcps()));
    let mut tls = LengthPrefix::greeted(scene.dial(scene.tcps())).into_stream();
    tls.conn.writer().write_all(&frame(b"in time")).unwrap();
    let mut bytes = Vec::new();
    tls.conn.write_tls(&mut bytes).unwrap();
    bytes.extend([23, 3, 3, 0, 32]);
    bytes.extend([7; 32]);
    tls.sock.write_all(&bytes).unwrap();
    assert_eq!(listener.next(), b"in time");
}
