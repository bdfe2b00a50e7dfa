//! How a client's close frame is answered (RFC 6455 5.5.1).

use std::time::Duration;

use corecast::limits::{BYTES_PER_WORK, LINGER_BYTES_PER_STEP, LINGER_STEP, READ_BYTES};
use corecast::{
    CloseReason, Config, ConnId, Cx, Halt, Handler, Kind, Message, Opening, Refusal, Request,
    Response,
};

use crate::frame;
use crate::shard::Shard;

/// FIN, close.
const CLOSE: u8 = 0x88;

fn answer_to(payload: &[u8]) -> (Shard, Vec<u8>) {
    let mut shard = Shard::new(Config::default());
    let client = shard.upgrade("/ws/a", "");
    shard.read(client, frame(CLOSE, payload));
    shard.rest();
    let answer = shard.take(client);
    (shard, answer)
}

#[test]
fn a_close_frame_is_answered_with_its_own_code_and_reason() {
    for code in [1000_u16, 1001, 1008, 1011, 1014, 3000, 4001, 4999] {
        for reason in ["", "switch room", &"é".repeat(61)] {
            let payload = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
            let (mut shard, answer) = answer_to(&payload);
            let len = u8::try_from(payload.len()).unwrap();
            assert_eq!(answer, [&[CLOSE, len][..], &payload].concat(), "{code}");
            assert_eq!(shard.counters().closed[CloseReason::Client.index()], 1);
        }
    }
}

#[test]
fn a_close_frame_without_a_code_is_answered_with_one_without() {
    assert_eq!(answer_to(b"").1, [CLOSE, 0]);
}

#[test]
fn a_code_that_no_frame_may_carry_is_a_protocol_error() {
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
        let (_, answer) = answer_to(&code.to_be_bytes());
        assert_eq!(answer[2..4], 1002_u16.to_be_bytes(), "{code}");
    }
    assert_eq!(answer_to(b"\x03").1[2..4], 1002_u16.to_be_bytes());
}

#[test]
fn replies_go_before_the_answer_to_a_close_frame() {
    let mut shard = Shard::new(Config::default());
    let client = shard.upgrade("/echo", "");
    let said = [
        frame(0x82, b"x"),
        frame(CLOSE, b"\x0f\xa1"),
        frame(0x82, b"y"),
    ];
    shard.read(client, said.concat());
    shard.rest();
    assert_eq!(shard.take(client), b"\x82\x01x\x88\x02\x0f\xa1");
}

/// A client whose last word waits, because it reads nothing.
fn closing() -> (Shard, ConnId) {
    let mut shard = Shard::new(Config::default());
    let client = shard.upgrade("/ws/a", "");
    shard.take_at_most(0);
    shard.read(client, frame(CLOSE, b""));
    shard.rest();
    (shard, client)
}

#[test]
fn discarded_input_takes_time_of_the_turn() {
    for is_out in [false, true] {
        let (mut shard, client) = closing();
        if is_out {
            shard.take_at_most(usize::MAX);
            shard.core.handle_writable(client);
            shard.rest();
        }
        let other = shard.connect();
        shard
            .core
            .limit_work(READ_BYTES / BYTES_PER_WORK, usize::MAX);
        shard.core.note_readable(client, false);
        assert!(shard.core.take_readable().is_some());
        shard.read(client, [0; READ_BYTES]);
        shard.core.note_readable(other, false);
        assert_eq!(shard.core.take_readable(), None, "{is_out}");
    }
}

#[test]
fn input_of_a_client_that_takes_no_last_word_is_discarded_at_a_bounded_rate() {
    let (mut shard, client) = closing();
    for _ in 0..2 {
        let mut came = 0;
        while shard.core.wants_bytes(client) {
            shard.read(client, [0; READ_BYTES]);
            came += READ_BYTES;
        }
        assert_eq!(came, LINGER_BYTES_PER_STEP);
        shard.rest();
        assert!(!shard.core.wants_bytes(client));
        shard.wait(2 * LINGER_STEP);
    }
    // It has its last word when it reads, and lingers as any other.
    shard.take_at_most(usize::MAX);
    shard.core.handle_writable(client);
    shard.rest();
    assert_eq!(shard.take(client), [CLOSE, 0]);
    assert!(shard.core.wants_bytes(client));
}

#[test]
fn a_client_that_closes_its_side_before_it_takes_the_last_word_leaves_nothing() {
    let (mut shard, client) = closing();
    shard.read(client, [0; READ_BYTES]);
    shard.core.handle_read_end(client);
    shard.take_at_most(usize::MAX);
    shard.core.handle_writable(client);
    shard.rest();
    let remains = shard.core.remains();
    let lingering = remains.iter().find(|(name, _)| *name == "lingering");
    assert_eq!(lingering, Some(&("lingering", 0)));
}

#[test]
fn a_broken_record_behind_the_last_word_ends_the_connection_once() {
    for says_goodbye in [true, false] {
        let mut shard = Shard::new(Config::default());
        let client = shard.upgrade("/ws/a", "");
        if says_goodbye {
            shard.core.handle_goodbye(client);
        } else {
            // FIN, close, masked with zeros: the record behind it was in the same read.
            shard.read(client, [0x88, 0x80, 0, 0, 0, 0]);
        }
        shard.core.handle_tls_failure(client);
        shard.rest();
        let closed = shard.counters().closed;
        assert_eq!(closed.iter().sum::<u64>(), 1, "{closed:?}");
        assert_eq!(closed[CloseReason::Client.index()], 1, "{closed:?}");
    }
}

#[test]
fn a_handler_that_changes_its_mind_about_a_stream_answers_the_request() {
    /// Wants a stream of events first, waits, and then answers.
    struct Fickle {
        wants: bool,
    }
    impl Handler for Fickle {
        type Conn = ();
        type Answer = crate::shard::Answer;

        fn wants_events(&mut self, _: &Request<'_>) -> bool {
            std::mem::take(&mut self.wants)
        }

        fn on_open(
            &mut self,
            cx: &mut Cx<'_, (), Self::Answer>,
            _: &Opening<'_>,
        ) -> Result<(), Refusal> {
            let _sent = cx.send(Kind::Text, b"early");
            let (_deferred, busy) = cx.defer(Duration::from_secs(1));
            Err(busy.into())
        }

        fn on_request(
            &mut self,
            _: &mut Cx<'_, (), Self::Answer>,
            _: &Request<'_>,
        ) -> Result<Response, Refusal> {
            Ok(Response::text(200, "no stream"))
        }

        fn on_message(
            &mut self,
            _: &mut Cx<'_, (), Self::Answer>,
            _: Message<'_>,
        ) -> Result<(), Halt> {
            Ok(())
        }
    }
    let mut shard = Shard::of(Config::default(), Fickle { wants: true });
    let client = shard.connect();
    shard.read(client, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    shard.rest();
    // The question is dropped, which is an answer.
    shard.answer();
    shard.rest();
    let answer = String::from_utf8(shard.take(client)).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("no stream\n"),
        "{answer}"
    );
    assert!(!answer.contains("early"), "{answer}");
}
