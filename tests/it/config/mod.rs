//! The configuration of the program: its file, its variables, its commands.

mod messages;
mod secured;
#[cfg(feature = "auth")]
mod tokens;
mod topics;

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tungstenite::Message;

use crate::support::http::{ask, read_head, upgrade_request};
use crate::support::length_prefix::LengthPrefix;
use crate::support::program::Program;
use crate::support::socket::{dial, read_to_the_end};
use crate::support::ws::Ws;

/// A file of the test's own, gone when dropped.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new(test: &str, text: &str) -> Self {
        let name = format!("corecast-{}-{test}.toml", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// Runs `corecast config` to its end.
fn config(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.arg("config").args(args).envs(env.iter().copied());
    command.stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_file_describes_a_server() {
    let file = File::new(
        "serves",
        "shards = 2\n\
         [limits]\nmessage = \"10B\"\n\
         [admin]\naddress = \"127.0.0.1:0\"\n\
         [[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n\
         [[listener]]\nprotocol = \"length-prefix\"\naddress = \"127.0.0.1:0\"\ntopic = \"a\"\n\
         [[listener]]\nprotocol = \"length-prefix\"\naddress = \"127.0.0.1:0\"\ntopic = \"b\"\n",
    );
    let mut program = Program::run(&["serve", "--config", file.path()]);
    let http: SocketAddr = program.wait_for("listening http ").parse().unwrap();
    let tcp = [(); 2].map(|()| program.wait_for("listening tcp ").parse().unwrap());
    program.wait_for("listening admin ");
    program.wait_for("ready: 2 shards");
    for (addr, topic) in tcp.into_iter().zip(["a", "b"]) {
        let mut browser = Ws::connect(http, &format!("/ws/{topic}"));
        let mut device = LengthPrefix::connect(addr);
        device.send(topic.as_bytes());
        assert_eq!(browser.next(), Message::binary(topic.as_bytes().to_vec()));
        browser.send_text("01234567890");
        assert_eq!(browser.expect_close().0, 1009);
    }
}

#[test]
fn variables_describe_a_server_and_name_the_file() {
    let file = File::new("env", "shards = 1\n[log]\nlevel = \"warn\"\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.env("CORECAST_CONFIG", file.path());
    command.env("CORECAST_LISTENER_0_ADDRESS", "127.0.0.1:0");
    command.env("CORECAST_LISTENER_1_ADDRESS", "127.0.0.1:0");
    command.env("CORECAST_LOG_LEVEL", "info");
    let mut program = Program::spawn(command);
    program.wait_for("ready: 1 shards");
}

#[test]
fn a_file_sets_origins_the_api_key_and_compression() {
    let file = File::new(
        "http",
        "[http]\norigins = [\"https://*.example.com\"]\n[compression]\nenabled = false\n\
         [limits]\nbody = \"40B\"\n\
         [[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n",
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.args(["--config", file.path()]);
    command.env("CORECAST_API_KEY", "hunter2");
    let mut program = Program::spawn(command);
    let http: SocketAddr = program.wait_for("listening http ").parse().unwrap();
    program.wait_for("ready: ");
    let publish = |fields: &str, body: &str| {
        let len = body.len();
        let head = "POST /api/publish HTTP/1.1\r\nHost: test\r\n";
        let request = format!("{head}{fields}Content-Length: {len}\r\n\r\n{body}");
        ask(http, request).status
    };
    let body = r#"{"channel":"lobby","data":1}"#;
    assert_eq!(publish("", body), 401);
    assert_eq!(publish("X-API-Key: hunter2\r\n", body), 200);
    let long = body.replace('1', "12345678901234567890");
    assert_eq!(publish("X-API-Key: hunter2\r\n", &long), 413);
    let page = |origin: &str| {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: test\r\nOrigin: {origin}\r\n\r\n");
        ask(http, request).status
    };
    assert_eq!(page("https://app.example.com"), 200);
    assert_eq!(page("http://test"), 403);
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let request = upgrade_request("/ws/lobby").replace("\r\n\r\n", &format!("\r\n{offer}"));
    let mut stream = dial(http);
    stream.write_all(request.as_bytes()).unwrap();
    let answer = read_head(&mut stream);
    assert_eq!(answer.status, 101);
    assert_eq!(answer.field("sec-websocket-extensions"), None, "{answer:?}");
}

#[test]
fn a_file_sets_trusted_proxies_and_rates() {
    let file = File::new(
        "admission",
        "trusted_proxies = [\"127.0.0.1\"]\n\
         [limits]\nconnections_per_address = 1\nbeyond_rate = \"close\"\n\
         message_rate = \"1/s, 2 at once\"\n\
         [[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\nproxy_protocol = true\n",
    );
    let mut program = Program::run(&["serve", "--config", file.path()]);
    let http: SocketAddr = program.wait_for("listening http ").parse().unwrap();
    program.wait_for("ready: ");
    let come = |from: &str| {
        let mut stream = dial(http);
        let header = format!("PROXY TCP4 {from} 192.0.2.1 7 80\r\n");
        let request = format!("{header}{}", upgrade_request("/ws/lobby"));
        stream.write_all(request.as_bytes()).unwrap();
        let status = read_head(&mut stream).status;
        (stream, status)
    };
    let (mut first, status) = come("203.0.113.1");
    assert_eq!(status, 101);
    assert_eq!(come("203.0.113.1").1, 429);
    assert_eq!(come("203.0.113.2").1, 101);
    // Three empty messages, of which two may come at once, masked with nothing.
    first.write_all(&b"\x82\x80\0\0\0\0".repeat(3)).unwrap();
    let end = read_to_the_end(&mut first);
    assert!(
        end.windows(4)
            .any(|bytes| bytes[0] == 0x88 && bytes[2..] == 1008_u16.to_be_bytes())
    );
}

#[test]
fn all_errors_are_reported_before_anything_starts() {
    let file = File::new("all-errors", "shards = 0\n[limits]\nmesage = \"1MiB\"\n");
    let path = file.path();
    let expected = [
        format!("{path}:1: shards: cannot be 0; must be a number from 1 to 256 or \"auto\""),
        format!("{path}:3: limits.mesage: unknown key; did you mean limits.message?"),
        "CORECAST_PIN: pin: cannot be \"maybe\"; must be true, false or \"auto\"".to_owned(),
    ];
    let env = [("CORECAST_PIN", "maybe")];
    for args in [&["check", path][..], &["print", "--config", path]] {
        let output = config(args, &env);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(output.stderr).lines().collect::<Vec<_>>(), expected);
        assert_eq!(text(output.stdout), "");
    }
    let (status, log) = Program::run(&["--config", path, "--max-message", "0"]).wait();
    assert_eq!(status.code(), Some(2), "{log}");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines[..2], expected[..2], "{log}");
    assert!(
        lines[2].starts_with("--max-message: limits.message: cannot be \"0\""),
        "{log}"
    );

    let output = config(&["check", "/no/such/file"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(output.stderr).starts_with("cannot read /no/such/file: "));
}

#[test]
fn the_default_file_is_right_and_print_says_where_values_are_from() {
    let default = config(&["default"], &[]);
    assert_eq!(default.status.code(), Some(0));
    let file = File::new("default", &text(default.stdout));
    let check = config(&["check", file.path()], &[]);
    assert_eq!(check.status.code(), Some(0), "{check:?}");
    assert_eq!(text(check.stdout), "the configuration is valid\n");

    let env = [("CORECAST_TIMEOUTS_PING", "20s")];
    let print = config(&["print", "--config", file.path(), "--shards", "3"], &env);
    let print = text(print.stdout);
    assert!(
        print.contains("\nping = \"20s\" # CORECAST_TIMEOUTS_PING\n"),
        "{print}"
    );
    assert!(print.starts_with("shards = 3 # --shards\n"), "{print}");
    assert!(
        print.contains(&format!("\npong = \"10s\" # {}:", file.path())),
        "{print}"
    );
    let again = File::new("again", &print);
    let print_of_print = config(&["print", "--config", again.path()], &[]);
    assert!(text(print_of_print.stdout).contains("\nping = \"20s\" # "));
}

#[test]
fn the_printed_reference_is_the_documented_page() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIG.md"));
    assert_eq!(text(config(&["doc"], &[]).stdout), page.unwrap());
}
