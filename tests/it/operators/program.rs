//! The admin port of the program: its configuration, and what changes the program.

use std::net::SocketAddr;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::operators::{call, see};
use crate::support::http::is_served;
use crate::support::program::Program;
use crate::support::socket::dial;

fn serve(flags: &[&str]) -> (Program, SocketAddr, SocketAddr) {
    let flags = [&["--admin", "127.0.0.1:0", "--shards", "1"], flags].concat();
    let (program, http, _) = Program::serve(&flags);
    let admin = program.logged("listening admin ").unwrap();
    (program, http, admin.parse().unwrap())
}

#[test]
fn the_log_level_changes_at_once() {
    let (mut program, http, admin) = serve(&[]);
    assert_eq!(see(admin, "/admin/log")["level"], "info");
    drop(dial(http));
    let set = |level: &str| {
        let (status, told) = call(
            admin,
            "PUT",
            "/admin/log",
            &format!(r#"{{"level":"{level}"}}"#),
        );
        assert_eq!((status, &told["level"]), (200, &level.into()), "{told}");
    };
    set("debug");
    program.wait_for("admin: log level debug, was info");
    assert!(is_served(http));
    program.wait_for(": conn ");
    set("warn");
    assert_eq!(see(admin, "/admin/log")["level"], "warn");
    program.wait_for("admin: log level warn, was debug");
}

#[test]
fn an_operator_drains_the_program() {
    let (program, _, admin) = serve(&[]);
    assert_eq!(call(admin, "POST", "/admin/drain", "").0, 202);
    let (status, log) = program.wait();
    assert!(status.success(), "{log}");
    assert!(log.contains("admin: draining"), "{log}");
}

#[test]
fn an_address_that_others_reach_wants_a_token() {
    let start = |flags: &[&str]| {
        let flags = [&["--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0"], flags].concat();
        Program::run(&flags)
    };
    let (status, log) = start(&["--admin", "0.0.0.0:0"]).wait();
    assert_eq!(status.code(), Some(2), "{log}");
    for words in [
        "admin.address",
        "admin.token",
        "CORECAST_ADMIN_TOKEN",
        "--insecure",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    let mut insecure = start(&["--admin", "0.0.0.0:0", "--insecure"]);
    insecure.wait_for("ready: ");
}

#[test]
fn each_line_of_the_log_is_an_object_if_asked() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    for listener in ["--http", "--tcp", "--admin"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    command.env("CORECAST_LOG_FORMAT", "json");
    command.env_remove("JOURNAL_STREAM");
    let mut program = Program::spawn(command);
    program.wait_for("ready: ");
    program.signal(Signal::TERM);
    let (status, log) = program.wait();
    assert!(status.success(), "{log}");
    assert!(3 < log.lines().count(), "{log}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        for member in ["time", "level", "target", "message"] {
            assert!(line[member].is_string(), "{member}: {line}");
        }
    }
}

/// As systemd starts a service: standard error is a stream that the variable names.
#[test]
fn the_journal_gets_priorities() {
    let mut command = Command::new("sh");
    let names = "JOURNAL_STREAM=$(stat -L -c %d:%i /dev/stderr) exec \"$0\" \"$@\"";
    command.args(["-c", names, env!("CARGO_BIN_EXE_corecast")]);
    for listener in ["--http", "--tcp"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    let mut program = Program::spawn(command);
    program.wait_for("<6>[INFO  corecast] ready: ");
}
