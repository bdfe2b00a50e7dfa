//! Programs of others that tests run.

use std::env;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// A program to run. `None` where there is none, and the test is to be skipped; a failure if the
/// environment says that it must be there.
pub(crate) fn tool(name: &str) -> Option<Command> {
    let version = if name == "openssl" {
        "version"
    } else {
        "--version"
    };
    let found = Command::new(name).arg(version).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(Command::new(name));
    }
    let required = env::var_os("CORECAST_REQUIRE_TOOLS").is_some_and(|it| it == "1");
    let package = match name {
        "promtool" => "prometheus",
        "systemd-analyze" | "systemd-socket-activate" => "systemd",
        name => name,
    };
    assert!(!required, "no {name}: apt-get install {package}");
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    {
        eprintln!("skipped: it needs {name}");
    }
    None
}

/// Runs it to its end, with this on its standard input.
pub(crate) fn run(command: &mut Command, input: &str) -> Output {
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended before it read anything.
    let written = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert!(written.is_ok() || !output.status.success(), "{written:?}");
    output
}

/// All that it has said.
pub(crate) fn text(output: &Output) -> String {
    let told = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&told).into_owned()
}
