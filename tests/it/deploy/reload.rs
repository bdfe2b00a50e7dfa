//! The configuration loaded again under load: what changes, what does not, and that no client
//! notices.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;
use tungstenite::Message;

use crate::config::File;
use crate::deploy::count;
use crate::support::http::{ask, upgrade_request};
use crate::support::program::Program;
use crate::support::tls::Authority;
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

const LISTENER: &str = "[[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n";
const RELOADED: &str = "configuration reloaded";
const REFUSED: &str = "configuration not reloaded, the old one stays in use: ";

/// The program with a configuration that changes.
struct Scene {
    file: File,
    program: Program,
    http: SocketAddr,
}

impl Scene {
    fn new(test: &str, keys: &str) -> Self {
        let file = File::new(test, &text(keys));
        let mut program = Program::run(&["serve", "--config", file.path()]);
        let http = program.wait_for("listening http ").parse().unwrap();
        program.wait_for("ready: ");
        Self {
            file,
            program,
            http,
        }
    }

    /// Loads other keys; what follows `text` in the log.
    fn load(&mut self, keys: &str, expected: &str) -> String {
        fs::write(self.file.path(), text(keys)).unwrap();
        self.program.signal(Signal::HUP);
        self.program.wait_for(expected)
    }
}

fn text(keys: &str) -> String {
    format!("shards = 2\npin = false\n{keys}\n{LISTENER}")
}

/// Sets a flag when it is dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_reload_under_load_costs_a_connection_or_a_message() {
    let mut scene = Scene::new("under-load", "");
    let http = scene.http;
    let mut clients: Vec<Ws> = (0..count())
        .map(|_| Ws::connect(http, "/sub/load"))
        .collect();
    let is_over = AtomicBool::new(false);
    let published = thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let mut ws = Ws::connect(http, "/ws/load");
            let mut published = 0_u32;
            while !is_over.load(Ordering::Relaxed) {
                published += 1;
                ws.send_text(&published.to_string());
                assert_eq!(ws.next_text(), published.to_string());
            }
            published
        });
        // Also if a reload does not end as it should.
        let over = Over(&is_over);
        for round in 1..=5 {
            let good = format!(
                "[limits]\nmessage_rate = \"{round}00000/s\"\nmemory = \"{round}00MiB\"\n\
                 [timeouts]\nping = \"{round}0s\"\n[topics]\nhistory_size = {round}\n\
                 [auth]\nhmac_secret = \"\"\n"
            );
            scene.load(&good, RELOADED);
            scene.load(&good.replace("memory", "memroy"), REFUSED);
            scene.load(&good.replace("ping = ", "ping "), REFUSED);
        }
        drop(over);
        publisher.join().unwrap()
    });
    for client in &mut clients {
        for expected in 1..=published {
            assert_eq!(client.next_text(), expected.to_string());
        }
    }
}

#[test]
fn limits_hold_for_connections_that_come_and_rates_for_those_that_are_open() {
    let mut scene = Scene::new("limits", "[limits]\nconnections = 2");
    let http = scene.http;
    let mut clients = [(); 2].map(|()| Ws::connect(http, "/ws/a"));
    assert_eq!(ask(http, upgrade_request("/ws/a")).status, 503);
    let keys = "[limits]\nconnections = 3\nmessage_rate = \"1/s\"\nbeyond_rate = \"close\"\n\
                connections_per_address = 1";
    let change = scene.load(keys, "reloaded: limits.connections ");
    assert_eq!(change, "is 3, and was 2");
    let names = scene
        .program
        .wait_for("changed and not loaded without a restart: ");
    assert_eq!(names, "limits.connections_per_address");
    scene.program.wait_for(RELOADED);
    let third = Ws::connect(http, "/ws/a");
    assert_eq!(ask(http, upgrade_request("/ws/a")).status, 503);
    for client in &mut clients {
        // Until its shard has the rate, each message is answered.
        let code = loop {
            client.send_text("again");
            if let Message::Close(close) = client.next() {
                break close.unwrap().code;
            }
        };
        assert_eq!(u16::from(code), 1008);
    }
    drop(third);
}

#[test]
fn keys_of_publishers_and_the_level_of_the_log_are_loaded() {
    let mut scene = Scene::new("keys", "[api]\nkey = \"old\"");
    let http = scene.http;
    let publish = |key: &str| {
        let body = r#"{"channel":"a","data":1}"#;
        let len = body.len();
        let head = "POST /api/publish HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
        let fields = format!("X-API-Key: {key}\r\nContent-Length: {len}\r\n\r\n{body}");
        ask(http, format!("{head}{fields}")).status
    };
    assert_eq!([publish("old"), publish("new")], [200, 401]);
    let change = scene.load(
        "[api]\nkey = \"new\"\n[log]\nlevel = \"debug\"",
        "reloaded: api.key",
    );
    assert_eq!(change, " has changed", "a secret is not shown");
    scene.program.wait_for(RELOADED);
    wait_until("both shards have the key", || {
        (0..8).all(|_| [publish("old"), publish("new")] == [401, 200])
    });
    scene.program.wait_for(": request answered");
}

#[test]
fn all_is_loaded_or_nothing() {
    let authority = Authority::new("all-or-nothing");
    authority.sign("host", "host", &["localhost"]);
    let path = |file: &str| authority.path(file).display().to_string();
    let keys = |connections: usize| {
        format!(
            "[limits]\nconnections = {connections}\n[[listener]]\nprotocol = \"http\"\n\
             address = \"127.0.0.1:0\"\ntls_chain = [{:?}]\ntls_key = [{:?}]\n",
            path("host.pem"),
            path("host.key")
        )
    };
    let mut scene = Scene::new("nothing", &keys(1));
    let http = scene.http;
    let _first = Ws::connect(http, "/ws/a");
    let good = fs::read(authority.path("host.pem")).unwrap();
    fs::write(authority.path("host.pem"), "no certificate").unwrap();
    let problem = scene.load(&keys(2), REFUSED);
    assert!(problem.contains("host.pem: "), "{problem}");
    assert_eq!(ask(http, upgrade_request("/ws/a")).status, 503);
    fs::write(authority.path("host.pem"), good).unwrap();
    scene.load(&keys(2), RELOADED);
    Ws::connect(http, "/ws/a");
}

#[test]
fn a_command_tells_a_server_and_no_other_process() {
    let mut scene = Scene::new("command", "");
    let reload = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
        let output = command.arg("reload").args(args).output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(told).unwrap())
    };
    let pid = scene.program.pid().to_string();
    let (code, told) = reload(&["--pid", &pid]);
    assert_eq!(code, Some(0), "{told}");
    scene.program.wait_for(RELOADED);
    let pids = File::new("pid", &format!("{pid}\n"));
    assert_eq!(reload(&["--pid-file", pids.path()]).0, Some(0));
    scene.program.wait_for(RELOADED);
    let (code, told) = reload(&["--pid", &std::process::id().to_string()]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("not a corecast server"), "{told}");
    let (code, told) = reload(&["--pid-file", "/no/such/file"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("/no/such/file: no process id"), "{told}");
}
