//! Each scenario against the server itself.

use serde_json::Value;

use crate::run::{Folder, Server, at_once, passes};

/// Runs against a server of its own.
fn run(flags: &str, words: &str) -> Value {
    let server = Server::corecast(&format!("--http 127.0.0.1:0 {flags}"));
    passes(&server.words(words))
}

fn is_above_zero(figure: &Value) -> bool {
    figure.as_f64().is_some_and(|figure| figure > 0.0)
}

#[test]
fn connections_are_opened_and_held() {
    let load = "connect --url ws://@http/sub/{topic} --url tcp://@tcp -n 60 --server-pid @pid";
    for (pace, is_held) in [
        ("--hold 0", false),
        ("--hold 0.1s --rate 2000 --window 3", true),
    ] {
        let figures = run("", &format!("{load} {pace}"));
        assert_eq!(figures["opening"]["live"], 60);
        assert!(is_above_zero(&figures["connect_to_live"]["p50_us"]));
        assert!(is_above_zero(&figures["server"]["cpu_us_per_connection"]));
        assert_eq!(figures["server"]["idle_busy_cores"].is_number(), is_held);
        assert!(is_above_zero(&figures["client_link_bytes"]));
    }
}

#[test]
fn all_that_talk_hear_all() {
    for pace in ["", "--rate 2000"] {
        let load = "chat --url ws://@http/ws/news --url tcp://@tcp -n 30 -m 5 --threads 2";
        let figures = run("", &format!("{load} --server-pid @pid {pace}"));
        assert_eq!(figures["deliveries"]["expected"], 30 * 30 * 5);
        assert_eq!(figures["deliveries"]["got"], 30 * 30 * 5);
        assert_eq!(figures["reached"]["messages"], 150);
        assert!(is_above_zero(&figures["own_latency"]["p50_us"]));
    }
}

#[test]
fn each_topic_has_its_subscribers() {
    for pick in ["", "--pick random --publishers 3 --threads 3"] {
        let load = "topics --url ws://@http/sub/{topic} -t 7 -n 50 -m 300 --rate 3000";
        let figures = run("", &format!("{load} --server-pid @pid {pick}"));
        assert_eq!(figures["messages_sent"], 300);
        let deliveries = &figures["deliveries"];
        assert_eq!(deliveries["got"], deliveries["expected"]);
        assert!(is_above_zero(&figures["server"]["cpu_us_per_message"]));
        assert!(figures["server_memory"]["pss_bytes_per_topic"].is_number());
    }
}

#[test]
fn all_come_back_after_a_storm() {
    for how in ["", "--close --jitter 0.2"] {
        let load = "storm --url ws://@http/sub/{topic} -n 100 --steady 5 --rounds 3 --rest 0.05";
        let figures = run("", &format!("{load} --server-pid @pid {how}"));
        let rounds = figures["rounds"].as_array().unwrap();
        assert_eq!(rounds.len(), 3);
        assert!(rounds.iter().all(|round| round["live_again"] == 100));
        assert_eq!(figures["deliveries"]["got"], 300, "one for each in a round");
        assert!(is_above_zero(&figures["steady"]["latency_during"]["count"]));
        assert!(is_above_zero(&figures["steady"]["latency_before"]["count"]));
    }
}

/// A server whose topics have a history of so many messages.
fn run_with_history(messages: u32, words: &str) -> Value {
    let folder = Folder::new();
    let settings = format!("[topics]\nhistory_size = {messages}\n");
    let settings = folder.write("corecast.toml", &settings);
    run(&format!("--config {settings}"), words)
}

const RESUMING_STORM: &str = "storm --url ws://@http/sub/{topic} -n 100 --steady 5 --rounds 2 \
                              --rest 0.05 --resume --missed 50 --server-pid @pid";

#[test]
fn those_that_resume_after_a_storm_have_what_they_missed() {
    for how in ["", "--close --jitter 0.2"] {
        let figures = run_with_history(1000, &format!("{RESUMING_STORM} {how}"));
        assert_eq!(figures["deliveries"]["got"], 2 * 51 * 100);
        for round in figures["rounds"].as_array().unwrap() {
            assert_eq!(round["gaps_told"], 0);
            assert!(is_above_zero(&round["caught_up_s"]));
            assert!(is_above_zero(&round["server_cpu_us_per_message"]));
        }
    }
}

