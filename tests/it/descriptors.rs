//! Descriptors: a table for each shard, nothing leaked, and what happens when there are no more.

use std::fs::{self, File};

use std::net::{TcpListener, TcpStream};

use corecast::{
    Balance, Cx, Halt, Handler, Listener, Message, Opening, Refusal, Relay, Server, ServerBuilder,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::http::{ask, is_served, upgrade_request};
use crate::support::length_prefix::LengthPrefix;
use crate::support::process::alone;
use crate::support::program::Program;
use crate::support::raw_ws::RawWs;
use crate::support::server::{ANY, Running, builder};
use crate::support::socket::{dial, read_to_the_end};
use crate::support::wait::{PATIENCE, wait_until};
use crate::support::ws::Ws;

#[test]
fn a_socket_that_the_embedder_closes_is_closed() {
    let listener = TcpListener::bind(ANY).unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let (own, _) = listener.accept().unwrap();
    let server = Running::start(builder(4));
    drop(own);
    assert_eq!(read_to_the_end(&mut peer), b"", "no shard holds a copy");
    drop(server);
}

/// Everything of this process that a server could leave behind.
#[derive(Clone, Copy, Debug)]
struct Footprint {
    descriptors: usize,
    threads: usize,
    maps: usize,
}

impl Footprint {
    fn now() -> Self {
        let tasks = || fs::read_dir("/proc/self/task").unwrap().flatten();
        // A thread may end between its listing and its reading.
        let open = |task: fs::DirEntry| Some(fs::read_dir(task.path().join("fd")).ok()?.count());
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        Self {
            descriptors: tasks().filter_map(open).sum(),
            threads: tasks().count(),
            maps: maps.lines().count(),
        }
    }
}

fn serve_and_stop(builder: ServerBuilder, drain: bool) {
    let server = Running::start(builder);
    let mut ws = Ws::connect(server.http(), "/ws/lobby");
    let mut tcp = LengthPrefix::connect(server.tcp());
    tcp.send(b"hello");
    assert_eq!(ws.next_payload(), b"hello");
    if drain {
        server.handle().drain();
        assert_eq!(ws.expect_close().0, 1001);
        server.join();
    }
}

#[test]
fn a_hundred_starts_and_stops_leave_nothing_behind() {
    alone(
        "descriptors::a_hundred_starts_and_stops_leave_nothing_behind",
        || check_nothing_is_left(|| builder(2)),
    );
}

#[test]
fn a_server_whose_connections_are_balanced_leaks_no_descriptors() {
    let listeners = || [Listener::http(ANY), Listener::tcp(ANY, "lobby")];
    let builder = || {
        let server = Server::builder().shards(2).pin(false);
        let balanced = listeners().map(|listener| listener.balance(Balance::Even));
        balanced.into_iter().fold(server, ServerBuilder::listen)
    };
    alone(
        "descriptors::a_server_whose_connections_are_balanced_leaks_no_descriptors",
        || check_nothing_is_left(builder),
    );
}

fn check_nothing_is_left(builder: impl Fn() -> ServerBuilder) {
    // The allocator and the thread library keep some memory for the next time.
    for n in 0..20 {
        serve_and_stop(builder(), n == 0);
    }
    let before = Footprint::now();
    for n in 0..100 {
        serve_and_stop(builder(), n % 50 == 0);
    }
    let mut after = before;
    wait_until("threads are gone and descriptors closed", || {
        after = Footprint::now();
        // A thread that has been joined is listed for a moment more, in either footprint.
        after.descriptors <= before.descriptors && after.threads <= before.threads
    });
    assert!(after.maps < before.maps + 50, "{before:?}, then {after:?}");
}

#[test]
fn each_shard_has_the_whole_limit_of_open_files() {
    const FILES: u32 = 300;
    const CONNECTIONS: usize = 500;
    corecast::sys::descriptors::raise_soft_limit().unwrap();
    let (_program, http, tcp) = Program::serve_limited(FILES, &["--shards", "4"]);
    let mut clients: Vec<LengthPrefix> = (0..CONNECTIONS)
        .map(|_| LengthPrefix::connect(tcp))
        .collect();
    Ws::connect(http, "/pub/lobby").send_text("more than one table holds");
    for client in &mut clients {
        assert_eq!(client.next(), b"more than one table holds");
    }
}

#[test]
fn a_shard_refuses_beyond_its_reserve_and_serves_on() {
    const FILES: u32 = 160;
    let (mut program, http, tcp) = Program::serve_limited(FILES, &["--shards", "1"]);
    let mut witness = Ws::connect(http, "/ws/lobby");
    let mut clients = Vec::new();
    let refused = loop {
        let mut client = LengthPrefix::over(dial(tcp));
        if client.next_or_end().is_none() {
            break client;
        }
        clients.push(client);
        assert!(clients.len() < FILES as usize, "one too many");
    };
    drop(refused);
    for _ in 0..100 {
        assert_eq!(ask(http, upgrade_request("/ws")).status, 503);
        assert_eq!(read_to_the_end(&mut dial(tcp)), b"");
    }
    // More at once than there are places to be refused in.
    let flood: Vec<TcpStream> = (0..300).map(|_| dial(http)).collect();
    witness.send_text("served as ever");
    assert_eq!(witness.next_text(), "served as ever");
    for client in &mut clients {
        assert_eq!(client.next(), b"served as ever");
    }
    drop(flood);
    clients.pop();
    // A connection that, as far as the server knows, has ended only its side, until it is sent
    // something.
    witness.send_text("goodbye");
    wait_until("a place is free", || is_served(http));
    program.signal(rustix::process::Signal::TERM);
    program.wait_for("stopped");
}

/// An application that opens files: as many as there can be at `fill`, none at `empty`.
struct Hoarder {
    relay: Relay,
    files: Vec<File>,
}

impl Handler for Hoarder {
    type Conn = <Relay as Handler>::Conn;
    type Answer = <Relay as Handler>::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        opening: &Opening<'_>,
    ) -> Result<Self::Conn, Refusal> {
        self.relay.on_open(cx, opening)
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        match message.payload {
            b"fill" => {
                while let Ok(file) = File::open("/dev/null") {
                    self.files.push(file);
                }
            }
            b"empty" => self.files.clear(),
            _ => {}
        }
        self.relay.on_message(cx, message)
    }
}

