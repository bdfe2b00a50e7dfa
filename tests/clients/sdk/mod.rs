//! SDKs of Centrifuge against the structured protocol.

mod codes;
mod fire;
mod node;
mod page;
mod python;
mod tcp;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::program::Program;
use crate::tools::{has, installed, is_missing};

/// The configuration for the suite of an SDK.
fn suite(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/suites")
        .join(name)
}

/// The secret of `server.toml`.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// The packages of Node; `None` where they are missing, and the test is to be skipped.
fn node_packages() -> Option<PathBuf> {
    let packages = installed("node_modules");
    let is_there = has("node") && packages.join("eventsource").exists();
    let what = "Node and its centrifuge and eventsource, of .ci/clients";
    (!is_missing(what, is_there)).then_some(packages)
}

/// The configuration of the server, where it is not that for a suite.
fn config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/sdk/server.toml")
}

/// The program with a configuration, on a free port.
fn serve(config: &Path) -> (Program, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.arg("--config").arg(config);
    command.args(["--http", "127.0.0.1:0", "--shards", "2"]);
    let mut program = Program::spawn(command);
    let http = program.wait_for("listening http ");
    program.wait_for("ready: ");
    (program, http.parse().unwrap())
}

#[test]
fn the_configurations_for_all_suites_are_valid() {
    let files = fs::read_dir(suite("")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let configs: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|it| it == "toml"))
        .collect();
    assert_eq!(configs.len(), 4);
    for config in configs {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
        let output = command.args(["config", "check"]).arg(&config).output();
        assert!(output.unwrap().status.success(), "{}", config.display());
    }
}
