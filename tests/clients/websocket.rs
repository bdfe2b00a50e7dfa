//! `ws` of Node, `websockets` of Python and Netty subscribe, publish, echo and are refused.

use std::path::Path;
use std::process::Command;

use crate::served::Served;
use crate::tools::{has, installed, is_missing, run, script};

const COMPRESSION: [&str; 2] = ["plain", "deflate"];

#[test]
fn ws_of_node_is_at_home() {
    let packages = installed("node_modules");
    let is_there = has("node") && packages.join("ws").exists();
    if is_missing("Node and its ws, of .ci/clients", is_there) {
        return;
    }
    let served = Served::start();
    for place in served.places() {
        for compression in COMPRESSION {
            let mut command = Command::new("node");
            command.arg(script("node_ws.cjs")).arg(&packages);
            command.arg(place.url("ws", "")).arg(compression);
            if let Some(authority) = &place.authority {
                command.env("NODE_EXTRA_CA_CERTS", authority);
            }
            run(&mut command);
        }
    }
}

/// Where Debian has libraries of Java.
const JARS: &str = "/usr/share/java";

#[test]
fn netty_compresses_with_what_it_sent_before() {
    let is_there = has("javac") && Path::new(JARS).join("netty-codec-http.jar").exists();
    if is_missing("a JDK and Debian's libnetty-java", is_there) {
        return;
    }
    let served = Served::start();
    let [place, _] = served.places();
    let mut command = Command::new("java");
    command.arg("-cp").arg(format!("{JARS}/*"));
    command.arg(script("Netty.java"));
    run(command.arg(place.url("ws", "/echo")));
}

#[test]
fn websockets_of_python_is_at_home() {
    let python = installed("python/bin/python");
    if is_missing("Python's websockets, of .ci/clients", python.exists()) {
        return;
    }
    let served = Served::start();
    for place in served.places() {
        for compression in COMPRESSION {
            let mut command = Command::new(&python);
            command.arg(script("python_websockets.py"));
            command.arg(place.url("ws", "")).arg(compression);
            command.args(&place.authority);
            run(&mut command);
        }
    }
}
