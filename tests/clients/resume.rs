//! A page in Chromium with an `EventSource` that loses its connection, or its server.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::relay::Relay;
use crate::support::program::Program;
use crate::support::ws::Ws;

/// Keeps every message and every gap, with the id that came with it.
const LISTEN: &str = "{
    window.got = [];
    window.events = new EventSource('/sse/page');
    events.onmessage = ({ data, lastEventId }) => got.push([data, lastEventId]);
    events.addEventListener('gap', ({ data, lastEventId }) => got.push(['gap', data, lastEventId]));
}";

/// The program with a history, on this port of the loopback interface.
fn serve(port: u16) -> (Program, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    let http = format!("127.0.0.1:{port}");
    command.args(["--http", &http, "--tcp", "127.0.0.1:0", "--shards", "2"]);
    command.env("CORECAST_TOPICS_HISTORY_SIZE", "100");
    let mut program = Program::spawn(command);
    let http = program.wait_for("listening http ");
    program.wait_for("ready: ");
    (program, http.parse().unwrap())
}

/// Publishes the numbers of a range, each after the one before has its place.
fn publish(server: SocketAddr, numbers: std::ops::RangeInclusive<u32>) {
    let mut publisher = Ws::connect(server, "/ws/page?last=0");
    for number in numbers {
        publisher.send_text(&number.to_string());
        assert_eq!(publisher.next_text(), number.to_string());
    }
}

/// The page has so many messages and gaps.
fn got(page: &mut Page, count: usize) -> Vec<Value> {
    page.wait_for(&format!("{count} <= got.length"));
    page.eval("got").as_array().unwrap().clone()
}

#[test]
fn an_event_source_that_is_cut_off_misses_nothing() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (_program, server) = serve(0);
    let relay = Relay::to(server);
    let mut page = browser.open(&format!("http://{}/", relay.addr));
    page.eval(LISTEN);
    page.wait_for("events.readyState === 1");
    for round in 0..3 {
        let first = 1 + 20 * round;
        publish(server, first..=first + 9);
        got(&mut page, first as usize + 9);
        relay.cut();
        publish(server, first + 10..=first + 19);
        let all = got(&mut page, first as usize + 19);
        let data: Vec<&Value> = all.iter().map(|event| &event[0]).collect();
        let expected: Vec<Value> = (1..=first + 19).map(|n| json!(n.to_string())).collect();
        assert_eq!(data, expected.iter().collect::<Vec<_>>());
    }
}

#[test]
fn an_event_source_whose_server_was_killed_is_told_of_the_gap() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (program, server) = serve(0);
    let mut page = browser.open(&format!("http://{server}/"));
    page.eval(LISTEN);
    page.wait_for("events.readyState === 1");
    publish(server, 1..=3);
    let before = got(&mut page, 3);
    drop(program);
    page.wait_for("events.readyState === 0");
    let (_program, server) = serve(server.port());
    // It may come back before all of them, and gets the others then.
    publish(server, 4..=10);
    page.wait_for("got.at(-1)[0] === '10' || got.at(-1)[1].endsWith(':7')");
    publish(server, 11..=12);
    page.wait_for("got.at(-1)[0] === '12'");
    let all = page.eval("got");
    let (epoch, gap) = position(&all[3][1]);
    assert_eq!(all[3], json!(["gap", all[3][1], all[3][1]]), "{all}");
    assert_ne!(
        epoch,
        position(&before[2][1]).0,
        "the server has another one"
    );
    let expected = (gap + 1..=9).map(|at| json!([(at + 3).to_string(), format!("{epoch}:{at}")]));
    assert_eq!(all.as_array().unwrap()[4..], expected.collect::<Vec<_>>());
}

/// Epoch and offset.
fn position(id: &Value) -> (String, u32) {
    let (epoch, offset) = id.as_str().unwrap().split_once(':').unwrap();
    (epoch.to_owned(), offset.parse().unwrap())
}
