//! A subscriber that stops reading: it alone pays, as its policy says, and everyone else goes on.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use corecast::{CloseReason, Config, Kind, SlowConsumer};
use rustix::process::Signal;

use crate::support::length_prefix::LengthPrefix;
use crate::support::process::Helper;
use crate::support::raw_ws::{BINARY, CLOSE, FIN, RawWs};
use crate::support::server::{Running, builder};
use crate::support::socket::dial_small;
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

const LOG_BYTES: usize = 256 << 10;
const PAYLOAD_BYTES: usize = 1 << 10;
/// Messages that a log holds for sure: it lets go of whole segments.
const KEPT_MIN: usize = (LOG_BYTES - corecast::limits::SEGMENT_BYTES) / (PAYLOAD_BYTES + 16);
/// Messages that no log and no socket buffers hold: 3 MB.
const MANY: u32 = 3_000;

/// A server with two subscribers that always read.
struct Scene {
    server: Running,
    ws: Ws,
    tcp: LengthPrefix,
    published: u32,
}

fn config(slow_consumer: SlowConsumer) -> Config {
    Config {
        slow_consumer,
        log_bytes_max: LOG_BYTES,
        ..Config::default()
    }
}

/// A message that is known by its number.
fn numbered(number: u32) -> Vec<u8> {
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(PAYLOAD_BYTES, b'.');
    payload
}

fn number_of(payload: &[u8]) -> u32 {
    let (number, filling) = payload.split_first_chunk().unwrap();
    assert_eq!(filling.len(), PAYLOAD_BYTES - 4);
    let torn = filling.iter().position(|&byte| byte != b'.');
    assert_eq!(torn, None, "message {number:?} is torn");
    u32::from_be_bytes(*number)
}

impl Scene {
    fn new(config: Config) -> Self {
        let server = Running::start(builder(2).config(config));
        let ws = Ws::connect(server.http(), "/sub/lobby");
        let tcp = LengthPrefix::connect(server.tcp());
        Self {
            server,
            ws,
            tcp,
            published: 0,
        }
    }

    /// Publishes the next `count` messages, which the reading subscribers must all get.
    fn publish(&mut self, count: u32) {
        let end = self.published + count;
        while self.published < end {
            // No more than their sockets hold: they must not count as slow.
            let batch = self.published..end.min(self.published + 10);
            self.published = batch.end;
            for number in batch.clone() {
                let payload = numbered(number);
                self.server.publish("lobby", Kind::Binary, &payload);
            }
            for number in batch {
                assert_eq!(number_of(&self.ws.next_payload()), number);
                assert_eq!(number_of(&self.tcp.next()), number);
            }
        }
    }

    fn newest(&self) -> u32 {
        self.published - 1
    }

    /// A subscriber that does not read, with little room in its socket.
    fn connect_reader(&self) -> Reader {
        Reader(RawWs::over(dial_small(self.server.http()), "/sub/lobby"))
    }

    fn wait_for_close(&self, reason: CloseReason) {
        wait_until(reason.label(), || {
            self.server.counters().closed[reason.index()] == 1
        });
    }

    /// What the server says was missed must be what `got` lacks.
    fn check_skipped(&self, got: &[u32]) {
        let missing = u64::from(self.published) - got.len() as u64;
        wait_until("skips are counted", || {
            self.server.counters().skipped == missing
        });
    }
}

/// A subscriber that reads when it is asked to.
struct Reader(RawWs);

impl Reader {
    fn next(&mut self) -> u32 {
        let (first, payload) = self.0.next();
        assert_eq!(first, FIN | BINARY);
        number_of(&payload)
    }

    /// Reads up to the message `last`.
    fn read_to(&mut self, last: u32) -> Vec<u32> {
        let mut got = Vec::new();
        while got.last() != Some(&last) {
            got.push(self.next());
        }
        got
    }
}

/// Cuts into runs without a gap; fails if anything came twice or out of order.
fn runs(got: &[u32]) -> Vec<&[u32]> {
    assert!(got.is_sorted_by(|one, next| one < next), "{got:?}");
    got.chunk_by(|one, next| one + 1 == *next).collect()
}

#[test]
fn drop_oldest_goes_on_with_the_oldest_message_kept() {
    let mut scene = Scene::new(config(SlowConsumer::DropOldest));
    let mut reader = scene.connect_reader();
    scene.publish(MANY);
    let got = reader.read_to(scene.newest());
    let runs = runs(&got);
    assert_eq!(runs[0][0], 0, "what the socket took");
    assert!(1 < runs.len(), "a gap");
    assert!(KEPT_MIN < runs[runs.len() - 1].len(), "all that was kept");
    scene.check_skipped(&got);

    scene.publish(20);
    assert_eq!(reader.read_to(scene.newest()).len(), 20, "in step again");
}

