//! Listeners with one socket for all shards, whose connections a balancer gives to the shards.

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::process::Command;

use corecast::{Balance, Config, Limit, Listener, Rate, Server, ServerBuilder};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::support::http::{read_head, upgrade_request};
use crate::support::process::alone;
use crate::support::program::Program;
use crate::support::server::{ANY, Running, try_start};
use crate::support::socket::dial;
use crate::support::wait::{PATIENCE, wait_until};
use crate::support::ws::Ws;

const SHARDS: usize = 4;

fn builder() -> ServerBuilder {
    let listener = Listener::http(ANY).balance(Balance::Even);
    let server = Server::builder().shards(SHARDS).pin(false);
    let tcp = Listener::tcp(ANY, "lobby").balance(Balance::Even);
    server.listen(listener).listen(tcp)
}

/// Waits until the shards have opened so many connections, least first.
fn wait_for(server: &Running, expected: [u64; SHARDS]) {
    let mut opened = Vec::new();
    wait_until(&format!("{expected:?} opened"), || {
        let counters = server.handle().shard_counters();
        opened = counters.iter().map(|counters| counters.opened).collect();
        opened.sort_unstable();
        opened.iter().sum::<u64>() == expected.iter().sum::<u64>()
    });
    assert_eq!(opened, expected);
}

fn ended(server: &Running) -> u64 {
    server.counters().closed.iter().sum()
}

#[test]
fn shards_behind_a_balancer_have_equally_many_connections() {
    let server = Running::start(builder());
    let mut clients: Vec<Ws> = (0..100)
        .map(|_| Ws::connect(server.http(), "/ws/lobby"))
        .collect();
    wait_for(&server, [25; SHARDS]);
    clients[0].send_text("to everyone");
    for client in &mut clients {
        assert_eq!(client.next_text(), "to everyone");
    }
}

#[test]
fn a_shard_that_lost_connections_gets_the_next_ones() {
    let server = Running::start(builder());
    // In turn, as long as no connection ends: each shard has those of one remainder.
    let mut clients: Vec<Option<Ws>> = (0..40)
        .map(|_| Some(Ws::connect(server.http(), "/ws/lobby")))
        .collect();
    wait_for(&server, [10; SHARDS]);
    for client in clients.iter_mut().step_by(SHARDS) {
        *client = None;
    }
    wait_until("ten have ended", || ended(&server) == 10);
    let _again: Vec<Ws> = (0..10)
        .map(|_| Ws::connect(server.http(), "/ws/lobby"))
        .collect();
    wait_for(&server, [10, 10, 10, 20]);
}

#[test]
fn a_second_server_on_a_balanced_port_is_an_error() {
    let server = Running::start(builder());
    for balance in [Balance::Even, Balance::Hash] {
        let listener = Listener::http(server.http()).balance(balance);
        let second = Server::builder().shards(2).listen(listener);
        let err = try_start(second).err();
        let err = err.expect("the port is taken");
        assert_eq!(err.kind(), std::io::ErrorKind::AddrInUse, "{err}");
    }
}

/// Many connections that have sent a request, of which none waits for an answer.
fn flood(addr: SocketAddr, count: usize) -> Vec<TcpStream> {
    let ask = |_| {
        let mut stream = dial(addr);
        stream
            .write_all(upgrade_request("/ws/lobby").as_bytes())
            .unwrap();
        stream
    };
    (0..count).map(ask).collect()
}

#[test]
fn a_drain_serves_queued_connections_and_those_on_their_way() {
    const CLIENTS: usize = 600;
    for _ in 0..5 {
        let server = Running::start(builder());
        let clients = flood(server.http(), CLIENTS);
        server.handle().drain();
        for mut client in clients {
            assert_eq!(read_head(&mut client).status, 101);
        }
        wait_until("closed", || TcpStream::connect(server.http()).is_err());
        server.join();
    }
}

#[test]
fn connections_on_their_way_to_a_shard_are_closed_when_the_server_stops() {
    for _ in 0..20 {
        let server = Running::start(builder());
        let handle = server.handle().clone();
        let clients = flood(server.http(), 200);
        handle.stop();
        server.join();
        for mut client in clients {
            crate::support::socket::read_to_the_end(&mut client);
        }
        drop(handle);
    }
}

/// So many in a second, of all shards.
fn slowly(rate: u32) -> Config {
    Config {
        accept_rate: Rate::per_second(rate),
        ..Config::default()
    }
}

