//! Tests that need another process: this binary runs itself.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use crossbeam_channel::{Receiver, unbounded};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::support::wait::PATIENCE;

const ALONE: &str = "CORECAST_TEST_ALONE";
const TASK: &str = "CORECAST_TEST_TASK";

/// Runs `body` in a process where no other test runs; `test` is the calling test's path.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    if env::var_os(ALONE).is_some_and(|alone| alone == test) {
        return body();
    }
    let output = itself(test).env(ALONE, test).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{log}");
    assert!(told.contains("1 passed"), "no such test: {test}");
}

/// This binary, to run one test alone.
fn itself(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]);
    command
}

/// A process that helps a test: it runs the same test, which does its task there instead.
#[derive(Debug)]
pub(crate) struct Helper {
    child: Child,
    lines: Receiver<String>,
}

impl Helper {
    /// The task of this process, if it is a helper.
    pub(crate) fn task() -> Option<String> {
        env::var(TASK).ok()
    }

    /// Starts a helper; `test` is the calling test's path.
    pub(crate) fn start(test: &str, task: &str) -> Self {
        let mut command = itself(test);
        command.env(TASK, task).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = unbounded();
        thread::spawn(move || {
            for line in stdout.lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Waits until it prints `text`; returns the rest of the line.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect(text);
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Stops it, as Ctrl-Z does, and waits until it has.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
        let pid = Pid::from_child(&self.child);
        let status = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap();
        assert!(status.is_some_and(|(_, status)| status.stopped()));
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
