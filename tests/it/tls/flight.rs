//! What comes in the same flight as the end of a handshake.

use std::io::Write;
use std::net::SocketAddr;

use corecast::{Cx, Deferred, Halt, Handler, Message, Opening, Refusal};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::support::length_prefix::{LengthPrefix, frame};
use crate::support::socket::dial;
use crate::support::tls::{Tls, client};
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
fn one_who_speaks_at_once_is_greeted_before_it_is_heard() {
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
