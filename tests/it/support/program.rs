//! The `corecast` program as its users run it: flags, log lines, signals, exit codes.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use crossbeam_channel::{Receiver, unbounded};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::wait::{PATIENCE, wait_until};

/// A process of the program; killed when dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    /// The log so far, as far as the test has waited for it.
    log: Vec<String>,
}

impl Program {
    /// Serves on free ports with `flags`, and waits until it is ready.
    pub(crate) fn serve(flags: &[&str]) -> (Self, SocketAddr, SocketAddr) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
        command.args(ON_ANY_PORT).args(flags);
        Self::ready(command)
    }

    /// The same with a limit on open files.
    pub(crate) fn serve_limited(files: u32, flags: &[&str]) -> (Self, SocketAddr, SocketAddr) {
        Self::serve_limited_by(files, flags, &[])
    }

    /// The same with variables of the environment.
    pub(crate) fn serve_limited_by(
        files: u32,
        flags: &[&str],
        env: &[(&str, &str)],
    ) -> (Self, SocketAddr, SocketAddr) {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_corecast")]);
        command.args(ON_ANY_PORT).args(flags);
        command.envs(env.iter().copied());
        Self::ready(command)
    }

    /// Runs it with exactly these arguments.
    pub(crate) fn run(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
        command.args(args);
        Self::spawn(command)
    }

    fn ready(command: Command) -> (Self, SocketAddr, SocketAddr) {
        let mut program = Self::spawn(command);
        let http = program.wait_for("listening http ");
        let tcp = program.wait_for("listening tcp ");
        program.wait_for("ready: ");
        (program, http.parse().unwrap(), tcp.parse().unwrap())
    }

    /// Starts any program that tells of itself on its standard error.
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null());
        Self::spawn_with_input(command)
    }

    /// The same with a standard input of the caller's.
    pub(crate) fn spawn_with_input(mut command: Command) -> Self {
        command.env_remove("RUST_LOG").stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = unbounded();
        thread::spawn(move || {
            for line in stderr.lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        let log = Vec::new();
        Self { child, lines, log }
    }

    /// Waits for a line with `text`; returns what follows it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let rest = self.try_wait_for(text);
        rest.unwrap_or_else(|| panic!("no line with {text:?}: {:#?}", self.log))
    }

    /// The same; `None` if it logs nothing more.
    pub(crate) fn try_wait_for(&mut self, text: &str) -> Option<String> {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).ok()?;
            let rest = line.split_once(text).map(|(_, rest)| rest.to_owned());
            self.log.push(line);
            if rest.is_some() {
                return rest;
            }
        }
    }

    /// The text after `text` in the first line with it, among the lines waited for.
    pub(crate) fn logged(&self, text: &str) -> Option<String> {
        let mut lines = self.log.iter().filter_map(|line| line.split_once(text));
        lines.next().map(|(_, rest)| rest.to_owned())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; its status and all it has logged.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut status = None;
        wait_until("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let mut log = std::mem::take(&mut self.log);
        log.extend(self.lines.iter());
        (status.expect("just seen"), log.join("\n"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const ON_ANY_PORT: [&str; 4] = ["--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0"];
