//! What the client does on the wire, and what it refuses.

use std::net::TcpListener;

use crate::run::{Folder, Server, fails, passes, says};
use crate::stand_in::{Fault, StandIn};
use crate::wire::{CLOSE, PONG};

#[test]
fn pings_and_close_frames_are_answered_and_leaving_sends_one() {
    let connect = "connect --url ws://@http/sub/a -n 3 --hold 0.3 --no-preflight";
    let storm =
        "storm --url ws://@http/sub/{topic} --close -n 3 --steady 1 --rest 0 --no-preflight";
    let code = |code: u16| (CLOSE, code.to_be_bytes().to_vec());
    for (fault, words, answer) in [
        (Fault::CloseAll, connect, code(1013)),
        (Fault::PingAll, connect, (PONG, b"hi".to_vec())),
        (Fault::None, storm, code(1001)),
    ] {
        let server = StandIn::start(fault);
        let words = words.replace("@http", &server.http);
        match fault {
            Fault::CloseAll => drop(fails(&words)),
            Fault::PingAll => assert_eq!(passes(&words)["pings_answered"], 3),
            _ => drop(passes(&words)),
        }
        let answers: Vec<_> = server.heard.iter().take(3).collect();
        assert_eq!(answers, vec![answer; 3], "{words}");
    }
}

#[test]
fn a_server_on_ipv6_is_loaded_as_well() {
    if TcpListener::bind("[::1]:0").is_err() {
        // This host has no IPv6.
        return;
    }
    let server = Server::corecast("--http [::1]:0");
    for words in ["fanout -n 20 -m 5", "storm -n 20 --steady 2 --rest 0"] {
        passes(&server.words(&format!("{words} --url ws://@http/sub/{{topic}}")));
    }
}

#[test]
fn what_cannot_work_is_said_before_the_run_with_what_to_do() {
    let before = |words: &str, expected: &[&str]| {
        let said = says(1, words);
        let all = ["before the run: ws://"].iter().chain(expected);
        all.for_each(|text| assert!(said.contains(text), "{text}: {said}"));
    };
    let busy = StandIn::start(Fault::Refuse(0));
    let url = format!("ws://{}/sub/{{topic}}", busy.http);
    before(&format!("fanout --url {url} -n 5"), &["503", "limit"]);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = gone.local_addr().unwrap();
    drop(gone);
    before(
        &format!("chat --url ws://{addr}/ws/a"),
        &["is the server running"],
    );
    let server = Server::corecast("--http 127.0.0.1:0");
    before(
        &server.words("soak --url ws://@http/nowhere"),
        &["404", "path"],
    );
    let silent = "fanout --url ws://@http/sub/a --publish-url ws://@http/sub/a";
    before(&server.words(silent), &["--publish-url"]);
}

#[test]
fn wrong_usage_is_refused() {
    for words in [
        "connect --url ws://[::1]:1/ -n 30000",
        "connect --url ws://127.0.0.1:1/ --rate 0",
        "connect --url ws://127.0.0.1:1/ --hold never",
        "chat --url ws://127.0.0.1:1/ --rate 0",
        "topics --url tcp://127.0.0.1:1",
        "topics --url ws://127.0.0.1:1/sub/one",
        "storm --url ws://127.0.0.1:1/sub/one",
        "slow --url ws://127.0.0.1:1/",
        "slow --url ws://127.0.0.1:1/ -n 5 --slow 5 --stopped",
        "soak --url ws://127.0.0.1:1/ --interval 0",
        "soak --url ws://127.0.0.1:1/ --deadline 1",
        "soak --url ws://127.0.0.1:1/ --duration 30s --server-pid 1",
        "fanout --url ws://127.0.0.1:1/ -m 0",
        "fanout --url ws://127.0.0.1:1/ --timeout NaN",
        "fanout --url ws://127.0.0.1:1/ --rate 1 --duration=-1",
    ] {
        says(2, words);
    }
}

#[test]
fn what_comes_after_a_run_is_looked_at_before_it() {
    let server = Server::corecast("--http 127.0.0.1:0");
    let run = server.words("fanout --url ws://@http/sub/{topic} -n 2 -m 2");
    let folder = Folder::new();
    let kept = folder.write("kept.json", "of an earlier run");
    let does = format!("process {} (corecast) does", server.pid());
    let (own, none) = (std::process::id(), u32::MAX);
    for (flags, expected) in [
        (
            "--json /no/such/place.json".to_owned(),
            "cannot write /no/such/place.json: No such file",
        ),
        ("--html /".to_owned(), "cannot write /: Is a directory"),
        (format!("--json {kept} --html {kept}"), "must be two files"),
        (format!("--json {kept} --server-pid {own}"), does.as_str()),
        (
            format!("--json {kept} --server-pid {none}"),
            "no such process",
        ),
    ] {
        let said = says(2, &format!("{run} {flags}"));
        assert!(said.contains(expected), "{said}");
        // Nothing was made.
        assert!(!said.contains("deliveries"), "{said}");
    }
    assert_eq!(folder.read("kept.json"), "of an earlier run");
    passes(&server.words(&format!("{run} --server-pid @pid")));
}

#[test]
fn a_scenario_that_cannot_be_made_is_told_whole_and_nothing_is_run() {
    let folder = Folder::new();
    let text = "[server]\nprogram = \"/no/such/program\"\n[[run]]\nname = \"a\"\n\
                command = \"echo\"\nurl = \"ws://{http}/echo\"\n";
    let (file, out) = (
        folder.write("a.toml", text),
        folder.write("a.out", "no directory"),
    );
    let said = says(2, &format!("run {file} --only b --only c --out {out}"));
    for expected in [
        "nothing was run:",
        "there is no run `b`: there are a",
        "there is no run `c`",
        "there is no program `/no/such/program`",
        ".out: ",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}
