//! Programs that may be missing, and what `.ci/clients` has installed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether a test whose tool is not there is to be skipped; a failure if the environment says that
/// it must be there.
pub(crate) fn is_missing(tool: &str, is_there: bool) -> bool {
    let required = env::var_os("CORECAST_REQUIRE_TOOLS").is_some_and(|it| it == "1");
    assert!(is_there || !required, "{tool} is missing");
    if !is_there {
        #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
        {
            eprintln!("skipped: it needs {tool}");
        }
    }
    !is_there
}

/// Whether there is a program of this name.
pub(crate) fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// Something that `.ci/clients` installs.
pub(crate) fn installed(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/clients")
        .join(path)
}

/// A script of these tests.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients/scripts")
        .join(name)
}

/// Runs a program to its end, which must be a good one.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().expect("runs");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {log}");
    String::from_utf8(output.stdout).unwrap()
}
