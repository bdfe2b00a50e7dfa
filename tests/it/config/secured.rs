//! TLS by the configuration of the program, and its files loaded again.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::bounded;
use rustix::process::Signal;
use rustls::ClientConfig;
use tungstenite::Message;

use crate::config::File;
use crate::support::length_prefix::LengthPrefix;
use crate::support::program::Program;
use crate::support::raw_ws::RawWs;
use crate::support::socket::dial;
use crate::support::tls::{Authority, EACH, Tls, shake};
use crate::support::wait::{PATIENCE, wait_until};
use crate::support::ws::Ws;

/// The program with a plain and a TLS listener of each kind, from one file.
struct Secured {
    program: Program,
    http: SocketAddr,
    https: SocketAddr,
    tls: SocketAddr,
    authority: Authority,
    config: Arc<ClientConfig>,
    _file: File,
}

impl Secured {
    fn new(test: &str) -> Self {
        let authority = Authority::new("authority");
        authority.sign("host", "host", &["localhost"]);
        let path = |file: &str| authority.path(file).display().to_string();
        let files = format!(
            "tls_chain = [{:?}]\ntls_key = [{:?}]\n",
            path("host.pem"),
            path("host.key")
        );
        let file = File::new(
            test,
            &format!(
                "shards = 2\npin = false\n\
                 [[listener]]\nprotocol = \"length-prefix\"\naddress = \"127.0.0.1:0\"\n{files}\
                 [[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n\
                 [[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n{files}"
            ),
        );
        let mut program = Program::run(&["serve", "--config", file.path()]);
        let tls = program.wait_for("listening tls ").parse().unwrap();
        let http = program.wait_for("listening http ").parse().unwrap();
        let https = program.wait_for("listening https ").parse().unwrap();
        program.wait_for("ready: 2 shards");
        let config = Arc::new(authority.trusting(EACH[0], None));
        Self {
            program,
            http,
            https,
            tls,
            authority,
            config,
            _file: file,
        }
    }

    fn dial(&self, addr: SocketAddr) -> Tls {
        shake(dial(addr), &self.config, "localhost").unwrap()
    }

    /// Whether the certificate that is shown is the one in the file.
    fn shows_the_file(&self) -> bool {
        let tls = self.dial(self.https);
        tls.conn.peer_certificates().unwrap()[0] == self.authority.certificate("host")
    }

    /// Drains, and ends well.
    fn end(self) {
        self.program.signal(Signal::TERM);
        let (status, log) = self.program.wait();
        assert_eq!(status.code(), Some(0), "{log}");
    }
}

#[test]
fn one_file_describes_plain_listeners_and_those_with_tls() {
    let scene = Secured::new("tls");
    let mut plain = Ws::connect(scene.http, "/ws/lobby");
    let mut secure = RawWs::over(scene.dial(scene.https), "/ws/lobby");
    let mut device = LengthPrefix::greeted(scene.dial(scene.tls));
    device.send(b"from a device");
    assert_eq!(plain.next(), Message::binary(&b"from a device"[..]));
    assert_eq!(secure.next().1, b"from a device");
    drop((plain, secure, device));
    scene.end();
}

#[test]
fn sighup_loads_a_new_certificate() {
    let mut scene = Secured::new("renewed");
    assert!(scene.shows_the_file());
    scene.authority.sign("host", "another", &["localhost"]);
    assert!(!scene.shows_the_file());
    scene.program.signal(Signal::HUP);
    scene.program.wait_for("configuration reloaded");
    // Eight in a row on both shards, by chance.
    wait_until("the new certificate is shown", || {
        (0..8).all(|_| scene.shows_the_file())
    });
    scene.end();
}

#[test]
fn sighup_with_a_broken_file_changes_nothing() {
    let mut scene = Secured::new("broken");
    let file = scene.authority.path("host.pem");
    let good = fs::read(&file).unwrap();
    fs::write(&file, "no certificate").unwrap();
    scene.program.signal(Signal::HUP);
    let problem = scene
        .program
        .wait_for("configuration not reloaded, the old one stays in use: ");
    assert!(problem.contains("host.pem: "), "{problem}");
    fs::write(&file, good).unwrap();
    assert!(scene.shows_the_file());
    let mut plain = Ws::connect(scene.http, "/ws/lobby");
    plain.send_text("still here");
    assert_eq!(plain.next(), Message::text("still here"));
    drop(plain);
    scene.end();
}

#[test]
fn a_slow_file_does_not_delay_a_drain() {
    let scene = Secured::new("late");
    let path = scene.authority.path("host.pem");
    fs::remove_file(&path).unwrap();
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    scene.program.signal(Signal::HUP);
    // It is open as soon as the program reads there, where nothing comes.
    let (sender, opened) = bounded(1);
    thread::spawn(move || sender.send(fs::OpenOptions::new().write(true).open(path)));
    let _writer = opened.recv_timeout(PATIENCE).unwrap().unwrap();
    scene.end();
}

#[test]
fn unusable_tls_files_are_reported_by_name() {
    let file = File::new(
        "no-pem",
        "[[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n\
         tls_chain = [\"/no/such/chain.pem\"]\ntls_key = [\"/no/such/key.pem\"]\n",
    );
    let (status, log) = Program::run(&["--config", file.path()]).wait();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(log.contains("/no/such/chain.pem: "), "{log}");
}
