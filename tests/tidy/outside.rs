//! Which files may use other crates, sockets, clocks, files, threads and unsafe code.

use crate::complains;
use crate::outsiders::OUTSIDERS;
use crate::tree::File;

/// Where unsafe code may be; this file only names it.
const UNSAFE: &[&str] = &["src/sys/", "loadtest/src/sys.rs", "tests/tidy/outside.rs"];

/// Complains of names of the outside in files that may not know them.
pub(crate) fn outsiders(file: &File) -> Vec<String> {
    if file.is_test() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for (at, line) in unfolded(file) {
        for (name, places) in OUTSIDERS {
            if names(&line, name) && !places.iter().any(|place| file.path.starts_with(place)) {
                problems.push(format!("{}:{at}: `{name}` has no place here", file.path));
            }
        }
    }
    problems
}

/// Numbered lines of code, in which an import of several things has become a line for each.
fn unfolded(file: &File) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut statement = String::new();
    let mut begins = 0;
    for (at, line) in file.code() {
        if statement.is_empty() {
            begins = at;
            if !is_use(line.trim_start()) {
                lines.push((at, line.to_owned()));
                continue;
            }
        }
        statement.push_str(line.trim());
        if let Some((_, tree)) = statement.trim_end_matches(';').split_once("use ")
            && line.trim_end().ends_with(';')
        {
            let mut paths = Vec::new();
            unfold("", tree, &mut paths);
            lines.extend(paths.iter().map(|path| (begins, format!("use {path}::"))));
            statement.clear();
        }
    }
    lines
}

fn is_use(line: &str) -> bool {
    let after_pub = line.strip_prefix("pub").map_or(line, |rest| {
        let closed = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        closed.map_or(rest, |(_, rest)| rest).trim_start()
    });
    after_pub.starts_with("use ")
}

/// The paths of an import's tree, behind `prefix`.
fn unfold(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let inside = tree
        .split_once('{')
        .and_then(|(head, rest)| Some((head, rest.strip_suffix('}')?)));
    let Some((head, branches)) = inside else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return paths.push(format!("{prefix}{path}"));
    };
    let prefix = format!("{prefix}{head}");
    let mut depth = 0;
    let of_this_level = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    };
    for branch in branches.split(of_this_level) {
        if !branch.trim().is_empty() {
            unfold(&prefix, branch, paths);
        }
    }
}

/// Complains of the word `unsafe` in code outside `sys`, tests included.
pub(crate) fn unsafe_code(file: &File) -> Vec<String> {
    if UNSAFE.iter().any(|place| file.path.starts_with(place)) {
        return Vec::new();
    }
    let is_unsafe = |line: &str| {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        !line.trim_start().starts_with("//") && words.any(|word| word == "unsafe")
    };
    let lines = file.text.lines().enumerate();
    lines
        .filter(|(_, line)| is_unsafe(line))
        .map(|(at, _)| format!("{}:{}: unsafe code outside sys", file.path, at + 1))
        .collect()
}

/// Whether `line` has `name`, not as the end of a longer name or of a path.
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let of_path = line[..at].ends_with("::") && !name.contains("::") && !name.contains(' ');
        of_path || !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn a_socket_clock_or_log_in_the_core_is_found() {
    for bad in [
        "use mio::Poll;",
        "use crossbeam_channel::bounded;",
        "    log::debug!(\"closed\");",
        "use log::debug;",
        "use std::time::{Duration, Instant};",
        "    let now = std::time::Instant::now();",
        "use rustix::io::Errno;",
        "use socket2::Socket;",
        "use std::net::TcpStream;",
        "use std::{fs, io};",
        "use std::{\n    io,\n    net::{IpAddr, TcpStream},\n};",
        "pub(crate) use {mio as m, std::io};",
    ] {
        assert!(
            complains(outsiders, "src/shard/core/egress/flush.rs", bad),
            "{bad}"
        );
    }
    for good in [
        "use crate::topic::log::Log;",
        "// Instant is for the shell",
        "use std::time::Duration;",
        "use std::{fmt, io::{self, IoSlice}};",
        "#[cfg(test)]\nmod tests {\n    use mio::Poll;\n}",
    ] {
        assert!(
            !complains(outsiders, "src/shard/core/egress/flush.rs", good),
            "{good}"
        );
    }
    assert!(!complains(
        outsiders,
        "src/shard/shell/event_loop/mod.rs",
        "use mio::Poll;"
    ));
}

#[test]
fn unsafe_code_outside_sys_is_found() {
    for bad in [
        "    unsafe { danger() }",
        "    let x = unsafe{ danger() };",
        "pub unsafe fn danger() {}",
        "unsafe impl Send for X {}",
        "unsafe extern \"C\" {",
        "#[unsafe(no_mangle)]",
    ] {
        assert!(complains(unsafe_code, "src/topic/log.rs", bad), "{bad}");
        assert!(!complains(unsafe_code, "src/sys/socket.rs", bad), "{bad}");
    }
    for good in ["#![deny(unsafe_code)]", "// no unsafe here"] {
        assert!(!complains(unsafe_code, "src/topic/log.rs", good), "{good}");
    }
}
