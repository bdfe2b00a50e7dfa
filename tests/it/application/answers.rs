//! Questions that are left to other threads.

use std::io::{Read, Write};
use std::time::Duration;

use corecast::{
    Busy, Cx, Deferred, Halt, Handler, Kind, Message, Opening, Refusal, Request, Response,
};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::support::http::{ask, read_answer, upgrade_request};
use crate::support::length_prefix::{LengthPrefix, frame};
use crate::support::server::{Running, builder};
use crate::support::socket::{dial, reset};
use crate::support::wait::{PATIENCE, in_a_while, wait_until};
use crate::support::ws::Ws;

/// What is asked, and the way to answer with an HTTP status.
type Question = (String, Deferred<u16>);

/// An application that decides nothing itself, unless a path or message begins with `free`.
struct Porter {
    questions: Sender<Question>,
    timeout: Duration,
}

impl Porter {
    fn decide(&self, cx: &mut Cx<'_, (), u16>, what: &str) -> Result<u16, Busy> {
        if what.trim_start_matches('/').starts_with("free") {
            return Ok(200);
        }
        match cx.answer() {
            Some(Ok(status)) => Ok(*status),
            Some(Err(_)) => Ok(504),
            None => {
                let (question, wait) = cx.defer(self.timeout);
                self.questions.send((what.to_owned(), question)).unwrap();
                Err(wait)
            }
        }
    }
}

impl Handler for Porter {
    type Conn = ();
    type Answer = u16;

    fn on_open(&mut self, cx: &mut Cx<'_, (), u16>, opening: &Opening<'_>) -> Result<(), Refusal> {
        let what = match opening {
            Opening::WebSocket(request) | Opening::Events(request) => request.path,
            Opening::Tcp { topic, .. } => topic.name(),
            _ => panic!("{opening:?}"),
        };
        match self.decide(cx, what)? {
            200 => Ok(cx.subscribe("room")?),
            status => Err(Response::text(status, "no").into()),
        }
    }

    fn on_message(&mut self, cx: &mut Cx<'_, (), u16>, message: Message<'_>) -> Result<(), Halt> {
        let text = std::str::from_utf8(message.payload).unwrap();
        match self.decide(cx, text)? {
            200 => Ok(cx.publish("room", Kind::Text, message.payload)?),
            status => Ok(cx.reply(Kind::Text, status.to_string().as_bytes())?),
        }
    }

    fn on_request(
        &mut self,
        cx: &mut Cx<'_, (), u16>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        let status = self.decide(cx, request.path)?;
        Ok(Response::text(status, request.path))
    }
}

fn start(timeout: Duration) -> (Running, Receiver<Question>) {
    let (sender, questions) = unbounded();
    let server = Running::with(builder(2), move |_| Porter {
        questions: sender.clone(),
        timeout,
    });
    (server, questions)
}

fn next(questions: &Receiver<Question>) -> Question {
    questions.recv_deadline(in_a_while()).unwrap()
}

#[test]
fn a_connection_that_waits_for_an_answer_is_opened_by_it_and_loses_nothing_sent_before() {
    let (server, questions) = start(PATIENCE);
    let mut watcher = Ws::connect(server.http(), "/free");
    let mut stream = dial(server.http());
    // A message in the same segment as the request: masked, by a key of zeros.
    let mut bytes = upgrade_request("/door").into_bytes();
    bytes.extend_from_slice(b"\x81\x84\0\0\0\0free");
    stream.write_all(&bytes).unwrap();
    let (what, question) = next(&questions);
    assert_eq!(what, "/door");
    question.answer(200);
    assert_eq!(watcher.next_text(), "free");
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 101");
}

#[test]
fn a_refusal_by_another_thread_is_one() {
    let (server, questions) = start(PATIENCE);
    let mut stream = dial(server.http());
    stream
        .write_all(upgrade_request("/door").as_bytes())
        .unwrap();
    next(&questions).1.answer(403);
    assert_eq!(read_answer(&mut stream).status, 403);
    assert_eq!(server.counters().opened, 0);
}

#[test]
fn a_question_that_is_dropped_is_answered_by_that() {
    let (server, questions) = start(PATIENCE);
    let mut stream = dial(server.http());
    stream
        .write_all(upgrade_request("/door").as_bytes())
        .unwrap();
    drop(next(&questions));
    assert_eq!(read_answer(&mut stream).status, 504);
}

#[test]
fn a_deadline_ends_the_wait_and_an_answer_after_it_does_nothing() {
    let (server, questions) = start(Duration::from_millis(1));
    let mut client = Ws::connect(server.http(), "/free");
    client.send_text("late?");
    let (_, question) = next(&questions);
    assert_eq!(client.next_text(), "504");
    question.answer(200);
    client.send_text("and now?");
    let (what, question) = next(&questions);
    assert_eq!(what, "and now?");
    assert_eq!(client.next_text(), "504", "not the answer to the first");
    drop(question);
}

#[test]
fn later_messages_of_the_connection_wait_and_others_do_not() {
    let (server, questions) = start(PATIENCE);
    let mut asker = Ws::connect(server.http(), "/free");
    let mut other = Ws::connect(server.http(), "/free");
    asker.send_text("may I?");
    asker.send_text("free after it");
    let (_, question) = next(&questions);
    other.send_text("free meanwhile");
    assert_eq!(other.next_text(), "free meanwhile");
    question.answer(200);
    assert_eq!(other.next_text(), "may I?");
    assert_eq!(other.next_text(), "free after it");
    assert_eq!(asker.next_text(), "free meanwhile");
}

#[test]
fn a_device_that_sends_and_ends_its_side_before_the_answer_is_heard() {
    let (server, questions) = start(PATIENCE);
    let mut watcher = Ws::connect(server.http(), "/free");
    let mut stream = dial(server.tcp());
    stream.write_all(&frame(b"free reading")).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let (what, question) = next(&questions);
    assert_eq!(what, "lobby");
    question.answer(200);
    assert_eq!(watcher.next_payload(), b"free reading");
    let mut device = LengthPrefix::greeted(stream);
    assert_eq!(device.next(), b"free reading", "it listens on");
}

#[test]
fn a_refused_device_is_closed_without_a_word() {
    let (server, questions) = start(PATIENCE);
    let mut device = LengthPrefix::over(dial(server.tcp()));
    next(&questions).1.answer(403);
    assert_eq!(device.next_or_end(), None);
}

#[test]
fn a_page_can_wait_for_an_answer() {
    let (server, questions) = start(PATIENCE);
    let http = server.http();
    let asking = std::thread::spawn(move || ask(http, "GET /report HTTP/1.1\r\nHost: x\r\n\r\n"));
    let (what, question) = next(&questions);
    assert_eq!(what, "/report");
    question.answer(202);
    let answer = asking.join().unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (202, "/report\n"));
}

#[test]
fn a_connection_that_ends_while_its_answer_is_pending_is_gone() {
    let (server, questions) = start(PATIENCE);
    let mut stream = dial(server.http());
    stream
        .write_all(upgrade_request("/door").as_bytes())
        .unwrap();
    let (_, question) = next(&questions);
    reset(stream);
    question.answer(200);
    wait_until("it is gone", || server.counters().connections == 0);
    // The shard goes on.
    let mut client = Ws::connect(server.http(), "/free");
    client.send_text("free");
    assert_eq!(client.next_text(), "free");
}
