//! Listening at a path of the file system, and what is there before and after.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use corecast::{Framing, Kind, ListenAddr, Listener, Server, ServerBuilder};
use rustix::process::Signal;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::support::folder::Folder;
use crate::support::framed::{Framed, frame};
use crate::support::http::{read_answer, read_head, upgrade_request};
use crate::support::program::Program;
use crate::support::server::{ANY, Running, try_start};
use crate::support::socket::dial_path;
use crate::support::tls::{Authority, EACH, shake};
use crate::support::whence::PeerInfo;
use crate::support::ws::Ws;

/// A path for a socket, in a folder of its own.
struct Place(Folder);

impl Place {
    fn new() -> Self {
        Self(Folder::new())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("x.sock")
    }

    fn addr(&self) -> ListenAddr {
        ListenAddr::Unix(self.path())
    }
}

fn builder() -> ServerBuilder {
    Server::builder().shards(3).pin(false)
}

fn ask(path: &Path, request: &str) -> String {
    let mut stream = dial_path(path);
    stream.write_all(request.as_bytes()).unwrap();
    read_answer(&mut stream).body.trim_end().to_owned()
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn is_served(path: &Path) -> bool {
    let mut stream = dial_path(path);
    stream
        .write_all(upgrade_request("/ws/lobby").as_bytes())
        .unwrap();
    read_head(&mut stream).status == 101
}

#[test]
fn messages_go_between_paths_and_ports_on_every_shard() {
    let (web, lines) = (Place::new(), Place::new());
    let of_lines = Listener::tcp(lines.addr(), "lobby").framing(Framing::Line);
    let server = Running::start(
        builder()
            .listen(Listener::http(web.addr()))
            .listen(of_lines)
            .http(ANY),
    );
    let mut subscribers: Vec<Ws> = (0..9)
        .map(|_| Ws::over(dial_path(&web.path()), "/ws/lobby"))
        .collect();
    let mut device = Framed::greeted(dial_path(&lines.path()), Framing::Line);
    let mut browser = Ws::connect(server.http(), "/ws/lobby");
    device.send(b"from a line");
    subscribers[0].send_text("from a path");
    let mut all = [b"from a line".to_vec(), b"from a path".to_vec()];
    let got: Vec<_> = [browser.next_payload(), browser.next_payload()].into();
    all.sort_by_key(|text| got.iter().position(|other| other == text));
    assert_eq!(got, all);
    for subscriber in &mut subscribers {
        assert_eq!([subscriber.next_payload(), subscriber.next_payload()], all);
    }
    assert_eq!([device.next(), device.next()], all);
    // The nine, and the device.
    let opened: Vec<u64> = server
        .handle()
        .shard_counters()
        .iter()
        .map(|c| c.opened)
        .collect();
    assert!(opened.iter().all(|opened| 3 <= *opened), "{opened:?}");
}

#[test]
fn a_path_has_exactly_the_permissions_that_were_asked_for() {
    for mode in [0o600, 0o660, 0o777] {
        let folder = Place::new();
        let server = Running::start(builder().listen(Listener::http(folder.addr()).mode(mode)));
        let permissions = fs::metadata(folder.path()).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode);
        drop(server);
    }
    let folder = Place::new();
    let _server = Running::start(builder().listen(Listener::http(folder.addr())));
    let permissions = fs::metadata(folder.path()).unwrap().permissions();
    assert_eq!(permissions.mode() & 0o777, 0o660);
}

#[test]
fn what_a_server_has_left_behind_is_replaced() {
    let folder = Place::new();
    drop(UnixListener::bind(folder.path()).unwrap());
    assert!(folder.path().exists(), "nobody listens there");
    let _server = Running::start(builder().listen(Listener::http(folder.addr())));
    assert!(is_served(&folder.path()));
}

fn start_fails(listener: Listener) -> corecast::Error {
    let started = try_start(builder().listen(listener));
    started.expect_err("an error")
}

#[test]
fn a_path_with_a_listening_server_is_an_error_and_stays_its_own() {
    let folder = Place::new();
    let _first = Running::start(builder().listen(Listener::http(folder.addr())));
    let err = start_fails(Listener::http(folder.addr()));
    assert_eq!(err.kind(), ErrorKind::AddrInUse);
    let expected = format!("cannot listen on {}: another server", folder.addr());
    assert!(err.to_string().starts_with(&expected), "{err}");
    assert!(is_served(&folder.path()));
}

