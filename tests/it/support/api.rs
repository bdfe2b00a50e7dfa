//! The program with the publish API, which is started again on the address that it had.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use corecast::Position;
use serde_json::Value;

use crate::support::http::try_read_answer;
use crate::support::program::Program;
use crate::support::socket::try_dial;
use crate::support::wait::wait_until;

const KEY: &str = "secret";

/// The publish API, over one connection at a time.
#[derive(Debug)]
pub(crate) struct Api {
    addr: SocketAddr,
    stream: Option<TcpStream>,
}

impl Api {
    pub(crate) fn of(addr: SocketAddr) -> Self {
        Self { addr, stream: None }
    }

    /// Publishes a message, which is JSON; `None` if it is not known whether it is published.
    pub(crate) fn publish(&mut self, topic: &str, text: &str) -> Option<Position> {
        let body = format!(r#"{{"channel":"{topic}","data":{text}}}"#);
        let len = body.len();
        let request = format!(
            "POST /api/publish HTTP/1.1\r\nHost: test\r\nX-API-Key: {KEY}\r\n\
             Content-Length: {len}\r\n\r\n{body}"
        );
        let mut stream = self.stream.take().unwrap_or_else(|| self.connect());
        stream.write_all(request.as_bytes()).ok()?;
        let answer = try_read_answer(&mut stream, "POST").ok()?;
        if !answer.closes() {
            self.stream = Some(stream);
        }
        assert!([200, 503].contains(&answer.status), "{answer:?}");
        let answer: Value = serde_json::from_str(&answer.body).ok()?;
        let (epoch, offset) = (
            answer["result"]["epoch"].as_str()?,
            &answer["result"]["offset"],
        );
        Some(format!("{epoch}:{offset}").parse().unwrap())
    }

    fn connect(&self) -> TcpStream {
        let mut stream = None;
        wait_until("the server is there", || {
            stream = try_dial(self.addr, None).ok();
            stream.is_some()
        });
        stream.expect("just connected")
    }
}

/// The program, on any port or on the one that it had.
pub(crate) fn serve(
    addr: Option<SocketAddr>,
    configure: impl Fn(&mut Command),
) -> (Program, SocketAddr) {
    let http = addr.map_or_else(|| "127.0.0.1:0".to_owned(), |addr| addr.to_string());
    let mut started = None;
    wait_until("the port is free", || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
        command.args(["--http", &http]);
        command.env("CORECAST_API_KEY", KEY);
        configure(&mut command);
        let mut program = Program::spawn(command);
        // A client that tries to connect may have the port just now.
        let addr = program.try_wait_for("listening http ");
        started = addr.map(|addr| {
            program.wait_for("ready: ");
            (program, addr.parse().unwrap())
        });
        started.is_some()
    });
    started.expect("just started")
}
