//! A server that this program started: found by what it prints, ended by its process id.

use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddrV4;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use rustix::process::{Pid, Signal, kill_process};

#[derive(Debug)]
pub(crate) struct Spawned {
    child: Child,
    /// Ends when the server has closed its output, that is, has ended.
    lines: Receiver<String>,
    /// Where it listens for WebSocket.
    pub(crate) http: SocketAddrV4,
    /// Where it listens for length-prefixed TCP.
    pub(crate) tcp: SocketAddrV4,
}

/// What a server has to say before it can be used. With neither, the first address is enough.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    /// `listening http ADDR`.
    pub(crate) http: bool,
    /// `listening tcp ADDR`.
    pub(crate) tcp: bool,
}

/// A server says where it listens within this time.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// A server ends within this time after SIGTERM, or is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Lines of the server that a failure to start quotes.
const QUOTED_LINES: usize = 5;

impl Spawned {
    /// Starts a server and waits until it has said `listening http ADDR` and `listening tcp ADDR`
    /// on either stream, somewhere in a line.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let both = Needs {
            http: true,
            tcp: true,
        };
        Self::start_with(command, both)
    }

    /// Starts a server and waits until it has said what is needed, as [`Self::start`] does.
    pub(crate) fn start_with(command: &mut Command, needs: Needs) -> io::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
        let streams = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = streams.spawn().map_err(named)?;
        let (sender, lines) = unbounded();
        if let Some(stdout) = child.stdout.take() {
            read_lines(stdout, sender.clone())?;
        }
        if let Some(stderr) = child.stderr.take() {
            read_lines(stderr, sender)?;
        }
        let nowhere = SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, 0);
        let mut spawned = Self {
            child,
            lines,
            http: nowhere,
            tcp: nowhere,
        };
        spawned.wait_until_it_listens(needs).map_err(named)?;
        Ok(spawned)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn listens(&self, needs: Needs) -> bool {
        let (http, tcp) = (self.http.port() != 0, self.tcp.port() != 0);
        let has_needed = (http || !needs.http) && (tcp || !needs.tcp);
        let has_any = http || tcp;
        has_needed && has_any
    }

    fn wait_until_it_listens(&mut self, needs: Needs) -> io::Result<()> {
        let mut said: Vec<String> = Vec::new();
        while !self.listens(needs) {
            let Ok(line) = self.lines.recv_timeout(START_TIMEOUT) else {
                let last = &said[said.len().saturating_sub(QUOTED_LINES)..];
                let text = format!(
                    "did not say where it listens; it said: {}",
                    last.join(" | ")
                );
                return Err(io::Error::other(text));
            };
            if let Some(addr) = address_after(&line, "listening http ") {
                self.http = addr;
            }
            if let Some(addr) = address_after(&line, "listening tcp ") {
                self.tcp = addr;
            }
            said.push(line);
        }
        Ok(())
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let asked = pid.map(|pid| kill_process(pid, Signal::TERM));
        let is_over = || loop {
            match self.lines.recv_timeout(STOP_TIMEOUT) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        };
        if asked != Some(Ok(())) || !is_over() {
            // It fails if the process has ended, which is what is wanted.
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

/// Reads a stream to its end on a thread, so that the server never waits for a reader.
fn read_lines(stream: impl Read + Send + 'static, to: Sender<String>) -> io::Result<()> {
    let body = move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // The other end may be gone, but the stream has to be read on.
            drop(to.send(line));
        }
    };
    thread::Builder::new()
        .name("server-output".to_owned())
        .spawn(body)?;
    Ok(())
}

fn address_after(line: &str, words: &str) -> Option<SocketAddrV4> {
    let (_, rest) = line.split_once(words)?;
    let word = rest.split(|c: char| c.is_whitespace() || c == ',').next()?;
    word.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_a_log_line() {
        let line = "[2026-01-01T00:00:00Z INFO  corecast] shard 0: listening http 127.0.0.1:43211";
        let addr = address_after(line, "listening http ").unwrap();
        assert_eq!(addr.port(), 43211);
        assert_eq!(address_after(line, "listening tcp "), None);
        assert_eq!(
            address_after("listening http soon", "listening http "),
            None
        );
    }

    #[test]
    fn a_server_that_ends_at_once_is_an_error_that_quotes_it() {
        let error =
            Spawned::start(Command::new("sh").args(["-c", "echo no such port"])).unwrap_err();
        assert!(error.to_string().contains("no such port"), "{error}");
    }

    #[test]
    fn a_server_is_found_and_ended() {
        let script = "echo listening http 127.0.0.1:1; echo listening tcp 127.0.0.1:2 >&2; exec tail -f /dev/null";
        let spawned = Spawned::start(Command::new("sh").args(["-c", script])).unwrap();
        assert_eq!((spawned.http.port(), spawned.tcp.port()), (1, 2));
        let pid = spawned.pid();
        drop(spawned);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }
}
