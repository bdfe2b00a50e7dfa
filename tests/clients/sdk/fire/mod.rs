//! Recovery under fire: clients of npm's `centrifuge` are cut at random, over each transport and in
//! both formats, while publishers on all shards publish and the server is drained and started again
//! on its address. Each has exactly the messages of its topic, in their order, or was told that it
//! has missed some.
//!
//! `SDK_FIRE_CLIENTS=1000` has as many clients, and `SDK_FIRE_SEED=7` other chances.

#![expect(
    clippy::disallowed_types,
    reason = "threads of the test share where its clients are"
)]

mod told;

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{env, thread};

use corecast::{Epoch, Position};
use rustix::process::Signal;
use serde::Deserialize;
use serde_json::{Value, json};

use self::told::{Ended, Messages, agree, at, check_order, epoch, follow};
use super::node_packages;
use crate::support::api::{self, Api};
use crate::support::program::Program;
use crate::support::wait::{now, wait_until};
use crate::tools::{installed, script};

/// What the small histories keep.
const KEPT: u64 = 30;
/// Topics, with what they keep.
const TOPICS: [(&str, u64); 4] = [
    ("small:a", KEPT),
    ("large:a", 100_000),
    ("large:b", 100_000),
    ("small:b", KEPT),
];
const SHARDS: &str = "3";
/// Starts of the server.
const LIVES: u64 = 2;
const PUBLISHERS: u64 = 4;
/// Messages of each topic that are acknowledged in a life before the server is drained.
const MESSAGES: u64 = 400;
/// Messages that go over one connection, before another one goes to whichever shard that is.
const PER_CONNECTION: u64 = 20;
/// A publisher is so many messages before the clients that are never cut.
const AHEAD: u64 = 60;
/// Clients of one process of Node.
const CLIENTS_PER_PROCESS: u64 = 250;

/// A line of a process with clients.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Steady {
        steady: String,
        #[serde(deserialize_with = "epoch")]
        epoch: Epoch,
        offset: u64,
    },
    Ended(Ended),
    Ready(()),
}

/// What is seen of all clients while they run.
#[derive(Default)]
struct Progress {
    /// Where the clients are that are never cut, by their topics.
    steady: Mutex<HashMap<String, Position>>,
    /// Messages that were acknowledged.
    acknowledged: AtomicU64,
    is_over: AtomicBool,
}

/// Publishes to all topics until all is over; what was acknowledged of each.
fn publish(
    addr: SocketAddr,
    publisher: u64,
    progress: &Progress,
) -> Vec<(usize, Position, String)> {
    let (mut api, mut acknowledged) = (Api::of(addr), Vec::new());
    for n in 0.. {
        if n % PER_CONNECTION == 0 {
            api = Api::of(addr);
        }
        for (index, (topic, _)) in TOPICS.into_iter().enumerate() {
            if progress.is_over.load(Ordering::Relaxed) {
                return acknowledged;
            }
            let words = "some words ".repeat([0, 1, 30, 300][usize::try_from(n % 4).unwrap()]);
            let message = json!([publisher, n, words]).to_string();
            let Some(position) = api.publish(topic, &message) else {
                continue;
            };
            acknowledged.push((index, position, format!("{publisher}.{n}")));
            progress.acknowledged.fetch_add(1, Ordering::Relaxed);
            wait_until("clients that are never cut have what is published", || {
                let steady = progress.steady.lock().unwrap();
                let is_near = |steady: &Position| {
                    steady.epoch != position.epoch || position.offset <= steady.offset + AHEAD
                };
                progress.is_over.load(Ordering::Relaxed) || steady.get(topic).is_none_or(is_near)
            });
        }
    }
    acknowledged
}

/// The program, on any port or on the one that it had.
fn serve(addr: Option<SocketAddr>) -> (Program, SocketAddr) {
    api::serve(addr, |command| {
        command.args(["--tcp", "127.0.0.1:0", "--shards", SHARDS]);
        // Those that stop to read are behind soon.
        command.env("CORECAST_LIMITS_LOG", "64KiB");
        for (number, (name, kept)) in [("small", KEPT), ("large", 100_000)].iter().enumerate() {
            let key = |key: &str| format!("CORECAST_NAMESPACE_{number}_{key}");
            command.env(key("NAME"), name);
            command.env(key("HISTORY_SIZE"), kept.to_string());
            command.env(key("HISTORY_BYTES"), "64MiB");
            command.env(key("FORCE_RECOVERY"), "true");
        }
    })
}

