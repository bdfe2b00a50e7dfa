//! Each check, and a server that makes it fail.

use serde_json::Value;

use crate::run::{fails, passes};
use crate::stand_in::{Fault, StandIn};

/// A run against a server with this fault, which must fail.
fn lied_to(fault: Fault, flags: &str) -> Value {
    let server = StandIn::start(fault);
    let flags = flags.replace("@http", &server.http);
    // It counts messages and upgrades.
    fails(&format!("{flags} --no-preflight"))
}

const CONNECT: &str = "connect --url ws://@http/sub/{topic} -n 5 --hold 1s";
const CHAT: &str = "chat --url ws://@http/ws/{topic} -n 6 -m 10 --threads 2";
const TOPICS: &str = "topics --url ws://@http/sub/{topic} -t 3 -n 9 -m 60 --rate 600 --threads 2";
const STORM: &str = "storm --url ws://@http/sub/{topic} -n 6 --steady 2 --rest 0.1 --rounds 2";
const SLOW: &str = "slow --url ws://@http/sub/{topic} -n 6 --slow 2 --stopped --rate 50 \
                    --payload 64 --duration 1s";
const SOAK: &str = "soak --url ws://@http/sub/{topic} -n 6 --rate 50 --duration 2s --interval 0.5";

#[test]
fn a_stand_in_without_a_fault_passes_all() {
    let closing = format!("{STORM} --close");
    for flags in [CONNECT, CHAT, TOPICS, STORM, &closing, SLOW, SOAK] {
        let server = StandIn::start(Fault::None);
        let flags = flags.replace("@http", &server.http);
        // It knows the one key that the client itself sends.
        passes(&format!("{flags} --no-preflight"));
    }
}

#[test]
fn connections_must_stay_and_nothing_may_come() {
    let figures = lied_to(Fault::CloseAll, CONNECT);
    assert_eq!(
        figures["ended_early_by_kind"]["closed by the server with 1013"],
        5
    );
    let figures = lied_to(Fault::Push, CONNECT);
    assert_eq!(figures["unexpected_messages"], 5);
    let figures = lied_to(Fault::Refuse(3), CONNECT);
    assert_eq!(figures["opening"]["live"], 3);
    assert_eq!(
        figures["opening"]["failures"]["HTTP status 503"], 6,
        "three tries each"
    );
}

#[test]
fn chat_finds_what_is_lost_repeated_out_of_order_and_closed() {
    assert_eq!(lied_to(Fault::Lose(20), CHAT)["deliveries"]["lost"], 1);
    let figures = lied_to(Fault::Repeat(20), CHAT);
    assert_eq!(figures["deliveries"]["duplicated"], 1);
    let figures = lied_to(Fault::Swap(3), CHAT);
    assert!(
        figures["deliveries"]["misordered"].as_u64() > Some(0),
        "{figures:#}"
    );
    assert_eq!(figures["deliveries"]["subscribers_off_order"], 1);
    let figures = lied_to(Fault::Close(20), CHAT);
    assert_eq!(figures["opening"]["ended_early"], 1);
}

#[test]
fn topics_finds_what_is_lost_late_and_astray() {
    assert_eq!(lied_to(Fault::Lose(20), TOPICS)["deliveries"]["lost"], 1);
    let one = TOPICS.replace("-t 3", "-t 1");
    let figures = lied_to(Fault::Swap(20), &one);
    assert_eq!(figures["deliveries"]["reordered"], 1);
    let figures = lied_to(Fault::Swap(20), &format!("{one} --publishers 2"));
    assert!(
        figures["deliveries"]["misordered"].as_u64() > Some(0),
        "{figures:#}"
    );
    assert_eq!(
        lied_to(Fault::Astray(20), TOPICS)["deliveries"]["foreign"],
        1
    );
    assert_eq!(
        lied_to(Fault::Close(20), TOPICS)["opening"]["ended_early"],
        1
    );
}

