//! docs/OPERATIONS.md: its commands run, and it names what it says that it explains.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::support::folder::Folder;
use crate::support::http::ask;
use crate::support::program::Program;
use crate::support::tools::{text, tool};

const PAGE: &str = include_str!("../../../docs/OPERATIONS.md");
const ALERTS: &str = include_str!("../../../docs/monitoring/alerts.yml");

/// The commands below a heading of the page.
fn commands(heading: &str) -> Vec<&'static str> {
    let (_, section) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```console\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    blocks.flat_map(str::lines).collect()
}

/// What the first column of a table has between backticks; `title`: the table's.
fn first_column(title: &str) -> Vec<&'static str> {
    let (_, table) = PAGE.split_once(&format!("\n| {title} |")).unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let names = rows.map(|row| row.split('`').nth(1).unwrap());
    names.collect()
}

#[test]
fn the_commands_of_the_page_start_watch_and_reload_a_server() {
    let folder = Folder::new();
    // What this server does not share with others of the host.
    let local = |command: &str, admin: &str, pid: u32| {
        let command = command.replace("127.0.0.1:9090", admin);
        let program = env!("CARGO_BIN_EXE_corecast");
        let command = command.replace("corecast reload", &format!("corecast reload --pid {pid}"));
        let command = format!("corecast() {{ {program} \"$@\"; }}; {command}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).current_dir(folder.path());
        shell
    };
    let succeeds = |command: &str, admin: &str, pid: u32| {
        let output = local(command, admin, pid).output().unwrap();
        // Faults of the host are not of this test.
        let is_doctor = command.contains("corecast doctor ") && output.status.code() != Some(2);
        assert!(
            output.status.success() || is_doctor,
            "{command}: {}",
            text(&output)
        );
    };
    let mut start = commands("Start").into_iter();
    let prepare: Vec<&str> = start.by_ref().take(3).collect();
    for command in prepare {
        succeeds(command, "", 0);
    }
    let serve = start.next().unwrap().strip_prefix("corecast ").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.args(serve.split(' ')).current_dir(folder.path());
    command.args([
        "--shards",
        "2",
        "--http",
        "127.0.0.1:0",
        "--tcp",
        "127.0.0.1:0",
    ]);
    command.args(["--admin", "127.0.0.1:0"]);
    let mut program = Program::spawn(command);
    let admin = program.wait_for("listening admin ");
    program.wait_for("ready: ");
    let ready = "GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(ask(admin.parse().unwrap(), ready).status, 200);
    let watch = commands("Watch");
    assert_eq!(watch.len(), 3);
    if tool("curl").is_some() {
        for command in watch {
            succeeds(command, &admin, 0);
        }
    }
    for command in commands("Reload") {
        succeeds(command, &admin, program.pid());
        program.wait_for("configuration reloaded");
    }
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn the_page_says_what_to_do_at_each_alert() {
    let alerts = ALERTS.lines().filter_map(|line| line.split_once("alert: "));
    let alerts: Vec<&str> = alerts.map(|(_, name)| name).collect();
    assert_eq!(first_column("alert"), alerts);
}

#[test]
fn the_lines_of_the_log_that_the_page_explains_are_those_of_the_program() {
    let mut sources = String::new();
    read_sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut sources,
    );
    for line in first_column("line") {
        assert!(sources.contains(line), "{line:?} is logged nowhere");
    }
}

/// All sources, with texts over several lines in one.
fn read_sources(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_sources(&path, sources);
            continue;
        }
        let source = fs::read_to_string(&path).unwrap_or_default();
        let mut continues = false;
        for line in source.lines() {
            let line = if continues { line.trim_start() } else { line };
            let text = line.strip_suffix('\\');
            continues = text.is_some();
            sources.push_str(text.unwrap_or(line));
        }
    }
}
