//! `corecast pub`, as far as it is not what a subscriber sees.

use corecast::Config;

use crate::commands::{fail, run, succeed};
use crate::support::length_prefix::LengthPrefix;
use crate::support::server::{Running, builder};
use crate::support::ws::Ws;

#[test]
fn messages_come_from_an_argument_a_file_or_lines() {
    let server = Running::start(builder(2));
    let url = format!("ws://{}", server.http());
    let mut ws = Ws::connect(server.http(), "/sub/a%2Fb%20%C3%A4");
    let publish = |args: &[&str], input: &[u8]| {
        succeed(
            &[&["pub", "--url", &url, "a/b \u{e4}"], args].concat(),
            input,
        );
    };
    publish(&["hello"], b"");
    assert_eq!(ws.next_text(), "hello");
    publish(&[], b"two\nlines\n");
    assert_eq!(ws.next_text(), "two\nlines\n");
    publish(&["--binary", "-"], &[0, 255]);
    assert!(ws.next().is_binary());
    publish(&["--lines"], b"a\r\nb");
    assert_eq!([ws.next_text(), ws.next_text()], ["a", "b"]);
    publish(&["--file", "Cargo.toml"], b"");
    assert!(ws.next_text().contains("name = \"corecast\""));
    publish(&["x", "--repeat", "3", "--interval", "1ms"], b"");
    assert_eq!([(); 3].map(|()| ws.next_text()), ["x"; 3]);
    let text = run(&["pub", "--url", &url, "a"], &[255]);
    assert_eq!(text.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&text.stderr).contains("--binary"));
}

#[test]
fn many_messages_are_all_taken_when_it_ends() {
    let server = Running::start(builder(2));
    for (url, topic) in [
        (format!("ws://{}", server.http()), "lobby"),
        (format!("tcp://{}", server.tcp()), "-"),
    ] {
        let mut device = LengthPrefix::connect(server.tcp());
        let lines: String = (0..3_000).map(|n| format!("{n}\n")).collect();
        let args = ["pub", "--url", &url, topic, "--lines"];
        succeed(&args, lines.as_bytes());
        for n in 0..3_000 {
            assert_eq!(device.next(), n.to_string().as_bytes());
        }
    }
}

#[test]
fn what_the_server_does_not_take_is_a_failure_that_says_why() {
    let config = Config {
        message_bytes_max: 10,
        ..Config::default()
    };
    let server = Running::start(builder(1).config(config));
    let url = format!("ws://{}", server.http());
    let (code, told) = fail(&["pub", "--url", &url, "a", "01234567890"]);
    assert_eq!(code, Some(1));
    assert!(
        told.contains("1009") && told.contains("limits.message"),
        "{told}"
    );
    let (code, told) = fail(&["pub", "--url", &url, "a\nb", "x"]);
    assert_eq!(code, Some(1));
    assert!(
        told.contains("status 414") || told.contains("status 400"),
        "{told}"
    );
}

#[test]
fn a_server_that_is_not_there_or_is_another_ends_it_in_time() {
    // A port that no test listens on.
    let url = "ws://127.0.0.1:1";
    for command in [&["pub", "a", "x"][..], &["sub", "a"]] {
        let args = [command, &["--url", url, "--connect-timeout", "300ms"]].concat();
        let (code, told) = fail(&args);
        assert_eq!(code, Some(1));
        assert!(told.contains("is the server running"), "{told}");
        assert!(
            told.contains("not connected within --connect-timeout"),
            "{told}"
        );
    }
    let server = Running::start(builder(1));
    let url = format!("ws://{}/elsewhere", server.http());
    let (code, told) = fail(&["sub", "a", "--url", &url]);
    assert_eq!(code, Some(1));
    assert!(
        told.contains("status 404") && told.contains("path"),
        "{told}"
    );
    for (args, part) in [
        (&["sub", "a", "--url", "localhost"][..], "write ws://"),
        (&["sub", "a", "--url", "tcp://a:1"], "write - in place of a"),
        (&["sub", "a", "--since", "yesterday"], "earliest"),
        (&["pub", "a", "--file", "/nowhere"], "cannot read /nowhere"),
    ] {
        let (code, told) = fail(args);
        assert_eq!(code, Some(2), "{args:?}: {told}");
        assert!(told.contains(part), "{args:?}: {told}");
    }
}
