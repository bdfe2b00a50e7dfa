//! A Redis of a test.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::support::tools::tool;
use crate::support::wait::{PATIENCE, wait_until};

/// A `redis-server` without files. It ends with this.
pub(crate) struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    /// `None` where it is not installed.
    pub(crate) fn start() -> Option<Self> {
        tool("redis-server")?;
        loop {
            // Another program may take the port in between.
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            if let Some(child) = serve(port) {
                return Some(Self { child, port });
            }
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What it answers to a command: one line.
    pub(crate) fn tell(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// It dies, with all that it had.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// It is there again, empty.
    pub(crate) fn restart(&mut self) {
        let mut child = None;
        wait_until("Redis is there again", || {
            child = serve(self.port);
            child.is_some()
        });
        self.child = child.unwrap();
    }

    /// It stands still, or goes on.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// One that answers at this port.
fn serve(port: u16) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(["--save", "", "--appendonly", "no", "--bind", "127.0.0.1"])
        .args(["--port", &port.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut has_ended = false;
    wait_until("Redis answers", || {
        has_ended = child.try_wait().unwrap().is_some();
        has_ended || TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    (!has_ended).then_some(child)
}
