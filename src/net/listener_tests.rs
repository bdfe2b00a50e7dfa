use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use super::*;

const ANY: &str = "127.0.0.1:0";
const PATIENCE: Duration = Duration::from_secs(10);

fn bind_shards(count: usize) -> (Socket, Vec<Socket>, SocketAddr) {
    let (probe, addr) = bind_probe(ANY.parse().unwrap()).unwrap();
    let shards = (0..count)
        .map(|_| bind_shard(addr, limits::NOTSENT_BYTES).unwrap())
        .collect();
    (probe, shards, addr)
}

fn check_in_use(result: io::Result<(Socket, SocketAddr)>, addr: SocketAddr) {
    let err = result.expect_err("the port is taken");
    assert_eq!(err.kind(), ErrorKind::AddrInUse);
    assert!(err.to_string().starts_with(&format!("{addr}: ")), "{err}");
}

/// docs/CONFIG.md says so of `[::]`.
#[test]
fn the_ipv6_wildcard_does_not_take_the_port_of_ipv4() {
    let any: SocketAddr = "[::]:0".parse().unwrap();
    // A host without IPv6 cannot run this test.
    let Ok((probe, addr)) = bind_probe(any) else {
        return;
    };
    let shard = bind_shard(addr, limits::NOTSENT_BYTES).unwrap();
    for socket in [probe, shard] {
        assert!(socket.only_v6().unwrap());
    }
}

#[test]
fn a_free_port_is_found_and_shared_by_all_shards() {
    let (probe, shards, addr) = bind_shards(3);
    assert_ne!(addr.port(), 0);
    let mut poll = Poll::new().unwrap();
    let listeners: Vec<OwnedFd> = shards
        .into_iter()
        .map(|socket| listen(socket).unwrap())
        .collect();
    drop(probe);
    for (index, listener) in listeners.iter().enumerate() {
        let registry = poll.registry();
        let mut source = SourceFd(&listener.as_raw_fd());
        registry
            .register(&mut source, Token(index), Interest::READABLE)
            .unwrap();
    }
    let clients: Vec<TcpStream> = (0..64).map(|_| TcpStream::connect(addr).unwrap()).collect();
    let mut accepted = vec![0; listeners.len()];
    let mut events = Events::with_capacity(8);
    while accepted.iter().sum::<usize>() < clients.len() {
        poll.poll(&mut events, Some(PATIENCE)).unwrap();
        assert!(!events.is_empty(), "only {accepted:?} came");
        for (listener, count) in listeners.iter().zip(&mut accepted) {
            while accept(listener).is_ok() {
                *count += 1;
            }
        }
    }
    // Each of 64 connections misses a given shard with probability 2/3, so a shard has none once in
    // 10^11 runs.
    assert!(accepted.iter().all(|count| 0 < *count), "{accepted:?}");
}

#[test]
fn a_second_server_on_the_port_is_an_error() {
    let (probe, shards, addr) = bind_shards(2);
    let _listeners: Vec<OwnedFd> = shards
        .into_iter()
        .map(|socket| listen(socket).unwrap())
        .collect();
    check_in_use(bind_probe(addr), addr);
    drop(probe);
    check_in_use(bind_probe(addr), addr);
}

#[test]
fn a_server_that_does_not_share_its_port_is_an_error() {
    let other = TcpListener::bind(ANY).unwrap();
    let addr = other.local_addr().unwrap();
    check_in_use(bind_probe(addr), addr);
    let err = bind_shard(addr, limits::NOTSENT_BYTES).err().unwrap();
    assert_eq!(err.kind(), ErrorKind::AddrInUse);
}

#[test]
fn a_port_can_be_bound_again_right_after_its_server_closed_a_connection() {
    let (probe, mut shards, addr) = bind_shards(1);
    let listener = listen(shards.remove(0)).unwrap();
    drop(probe);
    let client = TcpStream::connect(addr).unwrap();
    let (served, _) = accept_one(&listener);
    // The side that closes first is left in TIME_WAIT.
    drop(served);
    drop(client);
    drop(listener);
    bind_probe(addr).unwrap();
}

#[test]
fn accepted_sockets_inherit_every_option() {
    let (_probe, mut shards, addr) = bind_shards(1);
    let listener = listen(shards.remove(0)).unwrap();
    let _client = TcpStream::connect(addr).unwrap();
    let (accepted, _) = accept_one(&listener);
    let accepted = socket2::SockRef::from(&accepted);
    assert!(accepted.tcp_nodelay().unwrap());
    assert!(accepted.keepalive().unwrap());
    assert_eq!(
        accepted.tcp_keepalive_time().unwrap(),
        limits::KEEPALIVE_IDLE
    );
    let interval = accepted.tcp_keepalive_interval().unwrap();
    assert_eq!(interval, limits::KEEPALIVE_INTERVAL);
    let probes = accepted.tcp_keepalive_retries().unwrap();
    assert_eq!(probes, limits::KEEPALIVE_PROBES);
    let timeout = accepted.tcp_user_timeout().unwrap();
    assert_eq!(timeout, Some(limits::TCP_USER_TIMEOUT));
    assert_eq!(accepted.tcp_notsent_lowat().unwrap(), limits::NOTSENT_BYTES);
}

#[test]
fn both_families_have_the_same_port() {
    let Ok((_probe, addr)) = bind_probe("[::]:0".parse().unwrap()) else {
        return; // A host without IPv6.
    };
    let _six = listen(bind_shard(addr, limits::NOTSENT_BYTES).unwrap()).unwrap();
    let four = SocketAddr::from(([0, 0, 0, 0], addr.port()));
    bind_probe(four).unwrap();
}

#[test]
fn an_address_of_another_host_is_named_in_the_error() {
    let addr = "192.0.2.1:80".parse().unwrap();
    let err = bind_probe(addr).err().unwrap();
    assert!(err.to_string().starts_with("192.0.2.1:80: "), "{err}");
}

fn accept_one(listener: &OwnedFd) -> (OwnedFd, SocketAddr) {
    let waiting = socket2::SockRef::from(listener);
    waiting.set_nonblocking(false).unwrap();
    waiting.set_read_timeout(Some(PATIENCE)).unwrap();
    let (socket, peer) = accept(listener).unwrap();
    assert_eq!(peer_of(&socket), Ok(peer));
    (socket, peer.unwrap())
}
