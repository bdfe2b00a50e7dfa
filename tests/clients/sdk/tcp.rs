//! The codecs of centrifuge-python over TCP.

use std::process::Command;

use super::{SECRET, config};
use crate::support::program::Program;
use crate::tools::{installed, is_missing, run, script};

#[test]
fn codecs_of_python_talk_over_tcp() {
    let python = installed("python/bin/python");
    let folder = installed("centrifuge-python");
    let is_there = python.exists() && folder.exists();
    if is_missing("centrifuge-python, of .ci/clients", is_there) {
        return;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command
        .arg("--config")
        .arg(config())
        .args(["--shards", "2"]);
    for (index, format) in [(1, "json"), (2, "protobuf")] {
        let key = |name| format!("CORECAST_LISTENER_{index}_{name}");
        command.env(key("PROTOCOL"), "centrifuge");
        command.env(key("FORMAT"), format);
        command.env(key("ADDRESS"), "127.0.0.1:0");
    }
    let mut program = Program::spawn(command);
    let addresses = [(); 2].map(|()| program.wait_for("listening tcp "));
    program.wait_for("ready: ");
    let mut command = Command::new(python);
    command.arg(script("python_codec.py")).arg(folder);
    command.arg(str::from_utf8(SECRET).unwrap()).args(addresses);
    run(&mut command);
}