#[test]
fn a_full_queue_means_that_a_server_listens() {
    const MOST: usize = 64;
    let folder = Place::new();
    let addr = SockAddr::unix(folder.path()).unwrap();
    let socket = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    };
    let deaf = socket();
    deaf.bind(&addr).unwrap();
    deaf.listen(1).unwrap();
    let connect = || {
        let socket = socket();
        socket.connect(&addr).ok().map(|()| socket)
    };
    let queued: Vec<Socket> = std::iter::from_fn(connect).take(MOST).collect();
    assert!(queued.len() < MOST, "the queue is full");
    let err = start_fails(Listener::http(folder.addr()));
    assert_eq!(err.kind(), ErrorKind::AddrInUse);
    assert!(folder.path().exists());
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let folder = Place::new();
    fs::write(folder.path(), "dear").unwrap();
    let err = start_fails(Listener::http(folder.addr()));
    assert!(err.to_string().contains("no socket"), "{err}");
    assert_eq!(fs::read_to_string(folder.path()).unwrap(), "dear");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = Place::new();
    let path = folder.0.path().join("none").join("x.sock");
    let err = start_fails(Listener::http(ListenAddr::Unix(path.clone())));
    assert_eq!(err.kind(), ErrorKind::NotFound);
    assert!(err.to_string().contains(path.to_str().unwrap()), "{err}");
}

#[test]
fn the_same_path_twice_is_an_error_and_leaves_nothing() {
    let folder = Place::new();
    let both = builder()
        .listen(Listener::http(folder.addr()))
        .listen(Listener::tcp(folder.addr(), "lobby"));
    try_start(both).expect_err("an error");
    assert!(!folder.path().exists());
}

#[test]
fn the_file_goes_with_the_server() {
    for drain in [false, true] {
        let folder = Place::new();
        let server = Running::start(builder().listen(Listener::http(folder.addr())));
        let mut client = Ws::over(dial_path(&folder.path()), "/ws/lobby");
        if drain {
            server.handle().drain();
            assert_eq!(client.expect_close().0, 1001);
            server.join();
        } else {
            drop(server);
        }
        assert!(!folder.path().exists(), "drained: {drain}");
    }
}

#[test]
fn a_file_that_has_taken_its_place_stays() {
    let folder = Place::new();
    let server = Running::start(builder().listen(Listener::http(folder.addr())));
    fs::remove_file(folder.path()).unwrap();
    let _other = UnixListener::bind(folder.path()).unwrap();
    drop(server);
    assert!(folder.path().exists());
}

#[test]
fn a_program_that_reaches_a_path_is_a_trusted_proxy() {
    let (plain, proxied) = (Place::new(), Place::new());
    let server = builder()
        .listen(Listener::http(plain.addr()))
        .listen(Listener::http(proxied.addr()).proxy_protocol(true));
    let _server = Running::with(server, |_| PeerInfo);
    assert_eq!(ask(&plain.path(), GET), "nowhere");
    let forwarded = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n";
    assert_eq!(ask(&plain.path(), forwarded), "192.0.2.7:0");
    let header = "PROXY TCP4 192.0.2.8 198.51.100.9 4711 80\r\n";
    assert_eq!(
        ask(&proxied.path(), &format!("{header}{GET}")),
        "192.0.2.8:4711"
    );
    // The client that the proxy has named is not a proxy.
    let both = format!("{header}{forwarded}");
    assert_eq!(ask(&proxied.path(), &both), "192.0.2.8:4711");
}

#[test]
fn tls_works_on_a_unix_domain_socket() {
    let folder = Place::new();
    let authority = Authority::new("authority");
    authority.sign("host", "host", &["localhost"]);
    let listener = Listener::tcp(folder.addr(), "lobby").tls(authority.settings("host"));
    let server = Running::start(builder().listen(listener));
    let config = Arc::new(authority.trusting(EACH[0], None));
    for _ in 0..4 {
        let mut device = shake(dial_path(&folder.path()), &config, "localhost").unwrap();
        let mut greeting = [1; 4];
        std::io::Read::read_exact(&mut device, &mut greeting).unwrap();
        assert_eq!(greeting, [0; 4], "the first frame is empty");
        device
            .write_all(&frame(Framing::LengthPrefix, b"hello"))
            .unwrap();
        let mut echo = [0; 9];
        std::io::Read::read_exact(&mut device, &mut echo).unwrap();
        assert_eq!(&echo[4..], b"hello");
    }
    server.publish("lobby", Kind::Text, b"to nobody");
}

#[test]
fn the_program_logs_its_path_and_takes_it_with_it() {
    let folder = Place::new();
    let addr = folder.addr().to_string();
    let mut program = Program::run(&["serve", "--http", &addr, "--tcp", "127.0.0.1:0"]);
    assert_eq!(program.wait_for("listening http "), addr);
    program.wait_for("ready: ");
    assert!(is_served(&folder.path()));
    program.signal(Signal::TERM);
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!folder.path().exists());
}