#[test]
fn a_crowded_listener_leaves_space_for_the_others() {
    // The crowd is more than may be on its way to the shards, and would take minutes.
    let listener = || Listener::http(ANY).balance(Balance::Even);
    let server = Server::builder().shards(2).pin(false).config(slowly(50));
    let server = Running::start(server.listen(listener()).listen(listener()));
    let [crowded, quiet] = *server.http_addrs() else {
        panic!("two ports");
    };
    let crowd = flood(crowded, 1_500);
    Ws::connect(quiet, "/ws/lobby");
    let opened = server.counters().opened;
    assert!(opened < 1_200, "it had to wait for {opened} others");
    drop(crowd);
}

#[test]
fn a_drain_of_a_stuck_server_serves_every_connection() {
    const CLIENTS: usize = 1_500;
    let server = Running::start(builder().config(slowly(8)));
    let clients = flood(server.http(), CLIENTS);
    wait_until("some had to wait", || {
        0 < server.counters().limited[Limit::AcceptRate.index()]
    });
    server.handle().drain();
    for mut client in clients {
        assert_eq!(read_head(&mut client).status, 101);
    }
    server.join();
}

#[test]
fn shards_behind_a_balancer_accept_no_faster_than_the_rate_allows() {
    let server = Running::start(builder().config(slowly(8)));
    // Twice as many as may come at once, and more than come while the flood lasts.
    let clients = flood(server.http(), 24);
    for mut client in clients {
        assert_eq!(read_head(&mut client).status, 101);
    }
    assert!(
        0 < server.counters().limited[Limit::AcceptRate.index()],
        "one had to wait"
    );
}

#[test]
fn connections_are_balanced_where_shards_share_a_descriptor_table() {
    let server = Running::start(builder().own_tables(false));
    let mut clients: Vec<Ws> = (0..SHARDS)
        .map(|_| Ws::connect(server.http(), "/ws/lobby"))
        .collect();
    wait_for(&server, [1; SHARDS]);
    server.handle().drain();
    for client in &mut clients {
        assert_eq!(client.expect_close().0, 1001);
    }
    server.join();
}

#[test]
fn a_balancer_serves_although_the_table_of_its_thread_is_full() {
    alone(
        "balanced::a_balancer_serves_although_the_table_of_its_thread_is_full",
        serve_with_a_full_table,
    );
}

fn serve_with_a_full_table() {
    let server = Running::start(builder());
    let new = |_| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let clients: Vec<Socket> = (0..10).map(new).collect();
    let limit = Rlimit {
        current: Some(200),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    for client in clients {
        client.connect(&server.http().into()).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = TcpStream::from(client);
        let request = upgrade_request("/ws/lobby");
        client.write_all(request.as_bytes()).unwrap();
        assert_eq!(read_head(&mut client).status, 101);
    }
    drop(files);
    assert_eq!(server.counters().accept_errors, 0);
}

/// The program with what systemd gives: sockets from descriptor 3 on, named.
fn serve_given(names: &str, socket: impl Into<OwnedFd>, address: &str) -> Program {
    let script = "exec \"$0\" \"$@\" 3<&0 0</dev/null";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_corecast")]);
    command.args(["serve", "--http", address, "--tcp", "127.0.0.1:0"]);
    command.args(["--shards", "2"]).stdin(socket.into());
    command.env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", names);
    Program::spawn_with_input(command)
}

#[test]
fn a_socket_of_systemd_outlives_the_server() {
    let listener = TcpListener::bind(ANY).unwrap();
    let addr = listener.local_addr().unwrap();
    for address in ["systemd:web", "systemd:0"] {
        // A client that connects between two servers waits in the queue.
        let early = flood(addr, 10);
        let mut program = serve_given("web", listener.try_clone().unwrap(), address);
        assert_eq!(program.wait_for("listening http "), addr.to_string());
        for mut client in early {
            assert_eq!(read_head(&mut client).status, 101);
        }
        Ws::connect(addr, "/ws/lobby");
        program.signal(Signal::TERM);
        let (status, log) = program.wait();
        assert_eq!(status.code(), Some(0), "{log}");
    }
}

#[cfg(feature = "auth")]
#[test]
fn a_socket_of_systemd_that_others_reach_needs_an_identity() {
    let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
    let program = serve_given("web", everywhere.try_clone().unwrap(), "systemd:web");
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(2), "{log}");
    let expected = "--http: listener.0.address: other hosts reach this address, and every client";
    assert!(log.contains(expected), "{log}");
}

#[test]
fn an_error_names_a_socket_of_systemd_that_was_not_given_or_cannot_listen() {
    let udp = UdpSocket::bind(ANY).unwrap();
    for (address, says) in [
        ("systemd:devices", "was given no such socket"),
        ("systemd:web", "no stream socket"),
    ] {
        let program = serve_given("web", udp.try_clone().unwrap(), address);
        let (status, log) = program.wait();
        assert_eq!(status.code(), Some(2), "{log}");
        let expected = format!("cannot listen on {address}: ");
        assert!(log.contains(&expected) && log.contains(says), "{log}");
    }
}
