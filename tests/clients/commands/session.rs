//! `corecast sub` and `corecast pub` over the structured protocol, and the HTTP API.

use std::fs;

use corecast::{Kind, Relay, RelaySettings};
use rustix::process::Signal;
use serde_json::Value;

use crate::commands::subscribe::serve;
use crate::commands::{Sub, corecast, fail, run, succeed};
use crate::support::server::{Running, builder};
use crate::support::wait::wait_until;

#[test]
fn several_topics_and_patterns_are_received_over_one_connection() {
    let server = Running::start(builder(2));
    let url = format!("ws://{}", server.http());
    let sub = Sub::start(&["news", "sensor:+/temp", "--url", &url]);
    let publish = |topic: &str, message: &str| {
        let args = [
            "pub",
            topic,
            message,
            "--url",
            &url,
            "--protocol",
            "structured",
        ];
        succeed(&args, b"");
    };
    publish("sensor:1/temp", "21");
    assert_eq!(sub.line(), "sensor:1/temp\t21");
    publish("sensor:1/light", "9");
    publish("news", "{\"a\": \"b\"}");
    assert_eq!(sub.line(), "news\t{\"a\": \"b\"}");
    server.publish("news", Kind::Binary, &[0, 255]);
    assert_eq!(sub.line(), "news\tAP8=");
    sub.signal(Signal::INT);
    let (status, told) = sub.wait();
    assert!(status.success() && told.is_empty(), "{told:?}");
    let lines: String = (0..2_000).map(|n| format!("{n}\n")).collect();
    let sub = Sub::start(&["news", "--url", &url, "--protocol", "structured"]);
    let args = [
        "pub",
        "news",
        "--lines",
        "--url",
        &url,
        "--protocol",
        "structured",
    ];
    succeed(&args, lines.as_bytes());
    (0..2_000).for_each(|n| assert_eq!(sub.line(), n.to_string()));
    let output = run(&args, b"no JSON");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--binary"));
}

#[test]
fn what_was_published_before_and_meanwhile_is_received_once() {
    let (server, addr) = serve(None, &[]);
    let url = format!("ws://{addr}");
    let publish = |range: std::ops::RangeInclusive<u32>| {
        let lines: String = range.map(|n| format!("{n}\n")).collect();
        let args = ["pub", "a", "--lines", "--url", &url];
        succeed(&args, lines.as_bytes());
    };
    publish(1..=5);
    let structured = ["a", "--url", &url, "--protocol", "structured", "--since"];
    let all = Sub::start(&[&structured[..], &["earliest", "--json"]].concat());
    let newest = Sub::start(&[&structured[..], &["last=2"]].concat());
    publish(6..=7);
    let objects: Vec<Value> = (1..=7)
        .map(|_| serde_json::from_str(&all.line()).unwrap())
        .collect();
    for (n, object) in (1..).zip(&objects) {
        assert_eq!(
            (&object["data"], &object["offset"]),
            (&n.to_string().into(), &n.into())
        );
    }
    assert_eq!([(); 4].map(|()| newest.line()), ["4", "5", "6", "7"]);
    let place = format!("{}:5", objects[0]["epoch"].as_str().unwrap());
    let after = Sub::start(&[&structured[..], &[&place]].concat());
    assert_eq!([(); 2].map(|()| after.line()), ["6", "7"]);
    publish(8..=407);
    let args = [
        "a",
        "--url",
        &url,
        "--protocol",
        "structured",
        "--since",
        "last=400",
    ];
    let many = Sub::start(&args);
    (8..=407).for_each(|n| assert_eq!(many.line(), n.to_string(), "of two pages"));
    (8..=407).for_each(|n| assert_eq!(after.line(), n.to_string()));
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());
    let (_server, _) = serve(Some(addr), &[]);
    after.wait_told("a: gap: ");
    after.wait_told("connected again");
    publish(8..=8);
    assert_eq!(after.line(), "8");
}

