//! The cost of one order: the round trip of a message over a topic whose home is the connection's
//! own shard, and over one whose home is another shard, interleaved.
//!
//! `cargo bench --bench hop` prints the median and the 99th percentile of both, and of their
//! difference. `idle`: all threads sleep between two messages. `busy`: one message follows the
//! other. `loaded`: beside a fan-out to many subscribers on both shards.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program for a terminal that measures time and stops at the first error"
)]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use corecast::{
    Cx, Halt, Handle, Handler, Kind, Message, Opening, Refusal, Response, Server, Topic,
};

const SHARDS: usize = 2;
const ROUNDS: usize = 5;
const ROUND_TRIPS: usize = 400;

/// Gives each connection a topic of its own, and tells it whether that is at home on its shard.
struct Trips {
    next: u32,
}

impl Handler for Trips {
    type Conn = Option<Topic>;
    type Answer = ();

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, Option<Topic>>,
        opening: &Opening<'_>,
    ) -> Result<Option<Topic>, Refusal> {
        let Opening::Tcp { topic, .. } = opening else {
            return Err(Response::text(404, "TCP alone").into());
        };
        if topic.name() == "crowd" {
            cx.subscribe(*topic)?;
            return Ok(None);
        }
        self.next += 1;
        let topic = cx.topic(&format!("{}/{}", cx.shard(), self.next))?;
        cx.subscribe(&topic)?;
        let is_home = cx.home_of(&topic) == cx.shard();
        cx.reply(Kind::Binary, &[u8::from(is_home)])?;
        Ok(Some(topic))
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, Option<Topic>>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        match cx.data().cloned().flatten() {
            Some(topic) => Ok(cx.publish(&topic, message.kind, message.payload)?),
            None => Ok(()),
        }
    }
}

/// A client that sends a message and waits for it to come back.
struct Client(TcpStream);

impl Client {
    /// Connects until a connection has, or has not, its topic at home on its shard.
    fn connect(addr: SocketAddr, is_home: bool) -> Self {
        loop {
            let mut stream = TcpStream::connect(addr).unwrap();
            stream.set_nodelay(true).unwrap();
            // An empty frame, and a frame of one byte.
            let mut greeting = [0; 9];
            stream.read_exact(&mut greeting).unwrap();
            if greeting[8] == u8::from(is_home) {
                return Self(stream);
            }
        }
    }

    fn round_trip(&mut self) -> Duration {
        let frame = b"\0\0\0\x20a message of thirty-two bytes...";
        let mut back = [0; 36];
        let start = Instant::now();
        self.0.write_all(frame).unwrap();
        self.0.read_exact(&mut back).unwrap();
        start.elapsed()
    }
}

/// Round trips of both kinds in turns, with a rest before each.
fn measure(clients: &mut [Client; 2], rest: Duration) -> [Vec<Duration>; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUND_TRIPS {
        for (client, times) in clients.iter_mut().zip(&mut times) {
            if !rest.is_zero() {
                thread::sleep(rest);
            }
            times.push(client.round_trip());
        }
    }
    times
}

fn report(name: &str, times: [Vec<Duration>; 2]) {
    let [own, other] = times.map(|mut times| {
        times.sort_unstable();
        let at = |share: usize| times[times.len() * share / 100].as_nanos();
        [at(50), at(99)]
    });
    println!(
        "{name:<7} own shard p50 {:>5} p99 {:>6} us   another p50 {:>5} p99 {:>6} us   hop {:>+5} us",
        own[0] / 1000,
        own[1] / 1000,
        other[0] / 1000,
        other[1] / 1000,
        (i128::try_from(other[0]).unwrap() - i128::try_from(own[0]).unwrap()) / 1000,
    );
}

/// A fan-out to 20 readers, 2,000 times a second.
struct Load {
    stop: Arc<AtomicBool>,
    readers: Vec<TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for reader in &self.readers {
            reader.shutdown(Shutdown::Both).unwrap();
        }
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

fn load(handle: &Handle, addr: SocketAddr) -> Load {
    let (mut readers, mut threads) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let mut stream = TcpStream::connect(addr).unwrap();
        readers.push(stream.try_clone().unwrap());
        threads.push(thread::spawn(move || {
            let mut buffer = [0; 4096];
            while stream.read(&mut buffer).is_ok_and(|n| 0 < n) {}
        }));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (handle, is_over) = (handle.clone(), Arc::clone(&stop));
    threads.push(thread::spawn(move || {
        while !is_over.load(Ordering::Relaxed) {
            handle.publish("crowd", Kind::Binary, &[7; 64]).ok();
            thread::sleep(Duration::from_micros(500));
        }
    }));
    Load {
        stop,
        readers,
        threads,
    }
}

fn main() {
    // `cargo bench` says so; run otherwise, as a test, nothing is measured.
    let is_bench = std::env::args().any(|arg| arg == "--bench");
    let any = "127.0.0.1:0".parse().unwrap();
    let server = Server::builder()
        .tcp(any, "trips")
        .tcp(any, "crowd")
        .shards(SHARDS)
        .start(|_| Trips { next: 0 })
        .unwrap();
    let addrs = server.tcp_addrs().to_vec();
    let mut clients = [true, false].map(|is_home| Client::connect(addrs[0], is_home));
    let rounds = if is_bench { ROUNDS } else { 0 };
    for _ in 0..rounds {
        report("idle", measure(&mut clients, Duration::from_millis(2)));
        report("busy", measure(&mut clients, Duration::ZERO));
        let load = load(server.handle(), addrs[1]);
        report("loaded", measure(&mut clients, Duration::ZERO));
        load.end();
    }
    server.handle().stop();
    server.join().unwrap();
}