#[test]
fn latest_jumps_to_the_newest_message() {
    let mut scene = Scene::new(config(SlowConsumer::Latest));
    let mut reader = scene.connect_reader();
    scene.publish(MANY);
    let got = reader.read_to(scene.newest());
    let runs = runs(&got);
    assert_eq!(runs[0][0], 0, "what the socket took");
    assert!(1 < runs.len(), "a gap");
    assert_eq!(runs[runs.len() - 1], [scene.newest()]);
    scene.check_skipped(&got);

    // One: of several it could skip some while it reads, with so little room.
    scene.publish(1);
    assert_eq!(reader.read_to(scene.newest()).len(), 1, "in step again");
}

#[test]
fn drop_newest_keeps_what_came_first_and_misses_what_comes_after() {
    let mut scene = Scene::new(config(SlowConsumer::DropNewest));
    let mut reader = scene.connect_reader();
    scene.publish(MANY);
    let missed_until = scene.newest();
    let last = missed_until + 20;
    let got = thread::scope(|scope| {
        let reading = scope.spawn(move || reader.read_to(last));
        wait_until("what was kept is read", || {
            scene.server.counters().skipped != 0
        });
        scene.publish(20);
        reading.join().unwrap()
    });
    let runs = runs(&got);
    assert_eq!(runs.len(), 2, "one gap");
    assert_eq!(runs[0][0], 0, "from the first on");
    assert!(KEPT_MIN < runs[0].len(), "as many as a log holds");
    let after: Vec<u32> = (missed_until + 1..=last).collect();
    assert!(runs[1].ends_with(&after), "all that came afterwards");
    scene.check_skipped(&got);
}

#[test]
fn disconnect_closes_a_subscriber_that_falls_behind() {
    let mut scene = Scene::new(config(SlowConsumer::Disconnect));
    let mut reader = scene.connect_reader();
    while scene.server.counters().closed[CloseReason::Slow.index()] == 0 {
        assert!(scene.published < MANY, "still connected");
        scene.publish(100);
    }
    let mut expected = 0;
    let (code, reason) = loop {
        let (first, payload) = reader.0.next();
        if first == FIN | CLOSE {
            break (payload[..2].to_vec(), payload[2..].to_vec());
        }
        assert_eq!(number_of(&payload), expected, "no gap before the end");
        expected += 1;
    };
    assert_eq!(code, 1013_u16.to_be_bytes());
    assert_eq!(String::from_utf8(reason).unwrap(), "too slow for the topic");
    assert!(expected < scene.published);
    scene.publish(100);
    assert_eq!(
        scene.server.counters().skipped,
        0,
        "it did not skip, it went"
    );
}

#[test]
fn a_subscriber_that_takes_nothing_for_too_long_is_closed() {
    let mut scene = Scene::new(Config {
        stall_timeout: Duration::from_millis(300),
        ..Config::default()
    });
    let mut reader = scene.connect_reader();
    scene.publish(500);
    scene.wait_for_close(CloseReason::Stalled);
    while let Some((first, _)) = reader.0.next_or_end() {
        assert_eq!(first, FIN | BINARY, "no last word to one who does not read");
    }
    scene.publish(100);
}

#[test]
fn a_stopped_process_falls_behind_alone() {
    const TEST: &str = "slow::a_stopped_process_falls_behind_alone";
    if let Some(task) = Helper::task() {
        return read_as_a_process(&task);
    }
    let mut scene = Scene::new(config(SlowConsumer::DropOldest));
    let addr = scene.server.http();
    let process = Helper::start(TEST, &format!("{addr} {}", MANY - 1));
    process.wait_for("subscribed");
    process.stop();
    scene.publish(MANY);
    wait_until("its socket is full", || {
        0 < scene.server.counters().short_writes
    });
    process.signal(Signal::CONT);
    let runs = process.wait_for("got ");
    let runs: Vec<Vec<u32>> = runs
        .split(' ')
        .map(|run| run.split('-').map(|end| end.parse().unwrap()).collect())
        .collect();
    assert_eq!(runs[0][0], 0, "what the socket took");
    assert!(1 < runs.len(), "a gap");
    let [first, last] = runs[runs.len() - 1][..] else {
        panic!("{runs:?}");
    };
    assert_eq!(last, scene.newest());
    assert!(KEPT_MIN < (last - first) as usize, "all that was kept");
}

/// Subscribes, reads to the message it was told, and prints what it got as `first-last` of runs.
#[expect(clippy::print_stdout, reason = "that is how it tells")]
fn read_as_a_process(task: &str) {
    let (addr, last) = task.split_once(' ').unwrap();
    let addr: SocketAddr = addr.parse().unwrap();
    let mut reader = Reader(RawWs::over(dial_small(addr), "/sub/lobby"));
    println!("subscribed");
    let got = reader.read_to(last.parse().unwrap());
    let runs: Vec<String> = runs(&got)
        .iter()
        .map(|run| format!("{}-{}", run[0], run[run.len() - 1]))
        .collect();
    println!("got {}", runs.join(" "));
}