#[test]
fn a_token_is_made_before_there_is_a_connection() {
    let name = format!("corecast-{}-token-early", std::process::id());
    let ran = std::env::temp_dir().join(name);
    let make = format!("mkdir -p {} && echo token", ran.display());
    for command in [&["sub", "a"][..], &["pub", "a", "1"]] {
        fs::remove_dir(&ran).ok();
        let flags = ["--url", "ws://127.0.0.1:1", "--protocol", "structured"];
        let timed = ["--connect-timeout", "300ms", "--token-command", &make];
        fail(&[command, &flags, &timed].concat());
        assert!(
            ran.exists(),
            "{command:?}: nobody accepts, and the command has run"
        );
    }
    fs::remove_dir(&ran).ok();
}

#[test]
fn the_api_publishes_and_acknowledges() {
    let relay = Relay::new(RelaySettings::default().with_api_key("a key"));
    let server = Running::with(builder(2), move |_| relay.clone());
    let url = format!("http://{}", server.http());
    let sub = Sub::start(&["lobby", "--url", &url]);
    let publish = |args: &[&str]| {
        let args = [&["pub", "lobby", "--url", &url, "--api-key", "a key"], args].concat();
        succeed(&args, b"");
    };
    publish(&["{\"a\": 1}", "--repeat", "2"]);
    publish(&["\u{e4}", "--binary"]);
    publish(&["1", "--idempotency-key", "once"]);
    publish(&["1", "--idempotency-key", "once"]);
    publish(&["2"]);
    let lines = [(); 5].map(|()| sub.line());
    assert_eq!(lines, ["{\"a\": 1}", "{\"a\": 1}", "w6Q=", "1", "2"]);
    for (args, code, part) in [
        (
            &["1", "--api-key", "another"][..],
            1,
            "is the API key right",
        ),
        (&["no JSON", "--api-key", "a key"], 2, "--binary"),
    ] {
        let (ended, told) = fail(&[&["pub", "lobby", "--url", &url], args].concat());
        assert_eq!(ended, Some(code));
        assert!(told.contains(part), "{told}");
    }
}

#[cfg(feature = "auth")]
#[test]
fn a_token_that_has_expired_is_replaced_by_its_command() {
    const SECRET: (&str, &str) = (
        "CORECAST_AUTH_HMAC_SECRET",
        "0123456789abcdef0123456789abcdef",
    );
    const EXACT: (&str, &str) = ("CORECAST_AUTH_LEEWAY", "0s");
    let rules = ("CORECAST_AUTH_RULES", "users subscribe+publish+history #");
    let (_server, addr) = serve(None, &[SECRET, EXACT, rules]);
    let url = format!("ws://{addr}");
    let made = |expires: &str| {
        let args = ["token", "create", "--user", "ann", "--expires", expires];
        let output = corecast(&args).env(SECRET.0, SECRET.1).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let good = made("1h");
    let name = format!("corecast-{}-token-runs", std::process::id());
    let runs = std::env::temp_dir().join(name);
    // The first token has expired, the next ones are good.
    let (file, old) = (runs.display(), made("1s"));
    wait_until("the token expires", || {
        let mut check = corecast(&["token", "check", &old]);
        let check = check.envs([SECRET, EXACT]).output().unwrap();
        !check.status.success()
    });
    let make = format!("if mkdir {file} 2>&-; then echo {old}; else echo {good}; fi");
    let subs = ["raw", "structured"].map(|protocol| {
        fs::remove_dir(&runs).ok();
        let args = ["a", "--url", &url, "--token-command", &make];
        let sub = Sub::start(&[&args[..], &["--protocol", protocol]].concat());
        assert!(runs.exists(), "{protocol}: the first token was shown");
        sub
    });
    succeed(&["pub", "a", "1", "--url", &url, "--token", &good], b"");
    assert_eq!(subs.each_ref().map(Sub::line), ["1", "1"]);
    fs::remove_dir(&runs).ok();
    for command in [&["sub", "a"][..], &["pub", "a", "1"]] {
        let (code, told) = fail(&[command, &["--url", &url]].concat());
        assert_eq!(code, Some(1));
        assert!(
            told.contains("status 401") && told.contains("--token-file"),
            "{told}"
        );
    }
}