#[test]
fn without_a_descriptor_left_clients_are_turned_away_and_the_others_served() {
    alone(
        "descriptors::without_a_descriptor_left_clients_are_turned_away_and_the_others_served",
        run_out_of_descriptors,
    );
}

/// A server that hoards files where 200 may be open; for a process of its own.
fn start_hoarding(builder: ServerBuilder) -> Running {
    let server = Running::with(builder, |_| Hoarder {
        relay: Relay::default(),
        files: Vec::new(),
    });
    let limit = Rlimit {
        current: Some(200),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    server
}

fn run_out_of_descriptors() {
    const REFUSED: u64 = 6;
    let server = start_hoarding(builder(1));
    let mut app = RawWs::connect(server.http(), "/ws/lobby");
    let mut tcp = LengthPrefix::connect(server.tcp());
    let mut tell = |text: &[u8]| {
        app.send(0x81, text);
        assert_eq!(app.next(), (0x81, text.to_vec()));
        assert_eq!(tcp.next(), text);
    };
    tell(b"fill");
    for n in 0..REFUSED {
        let addr = [server.http(), server.tcp()][usize::from(n % 2 == 0)];
        assert_eq!(read_to_the_end(&mut dial(addr)), b"", "turned away");
        tell(b"served as ever");
    }
    let errors = server.counters().accept_errors;
    assert_eq!(errors, REFUSED, "one for each, none for want of anybody");
    tell(b"empty");
    LengthPrefix::connect(server.tcp());
    Ws::connect(server.http(), "/ws/lobby");
}

#[test]
fn a_shard_without_a_descriptor_left_is_given_no_connection() {
    alone(
        "descriptors::a_shard_without_a_descriptor_left_is_given_no_connection",
        balance_around_one_that_is_full,
    );
}

fn balance_around_one_that_is_full() {
    let listener = Listener::http(ANY).balance(Balance::Even);
    let server = start_hoarding(Server::builder().shards(2).pin(false).listen(listener));
    // The first two go to one shard each.
    let mut clients: Vec<RawWs> = (0..2)
        .map(|_| RawWs::connect(server.http(), "/ws/lobby"))
        .collect();
    clients[1].send(0x81, b"fill");
    for client in &mut clients {
        assert_eq!(client.next(), (0x81, b"fill".to_vec()));
    }
    // One connection finds that out; every later one is given to the other shard.
    let asked = (0..40).filter(|_| !is_served(server.http()));
    let turned_away = asked.count();
    assert!(turned_away <= 4, "{turned_away} of 40 were turned away");
    assert!(0 < server.counters().accept_errors);
    // A while later it has some again, which no event reports.
    let errors = || server.counters().accept_errors;
    let opened = || server.handle().shard_counters()[1].opened;
    clients[1].send(0x81, b"empty");
    for client in &mut clients {
        assert_eq!(client.next(), (0x81, b"empty".to_vec()));
    }
    let (errors_before, opened_before) = (errors(), opened());
    wait_until("it is given connections again", || {
        assert!(is_served(server.http()));
        opened_before < opened()
    });
    assert_eq!(errors(), errors_before);
}
