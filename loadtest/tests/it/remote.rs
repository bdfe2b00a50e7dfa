//! Targets on other hosts, and where connections come from.

use crate::hosts::Hosts;
use crate::run::{LOADTEST, Server, load_with, passes, program, says};

#[test]
fn another_host_is_loaded_by_name_only_and_after_it_was_said() {
    let refused = says(2, "fanout --url ws://192.0.2.1:80/sub/a -n 5 -m 5");
    for word in ["--i-may-load 192.0.2.1", "an attack"] {
        assert!(refused.contains(word), "{refused}");
    }
    let other = says(2, "connect --url tcp://192.0.2.1:80 --i-may-load 192.0.2.2");
    assert!(other.contains("--i-may-load 192.0.2.1"), "{other}");
    let attack = "hostile --url ws://192.0.2.1:80/ --garbage-per-s 1 --i-may-load 192.0.2.1";
    assert!(says(2, attack).contains("loopback only"));
    let Some(hosts) = Hosts::new(2) else { return };
    let url = format!("ws://{}:8080/sub/{{topic}}", Hosts::address(0));
    let serve = format!(
        "serve --shards 1 --http {}:8080 --insecure",
        Hosts::address(0)
    );
    let server = Server::of_corecast(hosts.command(0, program()).args(serve.split(' ')));
    let words = format!(
        "fanout --url {url} -n 20 -m 20 --rate 200 --yes --i-may-load {}",
        Hosts::address(0)
    );
    let run = load_with(hosts.command(1, LOADTEST).args(words.split(' ')));
    assert_eq!(run.code, Some(0), "{}", run.said);
    assert!(
        run.said.contains("20 connections, 200 messages a second"),
        "{}",
        run.said
    );
    assert_eq!(run.figures["deliveries"]["got"], 400);
    drop(server);
}

#[test]
fn connections_come_from_the_sources_that_were_asked_for() {
    let server = Server::corecast("--http 127.0.0.1:0 --admin 127.0.0.1:0");
    let load = "fanout --url ws://@http/sub/{topic} -n 20 -m 20 --admin @admin --source";
    let figures = passes(&server.words(&format!("{load} 127.0.0.5,127.0.0.6")));
    let admin = &figures["admin"];
    assert!(admin["connections"].as_u64().unwrap() >= 20, "{admin}");
    assert!(admin["messages_sent"].as_u64().unwrap() >= 400, "{admin}");
    assert!(
        admin["busiest_shard_share"].as_f64().unwrap() > 0.0,
        "{admin}"
    );
    let foreign = says(2, &server.words(&format!("{load} 192.0.2.1")));
    assert!(foreign.contains("--source 192.0.2.1"), "{foreign}");
    let kind = says(2, &server.words(&format!("{load} ::1")));
    assert!(kind.contains("no --source is an address of IPv4"), "{kind}");
    let many = server
        .words(&format!("{load} 127.0.0.5"))
        .replace("-n 20", "-n 70000");
    let many = says(2, &many);
    assert!(many.contains("1 source address of IPv4 with"), "{many}");
    let silent = says(2, "connect --url tcp://127.0.0.1:1 --admin 127.0.0.1:1");
    assert!(silent.contains("--admin 127.0.0.1:1"), "{silent}");
}
