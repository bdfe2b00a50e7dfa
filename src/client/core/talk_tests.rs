use crate::client::core::tests::{START, events, frame, live, live_with, read, sent, tcp};
use crate::limits::CLIENT_OUT_BYTES_HIGH;
use crate::proto::Kind;
use crate::proto::ws::{self, Decoder};

#[test]
fn messages_go_out_masked_and_are_counted() {
    let mut core = live();
    let first = core.send(Kind::Text, b"one", START).unwrap();
    let second = core.send(Kind::Binary, b"", START).unwrap();
    assert_eq!(core.out()[..6], [0x81, 0x83, 0x80, 0x80, 0x80, 0x80]);
    core.handle_sent(8);
    assert_eq!(
        (core.is_sent(first), core.is_sent(second)),
        (Some(false), Some(false))
    );
    core.handle_sent(1);
    assert_eq!(
        (core.is_sent(first), core.is_sent(second)),
        (Some(true), Some(false))
    );
    core.handle_end(None, START);
    assert_eq!(core.is_sent(second), None, "the connection ended before");
    assert!(core.send(Kind::Text, b"x", START).is_none());

    let mut core = live();
    let letters = (b'a'..=b'z').cycle();
    let payload: Vec<u8> = letters.take(3 * CLIENT_OUT_BYTES_HIGH).collect();
    core.send(Kind::Text, &payload, START).unwrap();
    assert!(!core.can_send(), "no space beside a large one");
    let mut bytes = Vec::new();
    while !core.out().is_empty() {
        let n = core.out().len().min(1_000);
        bytes.extend_from_slice(&core.out()[..n]);
        core.handle_sent(n);
    }
    let len = bytes.len();
    let mut decoder = Decoder::default();
    let step = decoder.decode(&mut bytes, 1 << 20, false).unwrap();
    assert_eq!(step.taken, len, "each byte once");
    let kind = Kind::Text;
    assert_eq!(
        step.event,
        Some(ws::Event::Message {
            kind,
            payload: &payload
        })
    );
}

#[test]
fn pings_do_not_fill_the_memory() {
    let mut core = live();
    core.send(Kind::Binary, &[0; CLIENT_OUT_BYTES_HIGH], START)
        .unwrap();
    let before = core.out().len();
    for n in 0..100 {
        core.handle_bytes(&mut [0x89, 1, n], START);
    }
    assert_eq!(core.out().len(), before);
    core.handle_sent(before);
    assert_eq!(read(&mut core), ["Pong([99])"], "the newest");
}

#[test]
fn closing_waits_for_the_servers_last_word() {
    let mut core = live();
    core.send(Kind::Text, b"last", START).unwrap();
    core.close(1000, "done");
    let last = "Message { kind: Text, payload: [108, 97, 115, 116] }";
    let close = "Close { code: Some(1000), reason: \"done\" }";
    assert_eq!(read(&mut core), [last, close]);
    core.handle_bytes(&mut frame(Kind::Text, b"late"), START);
    core.handle_bytes(&mut b"\x89\0".to_vec(), START);
    assert!(core.out().is_empty() && !core.has_closed() && !core.can_send());
    core.handle_bytes(&mut b"\x88\x02\x03\xe8".to_vec(), START);
    assert!(
        core.has_closed() && core.out().is_empty(),
        "one close frame is enough"
    );
    core.handle_end(None, START);
    assert!(core.is_ended());
    assert_eq!(events(&mut core), [""; 0]);
}

#[test]
fn a_server_that_closes_for_its_own_reason_does_not_agree_to_the_end() {
    for (answer, objection) in [(1000_u16, None), (1009, Some(1009))] {
        let mut core = live();
        core.close(1000, "");
        core.handle_bytes(
            &mut [&b"\x88\x02"[..], &answer.to_be_bytes()].concat(),
            START,
        );
        assert_eq!(core.objection(), objection);
    }
}

#[test]
fn a_program_may_leave_a_connection_and_the_client_comes_back() {
    let mut core = live();
    core.leave_for(3000, "later", START);
    core.leave_for(3000, "once", START);
    let close = "Close { code: Some(3000), reason: \"later\" }";
    assert_eq!(read(&mut core), [close]);
    core.handle_end(None, START);
    let told = events(&mut core).concat();
    assert!(told.contains("Left(\"later\"), retry_in: Some("), "{told}");
    assert!(!core.is_ended());
}

#[test]
fn closing_over_tcp_waits_until_all_is_sent() {
    let mut core = live_with(tcp());
    core.send(Kind::Binary, b"x", START).unwrap();
    core.close(1000, "");
    assert!(!core.is_ended());
    assert_eq!(sent(&mut core), b"\0\0\0\x01x");
    assert!(core.is_ended() && core.has_closed());
}