#[test]
fn topics_end_by_their_deadline() {
    let figures = lied_to(
        Fault::None,
        "topics --url ws://@http/sub/{topic} -t 3 -n 9 -m 60 --rate 1 --deadline 0.1",
    );
    assert!(figures["messages_sent"].as_u64() < Some(60), "{figures:#}");
}

/// Connections of a storm, in the order of opening: those who leave, the steady, two publishers.
const STORM_CONNS: usize = 6 + 2 + 2;

#[test]
fn a_storm_finds_who_does_not_come_back() {
    let figures = lied_to(Fault::Refuse(STORM_CONNS + 4), STORM);
    assert_eq!(figures["rounds"].as_array().unwrap().len(), 1);
    assert_eq!(figures["rounds"][0]["live_again"], 4);
    assert!(figures["rounds"][0]["retries"].as_u64() > Some(0));
    assert!(figures["opening"]["failures"]["HTTP status 503"].as_u64() > Some(0));
}

#[test]
fn a_storm_finds_who_is_back_and_gets_nothing() {
    let figures = lied_to(Fault::Deafen(STORM_CONNS + 4), STORM);
    assert_eq!(figures["rounds"][0]["live_again"], 6);
    assert_eq!(figures["deliveries"]["lost"], 2);
}

#[test]
fn close_frames_must_be_answered() {
    let unanswered = "close frame not answered: closed without a word";
    let figures = lied_to(Fault::Hush, &format!("{STORM} --close"));
    assert_eq!(figures["close_unanswered"], 12, "two rounds of six");
    assert_eq!(figures["opening"]["failures"][unanswered], 12);
    let figures = lied_to(Fault::Hush, &format!("{SOAK} --churn 5"));
    let count = figures["close_unanswered"].as_u64();
    assert!(count > Some(0), "{figures:#}");
    assert!(count < figures["left"].as_u64(), "half of them are cut");
}

#[test]
fn a_storm_finds_what_the_steady_ones_miss() {
    let figures = lied_to(Fault::Lose(0), STORM);
    assert_eq!(figures["steady"]["deliveries"]["lost"], 1);
    assert_eq!(figures["deliveries"]["lost"], 0);
}

#[test]
fn beside_slow_readers_the_others_must_miss_nothing() {
    let figures = lied_to(Fault::Lose(10), SLOW);
    assert_eq!(figures["deliveries"]["lost"], 1);
    let figures = lied_to(Fault::Repeat(10), SLOW);
    assert_eq!(figures["deliveries"]["duplicated"], 1);
    let figures = lied_to(Fault::Close(10), SLOW);
    assert_eq!(figures["opening"]["ended_early"], 1);
}

#[test]
fn a_soak_finds_what_is_lost_and_who_is_closed() {
    assert_eq!(lied_to(Fault::Lose(20), SOAK)["deliveries"]["lost"], 1);
    assert_eq!(lied_to(Fault::Swap(20), SOAK)["deliveries"]["reordered"], 1);
    let figures = lied_to(Fault::Close(20), SOAK);
    assert_eq!(
        figures["ended_early_by_kind"]["closed by the server with 1013"],
        1
    );
}

#[test]
fn a_soak_finds_who_is_back_and_gets_nothing() {
    let figures = lied_to(Fault::Deafen(7), &format!("{SOAK} --churn 5"));
    assert!(
        figures["deliveries"]["lost"].as_u64() > Some(0),
        "{figures:#}"
    );
}

#[test]
fn a_soak_finds_memory_that_grows() {
    let pid = std::process::id();
    let figures = lied_to(Fault::Grow, &format!("{SOAK} --server-pid {pid}"));
    let percent = figures["memory_growth_percent"].as_f64().unwrap();
    assert!(percent > 10.0, "{percent}");
    assert_eq!(figures["deliveries"]["lost"], 0);
}

#[test]
fn a_soak_ends_with_its_figures_when_there_is_nobody_left() {
    let figures = lied_to(
        Fault::Die(20),
        "soak --url ws://@http/sub/{topic} -n 6 --rate 50 --duration 10m --interval 5m",
    );
    assert_eq!(figures["intervals"].as_array().unwrap().len(), 1);
}
