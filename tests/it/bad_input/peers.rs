//! Peers that say nothing, half of something, or break off.

use std::io::Write;
use std::net::Shutdown;

use crate::bad_input::Scene;
use crate::support::http::read_answer;
use crate::support::length_prefix::{LengthPrefix, frame};
use crate::support::raw_ws::{CLOSE, FIN, RawWs, TEXT, masked};
use crate::support::socket::{dial, read_to_the_end, reset, send_with_end};

#[test]
fn a_silent_connection_disturbs_no_other() {
    let mut scene = Scene::new();
    let addrs = [scene.server.http(), scene.server.tcp()];
    let silent: Vec<_> = (0..200).map(|n| dial(addrs[n % 2])).collect();
    scene.check("silent connections");
    drop(silent);
    scene.wait_for_the_others();
}

#[test]
fn a_client_that_has_closed_its_side_still_gets_its_answer() {
    let mut scene = Scene::new();
    for round in 0..20 {
        let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut stream = dial(scene.server.http());
        if round % 2 == 0 {
            send_with_end(&mut stream, request);
        } else {
            stream.write_all(request).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        }
        assert_eq!(read_answer(&mut stream).status, 200);
    }
    // A WebSocket without a way back cannot even pong: it is closed.
    let mut stream = RawWs::connect(scene.server.http(), "/ws/elsewhere").into_stream();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_the_end(&mut stream), b"");
    // A close frame with the end of the stream in one segment is answered.
    let mut stream = RawWs::connect(scene.server.http(), "/ws/elsewhere").into_stream();
    send_with_end(&mut stream, &masked(FIN | CLOSE, b"\x03\xE8"));
    assert_eq!(read_to_the_end(&mut stream), b"\x88\x02\x03\xE8");
    scene.check("half-closed clients");
    scene.wait_for_the_others();
}

#[test]
fn a_reset_in_the_middle_of_anything_ends_that_connection_alone() {
    let mut scene = Scene::new();
    let http = scene.server.http();
    let half_a_message = &masked(FIN | TEXT, b"never whole")[..9];
    for _ in 0..10 {
        reset(dial(http));
        let mut stream = dial(http);
        stream.write_all(b"GET /ws HTTP/1.1\r\nHo").unwrap();
        reset(stream);
        let mut client = RawWs::connect(http, "/ws/lobby");
        client.send_bytes(half_a_message);
        reset(client.into_stream());
        let mut stream = dial(scene.server.tcp());
        stream.write_all(&frame(b"never whole")[..9]).unwrap();
        reset(stream);
    }
    scene.check("resets");
    scene.wait_for_the_others();
    assert_eq!(scene.server.counters().messages_in, 0);
}

#[test]
fn a_reset_after_the_end_of_its_side_ends_a_subscriber_of_a_silent_topic() {
    let scene = Scene::new();
    for _ in 0..10 {
        let mut client = LengthPrefix::connect(scene.server.tcp());
        client.end();
        reset(client.into_stream());
    }
    scene.wait_for_the_others();
}

#[test]
fn a_flood_of_connects_and_resets_leaves_nothing_behind() {
    let mut scene = Scene::new();
    let addrs = [scene.server.http(), scene.server.tcp()];
    for n in 0..2_000 {
        let mut stream = dial(addrs[n % 2]);
        if n % 3 == 0 {
            stream.write_all(b"GET / HT").unwrap();
        }
        reset(stream);
        if n % 200 == 0 {
            scene.check("resets");
        }
    }
    scene.check("the flood");
    scene.wait_for_the_others();
}
