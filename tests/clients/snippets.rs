//! The programs of docs/CLIENTS.md, as they are there but for the addresses: each gets what it
//! sends, also after its connection was cut. And the tutorial, docs/START.md.

use std::fs;
use std::path::Path;
use std::process::Command;

use corecast::{Config, Origins};

use crate::browser::Browser;
use crate::relay::Relay;
use crate::support::folder::Folder;
use crate::support::program::Program;
use crate::support::server::{Running, builder};
use crate::tools::{has, installed, is_missing, run};

const PAGE: &str = include_str!("../../docs/CLIENTS.md");
const TUTORIAL: &str = include_str!("../../docs/START.md");

/// The servers of a program: a server, and what cuts its connections.
struct Stage {
    server: Running,
    http: Relay,
    tcp: Relay,
    folder: Folder,
}

impl Stage {
    fn new() -> Self {
        let config = Config {
            origins: Origins::parse(["*"]).unwrap(),
            ..Config::default()
        };
        let server = Running::start(builder(2).config(config));
        let (http, tcp) = (Relay::to(server.http()), Relay::to(server.tcp()));
        let folder = Folder::new();
        Self {
            server,
            http,
            tcp,
            folder,
        }
    }

    /// Writes a program of the page into a file, with the addresses of this server.
    fn write(&self, heading: &str, language: &str, file: &str) -> String {
        let text = snippet(PAGE, heading, language);
        let port = self.tcp.addr.port().to_string();
        let text = text.replace("127.0.0.1:8080", &self.http.addr.to_string());
        let text = text.replace("9000", &port);
        let path = self.folder.path().join(file);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs a program: it says hello, and again when it is back.
    fn play(&self, command: &str, args: &[&str], hello: &str) {
        let mut shell = Command::new("sh");
        // What is waited for is what comes on standard error.
        shell.args(["-c", "exec \"$@\" 1>&2", "sh", command]);
        shell.args(args).current_dir(self.folder.path());
        shell.env("NODE_PATH", installed("node_modules"));
        shell.env("PYTHONPATH", installed("centrifuge-python"));
        let mut program = Program::spawn(shell);
        for _ in 0..2 {
            program.wait_for(hello);
            self.http.cut();
            self.tcp.cut();
        }
    }
}

/// The first program in this language below a heading.
fn snippet(page: &'static str, heading: &str, language: &str) -> &'static str {
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let fence = format!("\n```{language}\n");
    let (_, program) = section.split_once(&fence).unwrap();
    let (program, _) = program.split_once("```\n").unwrap();
    program
}

fn has_python() -> Option<String> {
    let python = installed("python/bin/python");
    let is_there = !is_missing("Python's websockets, of .ci/clients", python.exists());
    is_there.then(|| python.to_str().unwrap().to_owned())
}

#[test]
fn the_programs_for_node_run() {
    let is_there = has("node") && installed("node_modules").join("centrifuge").exists();
    if is_missing("Node with ws and centrifuge, of .ci/clients", is_there) {
        return;
    }
    let stage = Stage::new();
    let program = stage.write("Node", "js", "node.js");
    stage.play("node", &[&program], "hello from Node");
    let program = stage.write("SDKs", "js", "sdk.js");
    stage.play("node", &[&program], "hello from an SDK");
}

#[test]
fn the_programs_for_python_run() {
    let Some(python) = has_python() else { return };
    let stage = Stage::new();
    let program = stage.write("Python", "python", "client.py");
    stage.play(&python, &[&program], "hello from Python");
    let program = stage.write("MicroPython", "python", "micro.py");
    stage.play(&python, &["-u", &program], "hello from MicroPython");
}

/// It publishes once, and only its own connection is at stake: the test of its suite cuts it.
#[test]
fn the_program_for_the_sdk_of_python_runs() {
    let Some(python) = has_python() else { return };
    let stage = Stage::new();
    let program = stage.write("SDKs", "python", "sdk.py");
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$@\" 1>&2", "sh", &python, &program]);
    shell.env("PYTHONPATH", installed("centrifuge-python"));
    Program::spawn(shell).wait_for("hello from the SDK for Python");
}

#[test]
fn the_program_in_c_runs() {
    if is_missing("a C compiler", has("cc")) {
        return;
    }
    let stage = Stage::new();
    let source = stage.write("C", "c", "client.c");
    let binary = stage.folder.path().join("client");
    let binary = binary.to_str().unwrap();
    let strict = [
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-o",
        binary,
        &source,
    ];
    run(Command::new("cc").args(strict));
    stage.play(binary, &[], "hello from C");
}

