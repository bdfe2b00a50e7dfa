//! The test suite of centrifuge-python, as its source distribution has it.

use std::process::Command;
use std::thread;

use super::{serve, suite};
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
