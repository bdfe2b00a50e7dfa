//! The log of the program, and a reader of it that stalls.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, ErrorKind, PipeReader, PipeWriter, Write, pipe};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};

use crate::admin::scrape;
use crate::support::http::is_served;
use crate::support::socket::dial_small;
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

/// The program, whose standard error is not read any more when it is ready.
struct Stalled {
    child: Child,
    http: SocketAddr,
    admin: SocketAddr,
    log: BufReader<PipeReader>,
    into: PipeWriter,
}

impl Stalled {
    fn start(level: &str) -> Self {
        let (reader, into) = pipe().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
        for listener in ["--http", "--tcp", "--admin"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        command.args(["--shards", "2"]).env_remove("RUST_LOG");
        command.env("CORECAST_LOG_LEVEL", level);
        command.stderr(Stdio::from(into.try_clone().unwrap()));
        let child = command.spawn().unwrap();
        let mut log = BufReader::new(reader);
        let mut wait_for = |text: &str| {
            let mut line = String::new();
            while !line.contains(text) {
                line.clear();
                assert_ne!(log.read_line(&mut line).unwrap(), 0, "no {text}");
            }
            let (_, rest) = line.split_once(text).unwrap();
            rest.trim().to_owned()
        };
        let http = wait_for("listening http ").parse().unwrap();
        let admin = wait_for("listening admin ").parse().unwrap();
        wait_for("ready: ");
        let stalled = Self {
            child,
            http,
            admin,
            log,
            into,
        };
        stalled.fill();
        stalled
    }

    /// Leaves no space in the pipe, whose end at the server blocks as before.
    fn fill(&self) {
        let mut end = OpenOptions::new()
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(format!("/proc/self/fd/{}", self.into.as_raw_fd()))
            .unwrap();
        for len in [4096, 1] {
            let full = loop {
                if let Err(err) = end.write_all(&b"x".repeat(len)) {
                    break err;
                }
            };
            assert_eq!(full.kind(), ErrorKind::WouldBlock);
        }
    }

    fn signal(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    fn exit_code(mut self) -> Option<i32> {
        let mut status = None;
        wait_until("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.and_then(|status| status.code())
    }
}

impl Drop for Stalled {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_reader_of_the_log_that_stalls_stops_no_shard() {
    let mut server = Stalled::start("debug");
    let lost = |server: &Stalled| scrape(server.admin)["corecast_log_lines_lost_total"];
    assert_eq!(lost(&server), 0.0);
    wait_until("lines are lost", || {
        for _ in 0..500 {
            assert!(is_served(server.http));
        }
        0.0 < lost(&server)
    });
    // When the log is read again, the loss is reported.
    let mut line = String::new();
    while !line.contains(" log lines were lost") {
        line.clear();
        assert_ne!(server.log.read_line(&mut line).unwrap(), 0);
    }
    server.fill();
    server.signal();
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn sigterm_drains_a_server_whose_log_is_not_read() {
    let server = Stalled::start("info");
    assert!(is_served(server.http));
    server.signal();
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn a_second_sigterm_ends_a_server_whose_log_is_not_read() {
    let server = Stalled::start("info");
    // Without reading what it is owed it holds the drain up.
    let _slow = Ws::over(dial_small(server.http), "/sub/lobby");
    let mut ws = Ws::connect(server.http, "/ws/lobby");
    for _ in 0..100 {
        ws.send_binary(&[0; 5_000]);
        ws.next_payload();
    }
    server.signal();
    // It drains. The admin port does not tell: it is closed when the drain begins.
    assert_eq!(ws.expect_close().0, 1001);
    server.signal();
    assert_eq!(server.exit_code(), Some(1));
}

#[test]
fn a_start_that_fails_says_why_at_every_level() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for (level, env) in [("off", None), ("info", None), ("info", Some("off"))] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
        command
            .args(["--http", &addr, "--shards", "1"])
            .env_remove("RUST_LOG");
        command.env("CORECAST_LOG_LEVEL", level);
        command.envs(env.map(|env| ("RUST_LOG", env)));
        let ended = command.output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{level} {env:?}");
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(told.matches(&addr).count(), 1, "{level} {env:?}: {told}");
    }
}
