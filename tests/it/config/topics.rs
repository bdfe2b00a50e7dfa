//! Settings of topics that are loaded again while the program runs.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use rustix::process::Signal;

use crate::config::File;
use crate::support::program::Program;
use crate::support::socket::dial;
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

const LISTENER: &str = "[[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n";
const HISTORY: &str = "[[namespace]]\nname = \"match\"\nhistory_size = 5\n";

/// A subscriber of a topic and its publisher.
struct Scene {
    events: BufReader<TcpStream>,
    publisher: Ws,
}

impl Scene {
    fn new(http: SocketAddr) -> Self {
        let mut events = dial(http);
        let request = b"GET /sse/match:1 HTTP/1.0\r\nHost: a\r\n\r\n";
        events.write_all(request).unwrap();
        let mut events = BufReader::new(events);
        // The first comment goes out when the subscription is live.
        while !line(&mut events).starts_with(':') {}
        let publisher = Ws::connect(http, "/pub/match:1");
        Self { events, publisher }
    }

    /// The epoch and the offset of one more message.
    fn publish(&mut self) -> Option<(String, u64)> {
        self.publisher.send_text("x");
        let mut id = None;
        loop {
            let line = line(&mut self.events);
            if let Some(position) = line.strip_prefix("id: ") {
                let (epoch, offset) = position.split_once(':').unwrap();
                id = Some((epoch.to_owned(), offset.parse().unwrap()));
            } else if line == "data: x" {
                return id;
            }
        }
    }
}

fn line(events: &mut impl BufRead) -> String {
    let mut line = String::new();
    assert_ne!(events.read_line(&mut line).unwrap(), 0);
    line.trim_end().to_owned()
}

#[test]
fn sighup_gives_a_topic_a_history_and_ends_it_and_another_one_has_another_epoch() {
    let text = |namespaces: &str| format!("shards = 2\npin = false\n{namespaces}{LISTENER}");
    let file = File::new("topics", &text(""));
    let mut program = Program::run(&["serve", "--config", file.path()]);
    let http: SocketAddr = program.wait_for("listening http ").parse().unwrap();
    let mut scene = Scene::new(http);
    assert_eq!(scene.publish(), None);

    let mut load = |scene: &mut Scene, namespaces: &str, has_history: bool| {
        fs::write(file.path(), text(namespaces)).unwrap();
        program.signal(Signal::HUP);
        program.wait_for("configuration reloaded");
        let mut last = None;
        wait_until("the home has loaded them", || {
            last = scene.publish();
            last.is_some() == has_history
        });
        last
    };
    let (first, offset) = load(&mut scene, HISTORY, true).unwrap();
    assert_eq!(offset, 1);
    assert_eq!(scene.publish(), Some((first.clone(), 2)));
    load(&mut scene, "", false);
    let (second, offset) = load(&mut scene, HISTORY, true).unwrap();
    assert!(second != first && offset == 1, "{second}:{offset}");

    fs::write(file.path(), text("[[namespace]]\n")).unwrap();
    program.signal(Signal::HUP);
    let problem = program.wait_for("configuration not reloaded, the old one stays in use: ");
    assert!(
        problem.contains("namespace.0.name: is missing"),
        "{problem}"
    );
    assert_eq!(scene.publish(), Some((second, 2)));
}

#[test]
fn sighup_names_the_keys_that_it_does_not_load() {
    let text = |port: u16, shards: &str, namespaces: &str| {
        format!(
            "shards = {shards}\npin = false\n[topics]\n{namespaces}\
             [[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:{port}\"\n"
        )
    };
    let file = File::new("restart", &text(0, "1", ""));
    let mut program = Program::run(&["serve", "--config", file.path()]);
    program.wait_for("listening http ");
    let changed = text(1, "2", "flush = \"1s\"\n");
    // Also the second time, although nothing is new since the first.
    for _ in 0..2 {
        fs::write(file.path(), &changed).unwrap();
        program.signal(Signal::HUP);
        let names = program.wait_for("changed and not loaded without a restart: ");
        assert_eq!(names, "shards, listener.0.address");
    }
}
