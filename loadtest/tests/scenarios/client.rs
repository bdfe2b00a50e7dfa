//! What the client does on the wire, and what it refuses.

use std::net::TcpListener;

use crate::run::{Corecast, passes, refused, shown};
use crate::stand_in::{Fault, StandIn};
use crate::wire::{CLOSE, PONG};

#[test]
fn a_close_frame_is_answered_with_its_code() {
    let server = StandIn::start(Fault::CloseAll);
    let flags = format!(
        "connect --url ws://{}/sub/a -n 3 --hold 1s --no-preflight",
        server.http
    );
    crate::run::fails(&flags);
    let answers: Vec<_> = server.heard.iter().take(3).collect();
    assert_eq!(answers, vec![(CLOSE, 1013_u16.to_be_bytes().to_vec()); 3]);
}

#[test]
fn pings_are_answered_and_counted() {
    let server = StandIn::start(Fault::PingAll);
    let flags = format!(
        "connect --url ws://{}/sub/a -n 3 --hold 1s --no-preflight",
        server.http
    );
    assert_eq!(passes(&flags)["pings_answered"], 3);
    let answers: Vec<_> = server.heard.iter().take(3).collect();
    assert_eq!(answers, vec![(PONG, b"hi".to_vec()); 3]);
}

#[test]
fn those_who_close_properly_send_a_close_frame() {
    let server = StandIn::start(Fault::None);
    let flags = "--close -n 3 --steady 1 --rest 0 --no-preflight";
    passes(&format!(
        "storm --url ws://{}/sub/{{topic}} {flags}",
        server.http
    ));
    let frames: Vec<_> = server.heard.iter().take(3).collect();
    assert_eq!(frames, vec![(CLOSE, 1001_u16.to_be_bytes().to_vec()); 3]);
}

#[test]
fn a_server_on_ipv6_is_loaded_as_well() {
    if TcpListener::bind("[::1]:0").is_err() {
        // This host has no IPv6.
        return;
    }
    let corecast = Corecast::start("--http [::1]:0");
    let url = format!("ws://{}/sub/{{topic}}", corecast.http);
    passes(&format!("fanout --url {url} -n 20 -m 5"));
    passes(&format!("storm --url {url} -n 20 --steady 2 --rest 0"));
}

/// What is said where a look before the run finds that it cannot be made.
fn said_before(fault: Fault, flags: &str) -> String {
    let server = StandIn::start(fault);
    let output = refused(&flags.replace("@http", &server.http));
    let said = shown(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("before the run: ws://"), "{said}");
    said
}

#[test]
fn what_cannot_work_is_said_before_the_run_with_what_to_do() {
    let fanout = "fanout --url ws://@http/sub/{topic} -n 5";
    let said = said_before(Fault::Refuse(0), fanout);
    assert!(said.contains("503") && said.contains("limit"), "{said}");
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = gone.local_addr().unwrap();
    drop(gone);
    let said = shown(&refused(&format!("chat --url ws://{addr}/ws/a")));
    assert!(said.contains("is the server running"), "{said}");
    let corecast = Corecast::start("--http 127.0.0.1:0");
    let said = |flags: &str| shown(&refused(&flags.replace("@http", &corecast.http)));
    let missing = said("soak --url ws://@http/nowhere");
    assert!(
        missing.contains("404") && missing.contains("path"),
        "{missing}"
    );
    let silent = said("fanout --url ws://@http/sub/a --publish-url ws://@http/sub/a");
    assert!(silent.contains("--publish-url"), "{silent}");
}

#[test]
fn wrong_usage_is_refused() {
    for flags in [
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
        let output = refused(flags);
        assert_eq!(output.status.code(), Some(2), "{flags}: {}", shown(&output));
    }
}

#[test]
fn what_comes_after_a_run_is_looked_at_before_it() {
    let corecast = Corecast::start("--http 127.0.0.1:0");
    let run = format!(
        "fanout --url ws://{}/sub/{{topic}} -n 2 -m 2",
        corecast.http
    );
    let kept = std::env::temp_dir().join(format!("loadtest-kept-{}.json", std::process::id()));
    std::fs::write(&kept, "of an earlier run").unwrap();
    let kept_path = kept.display();
    let own = std::process::id();
    let does = format!("process {} (corecast) does", corecast.pid());
    for (flags, expected) in [
        (
            "--json /no/such/place.json".to_owned(),
            "cannot write /no/such/place.json: No such file",
        ),
        ("--html /".to_owned(), "cannot write /: Is a directory"),
        (
            format!("--json {kept_path} --html {kept_path}"),
            "must be two files",
        ),
        (
            format!("--json {kept_path} --server-pid {own}"),
            does.as_str(),
        ),
        (
            format!("--json {kept_path} --server-pid {}", u32::MAX),
            "no such process",
        ),
    ] {
        let output = refused(&format!("{run} {flags}"));
        let said = shown(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
        // Nothing was made.
        assert!(!said.contains("deliveries"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "of an earlier run");
    std::fs::remove_file(&kept).unwrap();
    passes(&format!("{run} --server-pid {}", corecast.pid()));
}

#[test]
fn a_scenario_that_cannot_be_made_is_told_whole_and_nothing_is_run() {
    let file = std::env::temp_dir().join(format!("loadtest-wrong-{}.toml", std::process::id()));
    let text = "[server]\nprogram = \"/no/such/program\"\n[[run]]\nname = \"a\"\n\
                command = \"echo\"\nurl = \"ws://{http}/echo\"\n";
    std::fs::write(&file, text).unwrap();
    let out = file.with_extension("out");
    std::fs::write(&out, "no directory").unwrap();
    let output = refused(&format!(
        "run {} --only b --only c --out {}",
        file.display(),
        out.display()
    ));
    let said = shown(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for expected in [
        "nothing was run:",
        "there is no run `b`: there are a",
        "there is no run `c`",
        "there is no program `/no/such/program`",
        ".out: ",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::remove_file(&out).unwrap();
}
