//! The test suite of centrifuge-python, as its source distribution has it, and `cent` with clients
//! that are there.

use std::process::Command;
use std::thread;

use super::{SECRET, config, serve, suite};
use crate::tools::{installed, is_missing, run, script};

/// How many tests the suite of this version has.
const TESTS: usize = 185;

/// Most tests wait most of the time, so parts of the suite run beside each other.
const PARTS: usize = 4;

#[test]
fn the_suite_of_centrifuge_python_passes() {
    let python = installed("python/bin/python");
    let folder = installed("centrifuge-python");
    let is_there = python.exists() && folder.exists();
    if is_missing("centrifuge-python, of .ci/clients", is_there) {
        return;
    }
    // Each has a server of its own: all tests are the same user, whose clients hear of each other.
    let servers: Vec<_> = (0..PARTS).map(|_| serve(&suite("python.toml"))).collect();
    let parts: Vec<_> = (0..PARTS)
        .zip(&servers)
        .map(|(part, (_, server))| {
            let mut command = Command::new(&python);
            command.arg(script("python_centrifuge.py")).arg(&folder);
            let numbers = [usize::from(server.port()), part, PARTS];
            command.args(numbers.map(|number| number.to_string()));
            thread::spawn(move || run(&mut command))
        })
        .collect();
    let counts = parts.into_iter().map(|part| part.join().unwrap());
    let passed = counts.map(|counts| {
        let (passed, skipped) = counts.trim().split_once(' ').unwrap();
        assert_eq!(skipped, "0");
        passed.parse::<usize>().unwrap()
    });
    assert_eq!(passed.sum::<usize>(), TESTS);
}

#[test]
fn cent_has_every_method_about_clients_that_are_there() {
    let python = installed("python/bin/python");
    if is_missing("Python's cent, of .ci/clients", python.exists()) {
        return;
    }
    let (_program, server) = serve(&config());
    let secret = str::from_utf8(SECRET).unwrap();
    run(Command::new(python)
        .arg(script("python_cent_live.py"))
        .args([&server.to_string(), "the-key", secret]));
}
