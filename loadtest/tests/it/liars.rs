//! Each check, and a server that makes it fail.

use serde_json::Value;

use crate::run::{at_once, fails, passes};
use crate::stand_in::{Fault, StandIn};

/// A server with a fault, a run against it that must fail, and figures that it must have.
type Lie<'a> = (Fault, &'a str, &'a [(&'a str, Is)]);

/// What a figure must be.
#[derive(Debug)]
enum Is {
    Exactly(u64),
    AboveZero,
    Absent,
}
use Is::{AboveZero, Absent, Exactly};

fn lied_to(fault: Fault, words: &str) -> Value {
    let server = StandIn::start(fault);
    let words = words.replace("@http", &server.http);
    // It counts messages and upgrades.
    fails(&format!("{words} --no-preflight"))
}

fn are_found_out(lies: &[Lie<'_>]) {
    at_once(lies, |(fault, words, expected)| {
        let figures = lied_to(*fault, words);
        for (path, is) in *expected {
            let found = figures.pointer(path).and_then(Value::as_u64);
            let is_so = match is {
                Absent => figures.pointer(path).is_none(),
                Exactly(count) => found == Some(*count),
                AboveZero => found > Some(0),
            };
            assert!(is_so, "{fault:?}: {path} {is:?}: {words}: {figures:#}");
        }
    });
}

const CONNECT: &str = "connect --url ws://@http/sub/{topic} -n 5 --hold 0.3";
/// 100 messages at a fixed schedule, so that many are under way at once.
const FANOUT: &str = "fanout --url ws://@http/sub/a -n 20 --rate 1000 --messages 100";
const TWO_PUBLISHERS: &str = "fanout --url ws://@http/sub/a -n 20 -m 20 --publishers 2";
const CHAT: &str = "chat --url ws://@http/ws/{topic} -n 6 -m 10 --threads 2";
const TOPICS: &str = "topics --url ws://@http/sub/{topic} -t 3 -n 9 -m 60 --rate 600 --threads 2";
const ONE_TOPIC: &str =
    "topics --url ws://@http/sub/{topic} -t 1 -n 9 -m 60 --rate 600 --threads 2";
const STORM: &str = "storm --url ws://@http/sub/{topic} -n 6 --steady 2 --rest 0.1 --rounds 2";
const SLOW: &str = "slow --url ws://@http/sub/{topic} -n 6 --slow 2 --stopped --rate 50 \
                    --payload 64 --duration 0.5s";
const SOAK: &str = "soak --url ws://@http/sub/{topic} -n 6 --rate 50 --duration 1s --interval 0.25";
/// Connections of a storm, in the order of opening: those that leave, the steady, two publishers.
const STORM_CONNS: usize = 6 + 2 + 2;

#[test]
fn a_stand_in_without_a_fault_passes_all() {
    let closing = format!("{STORM} --close");
    let all = [
        CONNECT, CHAT, TOPICS, ONE_TOPIC, STORM, &closing, SLOW, SOAK,
    ];
    at_once(&all, |words| {
        let server = StandIn::start(Fault::None);
        let words = words.replace("@http", &server.http);
        // It knows the one key that the client itself sends.
        passes(&format!("{words} --no-preflight"));
    });
}

#[test]
fn connections_must_stay_and_nothing_may_come() {
    let closed = "/ended_early_by_kind/closed by the server with 1013";
    let refused = "/opening/failures/HTTP status 503";
    are_found_out(&[
        (Fault::CloseAll, CONNECT, &[(closed, Exactly(5))]),
        (
            Fault::Push,
            CONNECT,
            &[("/unexpected_messages", Exactly(5))],
        ),
        // Three tries each.
        (
            Fault::Refuse(3),
            CONNECT,
            &[("/opening/live", Exactly(3)), (refused, Exactly(6))],
        ),
    ]);
}

#[test]
fn what_is_lost_repeated_out_of_order_astray_and_closed_is_found() {
    let lost = &[("/deliveries/lost", Exactly(1))];
    let duplicated = &[("/deliveries/duplicated", Exactly(1))];
    let reordered = &[("/deliveries/reordered", Exactly(1))];
    let misordered = &[("/deliveries/misordered", AboveZero)];
    let ended = &[("/opening/ended_early", Exactly(1))];
    let off_order = &[
        ("/deliveries/misordered", AboveZero),
        ("/deliveries/subscribers_off_order", Exactly(1)),
    ];
    let two_publishers = format!("{ONE_TOPIC} --publishers 2");
    are_found_out(&[
        (
            Fault::Lose(20),
            FANOUT,
            &[
                ("/deliveries/lost", Exactly(1)),
                ("/deliveries/got", Exactly(1999)),
            ],
        ),
        (
            Fault::Repeat(20),
            FANOUT,
            &[
                ("/deliveries/duplicated", Exactly(1)),
                ("/deliveries/lost", Exactly(0)),
            ],
        ),
        (
            Fault::Swap(20),
            FANOUT,
            &[
                ("/deliveries/reordered", Exactly(1)),
                ("/deliveries/lost", Exactly(0)),
            ],
        ),
        (
            Fault::Corrupt(20),
            FANOUT,
            &[
                ("/deliveries/foreign", Exactly(1)),
                ("/deliveries/lost", Exactly(1)),
            ],
        ),
        // Each publisher's own order is kept, and still it is wrong.
        (
            Fault::Swap(10),
            TWO_PUBLISHERS,
            &[
                ("/deliveries/misordered", AboveZero),
                ("/deliveries/subscribers_off_order", Exactly(1)),
                ("/deliveries/reordered", Exactly(0)),
                ("/deliveries/lost", Exactly(0)),
            ],
        ),
        (Fault::Lose(20), CHAT, lost),
        (Fault::Repeat(20), CHAT, duplicated),
        (Fault::Swap(3), CHAT, off_order),
        (Fault::Close(20), CHAT, ended),
        (Fault::Lose(20), TOPICS, lost),
        (Fault::Swap(20), ONE_TOPIC, reordered),
        (Fault::Swap(20), &two_publishers, misordered),
        (
            Fault::Astray(20),
            TOPICS,
            &[("/deliveries/foreign", Exactly(1))],
        ),
        (Fault::Close(20), TOPICS, ended),
        // Beside slow readers the others must miss nothing.
        (Fault::Lose(10), SLOW, lost),
        (Fault::Repeat(10), SLOW, duplicated),
        (Fault::Close(10), SLOW, ended),
    ]);
}

#[test]
fn topics_end_by_their_deadline() {
    let words = "topics --url ws://@http/sub/{topic} -t 3 -n 9 -m 60 --rate 1 --deadline 0.1";
    let figures = lied_to(Fault::None, words);
    assert!(figures["messages_sent"].as_u64() < Some(60), "{figures:#}");
}

#[test]
fn a_storm_finds_what_is_not_back_or_gets_nothing_or_leaves_without_an_answer() {
    let closing = format!("{STORM} --close");
    are_found_out(&[
        (
            Fault::Refuse(STORM_CONNS + 4),
            STORM,
            &[
                ("/rounds/0/live_again", Exactly(4)),
                ("/rounds/0/retries", AboveZero),
                ("/rounds/1", Absent),
                ("/opening/failures/HTTP status 503", AboveZero),
            ],
        ),
        (
            Fault::Deafen(STORM_CONNS + 4),
            STORM,
            &[
                ("/rounds/0/live_again", Exactly(6)),
                ("/deliveries/lost", Exactly(2)),
            ],
        ),
        // Two rounds of six.
        (
            Fault::Hush,
            &closing,
            &[
                ("/close_unanswered", Exactly(12)),
                (
                    "/opening/failures/close frame not answered: closed without a word",
                    Exactly(12),
                ),
            ],
        ),
        (
            Fault::Lose(0),
            STORM,
            &[
                ("/steady/deliveries/lost", Exactly(1)),
                ("/deliveries/lost", Exactly(0)),
            ],
        ),
    ]);
}

#[test]
fn a_soak_finds_what_is_lost_late_closed_or_back_and_gets_nothing() {
    let churning = format!("{SOAK} --churn 5");
    let closed = "/ended_early_by_kind/closed by the server with 1013";
    are_found_out(&[
        (Fault::Lose(20), SOAK, &[("/deliveries/lost", Exactly(1))]),
        (
            Fault::Swap(20),
            SOAK,
            &[("/deliveries/reordered", Exactly(1))],
        ),
        (Fault::Close(20), SOAK, &[(closed, Exactly(1))]),
        (
            Fault::Deafen(7),
            &churning,
            &[("/deliveries/lost", AboveZero)],
        ),
    ]);
    let figures = lied_to(Fault::Hush, &churning);
    let count = figures["close_unanswered"].as_u64();
    assert!(count > Some(0), "{figures:#}");
    assert!(count < figures["left"].as_u64(), "half of them are cut");
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
fn a_soak_ends_with_its_figures_when_no_connection_is_left() {
    let words = SOAK.replace("1s --interval 0.25", "10m --interval 5m");
    let figures = lied_to(Fault::Die(20), &words);
    assert_eq!(figures["intervals"].as_array().unwrap().len(), 1);
}