/// Processes with so many clients in all.
fn start_clients(addr: SocketAddr, clients: u64, seed: u64) -> Vec<Child> {
    let processes = clients.div_ceil(CLIENTS_PER_PROCESS).max(2);
    let start = |process: u64| {
        let mut node = Command::new("node");
        node.arg(script("node_fire.cjs"))
            .arg(installed("node_modules"));
        node.arg(addr.to_string());
        let count = clients * (process + 1) / processes - clients * process / processes;
        node.args([seed * 100 + process, count].map(|number| number.to_string()));
        node.arg(json!(TOPICS).to_string());
        node.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    (0..processes).map(start).collect()
}

/// Reads what a process of clients says, to its end.
fn listen(child: &mut Child, is_first: bool, progress: &Progress, ready: &AtomicU64) -> Vec<Ended> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut all = Vec::new();
    for line in lines {
        match serde_json::from_str(&line.unwrap()).unwrap() {
            Line::Steady {
                steady,
                epoch,
                offset,
            } if is_first => {
                let mut places = progress.steady.lock().unwrap();
                places.insert(steady, at(epoch, offset));
            }
            Line::Steady { .. } => {}
            Line::Ready(_) => {
                ready.fetch_add(1, Ordering::Relaxed);
            }
            Line::Ended(ended) => all.push(ended),
        }
    }
    all
}

/// Has publishers publish while the server is drained and started again; what they know.
fn fire(addr: SocketAddr, mut program: Program, progress: &Progress) -> (Program, Vec<Messages>) {
    let mut known = vec![Messages::new(); TOPICS.len()];
    thread::scope(|scope| {
        let publishers = (0..PUBLISHERS)
            .map(|publisher| scope.spawn(move || publish(addr, publisher, progress)));
        let publishers: Vec<_> = publishers.collect();
        for life in 1..=LIVES {
            let mut count = 0;
            while count < life * MESSAGES * TOPICS.len() as u64 {
                wait_until("messages are published", || {
                    count < progress.acknowledged.load(Ordering::Relaxed)
                });
                count = progress.acknowledged.load(Ordering::Relaxed);
            }
            if life < LIVES {
                program.signal(Signal::TERM);
                let (status, log) = program.wait();
                assert!(status.success(), "{log}");
                (program, _) = serve(Some(addr));
            }
        }
        progress.is_over.store(true, Ordering::Relaxed);
        for (topic, position, text) in publishers.into_iter().flat_map(|it| it.join().unwrap()) {
            let epoch = known[topic].entry(position.epoch).or_default();
            assert_eq!(epoch.insert(position.offset, text), None);
        }
        (program, known)
    })
}

/// The last message of each topic, when no other is under way.
fn end(addr: SocketAddr, known: &mut [Messages]) -> Value {
    let mut api = Api::of(addr);
    let ends = TOPICS.iter().zip(known).map(|((topic, _), known)| {
        let message = json!([PUBLISHERS, 0, ""]).to_string();
        let position = api.publish(topic, &message).expect("a position");
        let epoch = known.entry(position.epoch).or_default();
        epoch.insert(position.offset, format!("{PUBLISHERS}.0"));
        let end = json!({ "epoch": position.epoch.to_string(), "offset": position.offset });
        ((*topic).to_owned(), end)
    });
    ends.collect()
}

#[test]
fn clients_that_are_cut_miss_nothing_that_they_are_not_told() {
    if node_packages().is_none() {
        return;
    }
    let number = |name, default| {
        let value = env::var(name).ok();
        value.map_or(default, |value| value.parse::<u64>().unwrap())
    };
    let clients = number("SDK_FIRE_CLIENTS", 40);
    let began = now();
    let (program, addr) = serve(None);
    let mut children = start_clients(addr, clients, number("SDK_FIRE_SEED", 1));
    let (progress, ready) = (Progress::default(), AtomicU64::new(0));
    let processes = children.len() as u64;
    let mut inputs: Vec<_> = children
        .iter_mut()
        .map(|it| it.stdin.take().unwrap())
        .collect();
    let (ended, known) = thread::scope(|scope| {
        let readers = children.iter_mut().enumerate().map(|(index, child)| {
            let (progress, ready) = (&progress, &ready);
            scope.spawn(move || listen(child, index == 0, progress, ready))
        });
        let readers: Vec<_> = readers.collect();
        wait_until("all have subscribed", || {
            ready.load(Ordering::Relaxed) == processes
        });
        let (_program, mut known) = fire(addr, program, &progress);
        let ends = end(addr, &mut known);
        inputs
            .iter_mut()
            .for_each(|input| writeln!(input, "{ends}").unwrap());
        let ended = readers
            .into_iter()
            .flat_map(|reader| reader.join().unwrap());
        (ended.collect::<Vec<Ended>>(), known)
    });
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(ended.len() as u64, clients);
    println!("{clients} clients in {:?}", now() - began);
    for ((topic, kept), published) in TOPICS.into_iter().zip(known) {
        assert_eq!(published.len() as u64, LIVES, "epochs");
        let mut all = published;
        let (mut cuts, mut gaps, mut recovered, mut count) = (0, 0, 0, 0);
        for ended in ended.iter().filter(|ended| ended.topic == topic) {
            let story = follow(ended, kept);
            agree(&mut all, &story.messages);
            cuts += ended.cuts;
            gaps += story.gaps;
            recovered += story.recovered;
            count += story.messages.values().map(BTreeMap::len).sum::<usize>();
        }
        check_order(&all);
        assert!(
            0 < cuts && 0 < gaps && 0 < recovered,
            "{topic} was not under fire"
        );
        println!("{topic}: {count} messages, {cuts} cuts, {recovered} recovered, {gaps} not");
    }
}
