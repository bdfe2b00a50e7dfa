//! Tests that need a process of their own: this binary runs itself.

use std::env;
use std::process::Command;

const TEST: &str = "CORECAST_TEST_ALONE";

/// Runs `body` in a process where no other test runs; `test` is the calling test's path.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    if env::var_os(TEST).is_some_and(|alone| alone == test) {
        return body();
    }
    let output = itself(test).env(TEST, test).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{log}");
    assert!(told.contains("1 passed"), "no such test: {test}");
}

/// This binary, to run one test alone.
pub(crate) fn itself(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]);
    command
}
