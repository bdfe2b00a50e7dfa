//! The program's own clients: `corecast sub`, `corecast pub`, `corecast top`.

mod manual;
mod publish;
mod session;
mod subscribe;
#[cfg(feature = "auth")]
mod top;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread;

use crossbeam_channel::{Receiver, unbounded};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::wait::{PATIENCE, wait_until};

/// The program with these arguments.
fn corecast(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.args(args).env_remove("RUST_LOG");
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end, with this on its standard input.
fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child = corecast(args).stdin(Stdio::piped()).spawn().unwrap();
    // It may have ended before it read anything.
    child.stdin.take().unwrap().write_all(input).ok();
    child.wait_with_output().unwrap()
}

/// Runs it to an end that must be a good one.
fn succeed(args: &[&str], input: &[u8]) {
    let output = run(args, input);
    assert!(output.status.success(), "{output:?}");
}

/// Runs it to a bad end: the exit code, and what it tells.
fn fail(args: &[&str]) -> (Option<i32>, String) {
    let output = run(args, b"");
    assert_eq!(output.stdout, b"", "{output:?}");
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A subscriber that runs; killed when dropped.
struct Sub {
    child: Child,
    /// What it prints, and what it tells on standard error.
    lines: Receiver<String>,
    told: Receiver<String>,
}

impl Sub {
    /// Starts one, and waits until it has subscribed.
    fn start(args: &[&str]) -> Self {
        let (mut sub, stdout) = Self::unread(args);
        sub.lines = lines_of(stdout);
        sub
    }

    /// One whose output the caller reads, or not.
    fn unread(args: &[&str]) -> (Self, ChildStdout) {
        let mut child = corecast(&[&["sub"], args].concat()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let told = lines_of(child.stderr.take().unwrap());
        let (_, lines) = unbounded();
        let sub = Self { child, lines, told };
        sub.wait_told("subscribed");
        (sub, stdout)
    }

    /// The next line that it prints.
    fn line(&self) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        line.unwrap_or_else(|_| panic!("no line; {:?}", self.told.try_iter().collect::<Vec<_>>()))
    }

    /// Waits until it tells something; the whole line.
    fn wait_told(&self, text: &str) -> String {
        let mut before = Vec::new();
        loop {
            match self.told.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => before.push(line),
                Err(_) => panic!("not told {text:?}: {before:?}"),
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; its status, and what it has told that was not waited for.
    fn wait(mut self) -> (ExitStatus, Vec<String>) {
        let mut status = None;
        wait_until("the subscriber ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        (status.unwrap(), self.told.iter().collect())
    }
}

impl Drop for Sub {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = unbounded();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            if sender.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    lines
}
