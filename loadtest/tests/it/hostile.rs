//! The client that misbehaves: against the server itself, and against those that let it.

use serde_json::Value;

use crate::run::{Server, fails, passes, says};
use crate::stand_in::{Fault, StandIn};

fn above(figure: &Value, bound: u64) {
    assert!(figure.as_u64() > Some(bound), "{figure:#}");
}

#[test]
fn the_server_ends_garbage_and_goes_on() {
    let server = Server::corecast("--http 127.0.0.1:0");
    let figures = passes(&server.words(
        "hostile --url ws://@http/sub/{topic} --slow-headers 30 --garbage-per-s 100 --threads 2 \
         --duration 1s --patience 30 --server-pid @pid",
    ));
    assert_eq!(figures["slow_heads"]["open_most"], 30, "{figures:#}");
    let garbage = &figures["garbage"];
    assert_eq!(garbage["left_open"], 0);
    let kinds = garbage["ends"].as_object().unwrap().values();
    let counts = kinds.flat_map(|ends| ends.as_object().unwrap().values());
    let ended: u64 = counts.filter_map(Value::as_u64).sum();
    assert_eq!(garbage["connections"], ended, "each is told once");
    for (kind, how) in [
        ("random bytes", "HTTP status 400"),
        ("TLS hello", "HTTP status 400"),
        ("wrong frame", "closed by the server with 1002"),
    ] {
        above(&garbage["ends"][kind][how], 0);
    }
    assert_eq!(figures["opening"]["live"], 1);
    above(&figures["server"]["pss_most_bytes"], 0);
    let slow_heads = &figures["series"]["columns"]["slow_heads"];
    assert!(slow_heads.is_array(), "{figures:#}");
}

#[test]
fn a_client_that_behaves_is_echoed_beside_all_attacks() {
    let server = Server::corecast("--http 127.0.0.1:0");
    let figures = passes(&server.words(
        "hostile --url ws://@http/sub/news --url tcp://@tcp --attack all=4,burst=20 --api-key k \
         --duration 2s --nice 0 --threads 2 --server-pid @pid",
    ));
    let attacks = figures["attacks"].as_object().unwrap();
    assert_eq!(attacks.len(), 13, "{figures:#}");
    for (name, attack) in attacks {
        let is_there = |figure: &str| attack[figure].as_u64() > Some(0);
        assert!(
            is_there("opened") && is_there("sent_bytes"),
            "{name}: {figures:#}"
        );
    }
    assert_eq!(attacks["burst"]["connections"], 20);
    above(&figures["echo"]["quiet"]["count"], 0);
    above(&figures["echo"]["beside"]["count"], 0);
    above(&figures["server"]["rss_most_bytes"], 0);
}

#[test]
fn a_port_of_length_prefix_ends_garbage_as_well() {
    let server = Server::corecast("--http 127.0.0.1:0");
    let flags = "--garbage-per-s 100 --duration 0.5s --patience 30";
    let figures = passes(&server.words(&format!("hostile --url tcp://@tcp {flags}")));
    above(&figures["garbage"]["connections"], 0);
    assert!(figures["garbage"]["ends"]["wrong frame"].is_null());
}

/// Words against a stand-in with a fault.
fn at(fault: Fault, flags: &str) -> (StandIn, String) {
    let server = StandIn::start(fault);
    let words = format!(
        "hostile --url ws://{}/sub/a {flags} --no-preflight",
        server.http
    );
    (server, words)
}

#[test]
fn slow_heads_that_are_ended_are_opened_again() {
    let flags = "--slow-headers 5 --slow-byte-every 0.01 --duration 1.5s";
    let (_server, words) = at(Fault::Hurry, flags);
    let slow_heads = &passes(&words)["slow_heads"];
    let ended = &slow_heads["ends"]["HTTP status 408"];
    above(ended, 5);
    assert_eq!(&slow_heads["lived"]["count"], ended);
}

#[test]
fn a_server_that_keeps_garbage_is_found_out() {
    // It waits for the end of every head.
    let (_server, words) = at(
        Fault::None,
        "--garbage-per-s 50 --duration 1s --patience 0.2",
    );
    let figures = fails(&words);
    above(
        &figures["garbage"]["ends"]["giant header line"]["not ended"],
        0,
    );
    above(&figures["garbage"]["left_open"], 0);
    assert_eq!(figures["opening"]["live"], 1, "and goes on");
}

#[test]
fn a_server_that_lets_no_client_in_afterwards_is_found_out() {
    let (_server, words) = at(Fault::Refuse(0), "--slow-headers 2 --duration 0.1s");
    let figures = fails(&words);
    assert_eq!(figures["opening"]["live"], 0);
    assert_eq!(figures["opening"]["failures"]["HTTP status 503"], 3);
    assert_eq!(figures["garbage"]["left_open"], 0);
}

#[test]
fn what_has_no_bounds_is_refused() {
    for flags in [
        "",
        "--slow-headers 1 --slow-byte-every 0",
        "--garbage-per-s 1 --patience 0",
        "--garbage-per-s 1 --duration 0",
        "--garbage-per-s 1 --duration 2h",
        "--garbage-per-s 20001",
        "--garbage-per-s 1 --nice 20",
        "--slow-headers 200001",
        "--attack none",
        "--attack pongs=0",
        "--attack pongs=20001",
        "--attack nested-batches",
    ] {
        says(2, &format!("hostile --url ws://127.0.0.1:1/ {flags}"));
    }
    says(2, "hostile --url ws://10.0.0.1:80/ --garbage-per-s 1");
}
