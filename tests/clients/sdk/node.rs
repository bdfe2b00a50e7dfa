//! npm's `centrifuge` in Node, in JSON and protobuf, over each transport.

use std::process::Command;

use super::{config, node_packages};
use crate::tools::{run, script};

/// Runs a script, which starts its servers itself.
fn run_script(name: &str) {
    let Some(packages) = node_packages() else {
        return;
    };
    let mut command = Command::new("node");
    command.arg(script(name)).arg(packages);
    command.arg(env!("CARGO_BIN_EXE_corecast")).arg(config());
    run(&mut command);
}

#[test]
fn centrifuge_of_node_talks_and_misses_nothing() {
    run_script("node_centrifuge.cjs");
}

#[test]
fn centrifuge_of_node_repeats_what_is_refused_or_lost_as_each_code_says() {
    run_script("node_subscriptions.cjs");
}

#[test]
fn centrifuge_of_node_ends_or_comes_back_as_each_code_says() {
    run_script("node_codes.cjs");
}