/// The same over the structured protocol, in both its forms.
fn structured() -> [String; 2] {
    ["", "?format=protobuf"].map(|form| {
        let url = format!("/connection/websocket{form}#{{topic}}");
        RESUMING_STORM.replace("/sub/{topic}", &url)
    })
}

#[test]
fn sessions_that_recover_after_a_storm_have_what_they_missed() {
    for storm in structured() {
        let figures = run_with_history(1000, &format!("{storm} --no-preflight"));
        assert_eq!(figures["deliveries"]["got"], 2 * 51 * 100);
        let rounds = figures["rounds"].as_array().unwrap();
        assert!(rounds.iter().all(|round| round["gaps_told"] == 0));
    }
    let figures = run_with_history(10, &structured()[0]);
    let rounds = figures["rounds"].as_array().unwrap();
    let gaps = rounds.iter().map(|round| &round["gaps_told"]);
    assert_eq!(gaps.collect::<Vec<_>>(), [100, 100]);
}

#[test]
fn those_that_resume_where_the_history_is_short_are_told_of_a_gap() {
    let figures = run_with_history(10, RESUMING_STORM);
    let rounds = figures["rounds"].as_array().unwrap();
    let gaps = rounds.iter().map(|round| &round["gaps_told"]);
    assert_eq!(gaps.collect::<Vec<_>>(), [100, 100]);
}

#[test]
fn those_that_resume_miss_nothing_however_often_they_leave() {
    let load = "soak --url ws://@http/sub/{topic} -n 40 --rate 200 --churn 50 --duration 1.5s \
                --interval 0.3 --memory-growth-max 1000 --resume";
    let figures = run_with_history(10_000, load);
    assert!(is_above_zero(&figures["left"]));
    assert_eq!(figures["gaps_told"], 0);
    let sent = figures["messages_sent"].as_u64().unwrap();
    assert_eq!(figures["deliveries"]["got"], 40 * sent);
}

/// 512 KiB a second: a stopped reader is behind by more than a log of 1 MiB and its sockets when
/// the time is over, and a reader may be kept from it by a busy machine for two seconds.
const SLOW: &str = "slow --url ws://@http/sub/{topic} -n 6 --slow 2 --rate 32 --payload 16384 \
                    --duration 4s --slow-buffer 4096 --server-pid @pid";

#[test]
fn slow_readers_miss_messages_or_are_closed_and_the_others_notice_nothing() {
    let cases = [
        ("", "--stopped"),
        ("", "--slow-rate 20000 --rounds 2"),
        ("--slow-consumer disconnect", "--stopped"),
    ];
    at_once(&cases, |(server, flags)| {
        let figures = run(server, &format!("{SLOW} {flags}"));
        let slow = &figures["slow"];
        assert!(is_above_zero(&slow["messages_missed"]), "{figures:#}");
        assert!(is_above_zero(&slow["messages_got"]), "{figures:#}");
        assert!(is_above_zero(&figures["latency_beside_slow"]["count"]));
        if !server.is_empty() {
            let ended = slow["ended"].as_object().unwrap().values();
            let total: u64 = ended.filter_map(Value::as_u64).sum();
            assert_eq!(total, 2, "{figures:#}");
        }
    });
}

#[test]
fn nothing_is_lost_while_some_leave_and_return() {
    let load = "soak --url ws://@http/sub/{topic} -n 40 --rate 200 --churn 50 --duration 1.5s \
                --interval 0.3 --memory-growth-max 1000 --server-pid @pid";
    let figures = run("", load);
    assert!(is_above_zero(&figures["left"]));
    assert!(figures["intervals"].as_array().unwrap().len() >= 3);
    assert!(is_above_zero(&figures["intervals"][0]["deliveries"]));
    assert!(figures["memory_growth_percent"].is_number());
}

#[test]
fn thousands_may_publish() {
    let load = "fanout --url ws://@http/sub/{topic} -n 10 --publishers 1500 -m 3000 --threads 2";
    let figures = run("", load);
    assert_eq!(figures["deliveries"]["got"], 30_000);
    assert_eq!(figures["reached"]["messages"], 3000);
    let at = |which: &str| figures["reached"][which]["p50_us"].as_f64().unwrap();
    assert!(at("to_first") <= at("to_median") && at("to_median") <= at("to_last"));
}
