//! The client that misbehaves: against the server itself, and against those that let it.

use serde_json::Value;

use crate::run::{Corecast, fails, passes, refused, shown};
use crate::stand_in::{Fault, StandIn};

/// How many connections of garbage of this kind ended so.
fn ends(figures: &Value, kind: &str, how: &str) -> u64 {
    figures["garbage"]["ends"][kind][how]
        .as_u64()
        .unwrap_or_default()
}

#[test]
fn the_server_ends_garbage_and_goes_on() {
    let corecast = Corecast::start("--http 127.0.0.1:0");
    let figures = passes(&format!(
        "hostile --url ws://{}/sub/{{topic}} --slow-headers 30 --garbage-per-s 100 --threads 2 \
         --duration 1s --patience 30 --server-pid {}",
        corecast.http,
        corecast.pid()
    ));
    assert_eq!(figures["slow_heads"]["open_most"], 30, "{figures:#}");
    let garbage = &figures["garbage"];
    assert_eq!(garbage["left_open"], 0);
    let count = |ends: &Value| -> u64 {
        let ends = ends.as_object().unwrap().values();
        ends.filter_map(Value::as_u64).sum()
    };
    let kinds = garbage["ends"].as_object().unwrap();
    let ended: u64 = kinds.values().map(count).sum();
    assert_eq!(garbage["connections"], ended, "each is told once");
    assert!(ends(&figures, "random bytes", "HTTP status 400") > 0);
    assert!(ends(&figures, "TLS hello", "HTTP status 400") > 0);
    assert!(ends(&figures, "wrong frame", "closed by the server with 1002") > 0);
    assert_eq!(figures["opening"]["live"], 1);
    assert!(figures["server"]["pss_most_bytes"].as_u64() > Some(0));
    let slow_heads = &figures["series"]["columns"]["slow_heads"];
    assert!(slow_heads.is_array(), "{figures:#}");
}

#[test]
fn a_client_that_behaves_is_echoed_beside_all_attacks() {
    let corecast = Corecast::start("--http 127.0.0.1:0");
    let figures = passes(&format!(
        "hostile --url ws://{}/sub/news --url tcp://{} --attack all=4,burst=20 --api-key k --duration 2s \
         --nice 0 --threads 2 --server-pid {}",
        corecast.http,
        corecast.tcp,
        corecast.pid()
    ));
    let attacks = figures["attacks"].as_object().unwrap();
    assert_eq!(attacks.len(), 13, "{figures:#}");
    for (name, attack) in attacks {
        assert!(attack["opened"].as_u64() > Some(0), "{name}: {figures:#}");
        assert!(
            attack["sent_bytes"].as_u64() > Some(0),
            "{name}: {figures:#}"
        );
    }
    assert_eq!(attacks["burst"]["connections"], 20);
    let echo = &figures["echo"];
    assert!(echo["quiet"]["count"].as_u64() > Some(0), "{figures:#}");
    assert!(echo["beside"]["count"].as_u64() > Some(0), "{figures:#}");
    assert!(figures["server"]["rss_most_bytes"].as_u64() > Some(0));
}

#[test]
fn a_port_of_length_prefix_ends_garbage_as_well() {
    let corecast = Corecast::start("--http 127.0.0.1:0");
    let figures = passes(&format!(
        "hostile --url tcp://{} --garbage-per-s 100 --duration 1s --patience 30",
        corecast.tcp
    ));
    assert!(figures["garbage"]["connections"].as_u64() > Some(0));
    assert!(figures["garbage"]["ends"]["wrong frame"].is_null());
}

#[test]
fn slow_heads_that_are_ended_are_opened_again() {
    let server = StandIn::start(Fault::Hurry);
    let figures = passes(&format!(
        "hostile --url ws://{}/sub/a --slow-headers 5 --slow-byte-every 0.01 --duration 3s \
         --no-preflight",
        server.http
    ));
    let ended = figures["slow_heads"]["ends"]["HTTP status 408"].as_u64();
    assert!(ended > Some(5), "{figures:#}");
    assert_eq!(figures["slow_heads"]["lived"]["count"].as_u64(), ended);
}

#[test]
fn a_server_that_keeps_garbage_is_found_out() {
    // It waits for the end of every head.
    let server = StandIn::start(Fault::None);
    let figures = fails(&format!(
        "hostile --url ws://{}/sub/a --garbage-per-s 50 --duration 1s --patience 0.2 \
         --no-preflight",
        server.http
    ));
    assert!(ends(&figures, "giant header line", "not ended") > 0);
    assert!(figures["garbage"]["left_open"].as_u64() > Some(0));
    assert_eq!(figures["opening"]["live"], 1, "and goes on");
}

#[test]
fn a_server_that_lets_nobody_in_afterwards_is_found_out() {
    let server = StandIn::start(Fault::Refuse(0));
    let figures = fails(&format!(
        "hostile --url ws://{}/sub/a --slow-headers 2 --duration 0.1s --no-preflight",
        server.http
    ));
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
        let output = refused(&format!("hostile --url ws://127.0.0.1:1/ {flags}"));
        assert_eq!(output.status.code(), Some(2), "{flags}: {}", shown(&output));
    }
    let output = refused("hostile --url ws://10.0.0.1:80/ --garbage-per-s 1");
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
}
