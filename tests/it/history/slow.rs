//! A reader on a slow line of topics that keep the newest message of each key.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use corecast::{
    Config, HistorySettings, Kind, Namespaces, Publish, Scope, SlowConsumer, TopicSettings,
};
use crossbeam_channel::{Sender, unbounded};

use crate::support::raw_ws::RawWs;
use crate::support::server::{Running, builder};
use crate::support::socket::{dial, dial_small};
use crate::support::wait::in_a_while;

/// As often each key has a new value.
const ROUNDS: u32 = 2_000;
const KEYS: u32 = 5;
/// With a value of 200 bytes each, all of them are 2 MB.
const VALUE_BYTES: usize = 200;

fn server() -> Running {
    let history = HistorySettings {
        entries_max: 1_000,
        bytes_max: 1 << 20,
        ttl: Duration::from_secs(3600),
        meta_ttl: Duration::from_secs(3600),
        is_keyed: true,
    };
    let state = TopicSettings {
        history: Some(history),
        slow_consumer: Some(SlowConsumer::Latest),
        ..TopicSettings::default()
    };
    let scope = Scope::name("state").unwrap();
    Running::start(builder(2).config(Config {
        namespaces: Namespaces::new(TopicSettings::default(), vec![(scope, state)]),
        ..Config::default()
    }))
}

/// The address of a relay for one connection, which passes on as many bytes as it is told.
fn relay(server: SocketAddr) -> (SocketAddr, Sender<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (allow, allowed) = unbounded();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut far = dial_small(server);
        let (mut from, mut to) = (client.try_clone().unwrap(), far.try_clone().unwrap());
        thread::spawn(move || io::copy(&mut from, &mut to));
        let mut buffer = vec![0; 64 << 10];
        for bytes in allowed {
            let mut left: usize = bytes;
            while 0 < left {
                let len = left.min(buffer.len());
                let Ok(read @ 1..) = far.read(&mut buffer[..len]) else {
                    return;
                };
                if client.write_all(&buffer[..read]).is_err() {
                    return;
                }
                left -= read;
            }
        }
        client.shutdown(Shutdown::Both).ok();
    });
    (addr, allow)
}

/// What a reader has of each key.
#[derive(Default)]
struct Newest {
    by_key: HashMap<u32, u32>,
    count: usize,
}

impl Newest {
    /// Takes the next value, which is newer than what it has of its key.
    fn read(&mut self, ws: &mut RawWs<TcpStream>) {
        let (_, text) = ws.next();
        let text = String::from_utf8(text).unwrap();
        let mut numbers = text
            .split('.')
            .take(2)
            .map(|number| number.parse().unwrap());
        let (key, round) = (numbers.next().unwrap(), numbers.next().unwrap());
        let before = self.by_key.insert(key, round);
        assert!(before < Some(round), "{key}: {round} after {before:?}");
        self.count += 1;
    }

    fn is_up_to_date(&self) -> bool {
        (0..KEYS).all(|key| self.by_key.get(&key) == Some(&(ROUNDS - 1)))
    }
}

#[test]
fn a_reader_on_a_slow_line_has_the_newest_of_each_key_and_none_older_after_it() {
    let server = server();
    let (addr, allow) = relay(server.http());
    // The head of the answer, and the first values.
    allow.send(1_000).unwrap();
    let mut slow = RawWs::over(dial(addr), "/sub/state:1");
    let mut fast = RawWs::connect(server.http(), "/sub/state:1");
    let (mut of_slow, mut of_fast) = (Newest::default(), Newest::default());
    for round in 0..ROUNDS {
        for key in 0..KEYS {
            let (name, mut value) = (format!("k{key}"), format!("{key}.{round}."));
            value.extend(std::iter::repeat_n('.', VALUE_BYTES - value.len()));
            let (publish, value) = (Publish::new().key(&name), value.as_bytes());
            let deadline = in_a_while();
            let handle = server.handle();
            handle
                .publish_positioned("state:1", Kind::Text, value, publish, deadline)
                .unwrap();
        }
        (0..KEYS).for_each(|_| of_fast.read(&mut fast));
        // A tenth of what is published.
        allow.send(KEYS as usize * VALUE_BYTES / 10).unwrap();
    }
    assert!(of_fast.is_up_to_date());
    allow.send(usize::MAX).unwrap();
    while !of_slow.is_up_to_date() {
        of_slow.read(&mut slow);
    }
    assert!(
        of_slow.count < (ROUNDS * KEYS) as usize / 2,
        "{}",
        of_slow.count
    );
}
