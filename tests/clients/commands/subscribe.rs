//! `corecast sub`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;

use corecast::{CloseReason, Kind, Listener};
use rustix::process::Signal;
use serde_json::Value;

use crate::commands::{Sub, succeed};
use crate::support::api;
use crate::support::program::Program;
use crate::support::server::{ANY, Running, builder};
use crate::support::tls::Authority;
use crate::support::wait::wait_until;

#[test]
fn each_message_is_a_line() {
    let server = Running::start(builder(2));
    let url = format!("ws://{}", server.http());
    let sub = Sub::start(&["lobby", "--url", &url]);
    let json = Sub::start(&["lobby", "--url", &url, "--json", "--count", "2"]);
    let tcp = Sub::start(&["-", "--url", &format!("tcp://{}", server.tcp())]);
    server.publish("lobby", Kind::Text, b"one\ntwo");
    server.publish("lobby", Kind::Binary, &[0, 255]);
    assert_eq!([sub.line(), sub.line()], ["one\\ntwo", "AP8="]);
    assert_eq!([tcp.line(), tcp.line()], ["b25lCnR3bw==", "AP8="]);
    let object: Value = serde_json::from_str(&json.line()).unwrap();
    assert_eq!(object["topic"], "lobby");
    assert_eq!(
        (&object["kind"], &object["data"]),
        (&"text".into(), &"one\ntwo".into())
    );
    assert_eq!(object["offset"], Value::Null);
    json.line();
    let (status, told) = json.wait();
    assert!(
        status.success(),
        "after as many as it is asked for: {told:?}"
    );
}

/// Connections that ended with a close frame of the client.
fn closed(server: &Running) -> u64 {
    server.counters().closed[CloseReason::Client.index()]
}

#[test]
fn signals_and_a_closed_pipe_end_it_in_order() {
    let server = Running::start(builder(1));
    let url = format!("ws://{}", server.http());
    for signal in [Signal::INT, Signal::TERM] {
        let before = closed(&server);
        let sub = Sub::start(&["lobby", "--url", &url]);
        sub.signal(signal);
        let (status, told) = sub.wait();
        assert!(status.success() && told.is_empty(), "{told:?}");
        wait_until("a close frame has come", || closed(&server) == before + 1);
    }
    let (sub, stdout) = Sub::unread(&["lobby", "--url", &url]);
    server.publish("lobby", Kind::Text, b"one");
    let mut stdout = BufReader::new(stdout);
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "one\n");
    drop(stdout);
    let (status, told) = sub.wait();
    assert!(
        status.success() && told.is_empty(),
        "without another message: {told:?}"
    );
}

#[test]
fn tls_needs_the_authority_of_the_server() {
    let authority = Authority::new("commands");
    authority.sign("host", "host", &["127.0.0.1"]);
    let tls = Listener::http(ANY).tls(authority.settings("host"));
    let server = Running::start(builder(1).listen(tls));
    let url = format!("wss://{}", server.http_addrs()[1]);
    let ca = authority.path("ca.pem");
    let secured = ["--url", &url, "--ca", ca.to_str().unwrap()];
    let sub = Sub::start(&[&["lobby"], &secured[..]].concat());
    succeed(&[&["pub", "lobby", "secret"], &secured[..]].concat(), b"");
    assert_eq!(sub.line(), "secret");
    let args = ["sub", "lobby", "--url", &url, "--connect-timeout", "300ms"];
    let (code, told) = crate::commands::fail(&args);
    assert_eq!(code, Some(1));
    assert!(told.contains("--ca names"), "{told}");
}

/// The program with a history, on any port or on the one that it had.
pub(super) fn serve(addr: Option<SocketAddr>, env: &[(&str, &str)]) -> (Program, SocketAddr) {
    api::serve(addr, |command| {
        command.args(["--tcp", "127.0.0.1:0", "--shards", "2"]);
        command.env("CORECAST_TOPICS_HISTORY_SIZE", "1000");
        command.envs(env.iter().copied());
    })
}

#[test]
fn a_subscriber_begins_where_it_is_told() {
    let (_server, addr) = serve(None, &[]);
    let url = format!("ws://{addr}");
    succeed(&["pub", "a", "--url", &url, "--lines"], b"1\n2\n3\n4\n");
    let since = |place: &str, count: &str| {
        let args = [
            "a", "--url", &url, "--since", place, "--count", count, "--json",
        ];
        let sub = Sub::start(&args);
        let count = count.parse::<usize>().unwrap();
        let lines = (0..count).map(|_| serde_json::from_str(&sub.line()).unwrap());
        lines.collect::<Vec<Value>>()
    };
    let data = |objects: &[Value]| -> Vec<String> {
        let data = objects
            .iter()
            .map(|object| object["data"].as_str().unwrap());
        data.map(str::to_owned).collect()
    };
    let all = since("earliest", "4");
    assert_eq!(data(&all), ["1", "2", "3", "4"]);
    assert_eq!(data(&since("last=2", "2")), ["3", "4"]);
    let place = format!("{}:{}", all[0]["epoch"].as_str().unwrap(), all[0]["offset"]);
    assert_eq!(data(&since(&place, "3")), ["2", "3", "4"]);
}

#[test]
fn a_subscriber_outlives_its_server_and_tells_of_the_gap() {
    let (server, addr) = serve(None, &[]);
    let url = format!("ws://{addr}");
    let sub = Sub::start(&["a", "--url", &url, "--since", "earliest"]);
    succeed(&["pub", "a", "1", "--url", &url], b"");
    assert_eq!(sub.line(), "1");
    server.signal(Signal::TERM);
    let (status, log) = server.wait();
    assert!(status.success(), "{log}");
    sub.wait_told("trying again in");
    let (_server, _) = serve(Some(addr), &[]);
    sub.wait_told("connected again");
    sub.wait_told("gap: ");
    succeed(&["pub", "a", "2", "--url", &url], b"");
    assert_eq!(sub.line(), "2");
}