/// Go is large: nothing installs it for this, not even `.ci/run`.
#[test]
fn the_program_in_go_runs_where_there_is_go() {
    if Command::new("go").arg("version").output().is_err() {
        return;
    }
    let stage = Stage::new();
    let source = stage.write("Go", "go", "client.go");
    let binary = stage.folder.path().join("client");
    let binary = binary.to_str().unwrap();
    let mut build = Command::new("go");
    build.args(["build", "-o", binary, &source]);
    build.env("GOCACHE", stage.folder.path().join("cache"));
    run(&mut build);
    stage.play(binary, &[], "hello from Go");
}

#[test]
fn the_pages_run() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let stage = Stage::new();
    let url = |file: &str| format!("file://{}", Path::new(file).display());
    let listens = stage.write("Browser, only receiving", "html", "events.html");
    let mut events = browser.open(&url(&listens));
    events.wait_for("events.readyState === 1");
    let talks = stage.write("Browser", "html", "socket.html");
    let mut page = browser.open(&url(&talks));
    page.wait_for_text("hello from a page");
    events.wait_for_text("hello from a page");
    stage.http.cut();
    let lines = "document.querySelectorAll('li').length";
    page.wait_for(&format!("{lines} === 2"));
    events.wait_for("events.readyState === 1");
    let kind = corecast::Kind::Text;
    stage.server.publish("lobby", kind, b"and to both");
    page.wait_for_text("and to both");
    events.wait_for_text("and to both");
}

#[test]
fn the_tutorial_works_from_its_first_step_to_its_last() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let folder = Folder::new();
    let config = folder.path().join("corecast.toml");
    let mut text = snippet(TUTORIAL, "1. A server", "toml").to_owned();
    fs::write(&config, &text).unwrap();
    let config = config.to_str().unwrap();
    let flags = ["--config", config];
    let (program, http, _) = Program::serve(&flags);
    let open = |browser: &mut Browser, heading: &str, name: &str| {
        let page = snippet(TUTORIAL, heading, "html");
        let page = page.replace("127.0.0.1:8080", &http.to_string());
        let path = folder.path().join(name);
        fs::write(&path, page).unwrap();
        browser.open(&format!("file://{}", path.display()))
    };

    let mut first = open(&mut browser, "2. A chat", "chat.html");
    first.wait_for("socket.readyState === 1");
    first.eval("document.querySelector('#text').value = 'good morning'");
    first.eval("document.querySelector('#form').requestSubmit()");
    first.wait_for_text("good morning");
    let mut late = open(&mut browser, "2. A chat", "late.html");
    late.wait_for_text("good morning");

    let commands = snippet(TUTORIAL, "3. A ticker", "console");
    let commands = commands.replace("127.0.0.1:8080", &http.to_string());
    for command in commands.lines() {
        let answer = run(Command::new("sh").args(["-c", command]));
        assert!(answer.starts_with("{\"result\":"), "{answer}");
    }
    let mut ticker = open(&mut browser, "3. A ticker", "ticker.html");
    ticker.wait_for_text("2401.5");
    ticker.wait_for_text("31.2");
    let dearer = commands.lines().next().unwrap().replace("2401.5", "2402");
    run(Command::new("sh").args(["-c", &dearer]));
    ticker.wait_for_text("2402");
    drop(program);

    text += snippet(TUTORIAL, "4. Who may do what", "toml");
    fs::write(config, text).unwrap();
    let (_program, http, _) = Program::serve(&flags);
    let create = snippet(TUTORIAL, "4. Who may do what", "console");
    let words: Vec<&str> = create.split_whitespace().skip(1).collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    let token = run(command.args(words).current_dir(folder.path()));
    let offer = snippet(TUTORIAL, "4. Who may do what", "js");
    let offer = offer.replace("127.0.0.1:8080", &http.to_string());
    late.eval(&format!("{{ const token = '{}'; {offer} }}", token.trim()));
    late.wait_for("socket.readyState === 1");
    let without = format!("ws://{http}/ws/chat:garden");
    late.eval(&format!("window.denied = new WebSocket('{without}')"));
    late.wait_for("denied.readyState === 3");
}
