//! Clients of a program that is drained and started again on the same address.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use corecast::Position;
use rustix::process::Signal;

use crate::positions::fire::{Client, Messages, Progress, TOPICS, agreed, check_order};
use crate::positions::fire::{message, rounds};
use crate::support::api::{self, Api};
use crate::support::program::Program;
use crate::support::wait::wait_until;

/// Starts of the program in a round.
const LIVES: u64 = 3;
/// Publishers of both topics, each with one connection at a time.
const PUBLISHERS: usize = 3;
/// Messages that are acknowledged before the program is drained.
const MESSAGES: u64 = 1_000;

/// What was acknowledged of a topic, and where it stands.
type Acknowledged = Vec<(&'static str, Position, String)>;

/// The program, on any port or on the one that it had.
fn serve(addr: Option<SocketAddr>) -> (Program, SocketAddr) {
    api::serve(addr, |command| {
        command.args(["--tcp", "127.0.0.1:0", "--shards", "3"]);
        // Those that stop to read are behind soon.
        command.env("CORECAST_LIMITS_LOG", "64KiB");
        for (number, (topic, kept)) in TOPICS.into_iter().enumerate() {
            let name = |key: &str| format!("CORECAST_NAMESPACE_{number}_{key}");
            command.env(name("PATTERN"), topic);
            command.env(name("HISTORY_SIZE"), kept.to_string());
            command.env(name("HISTORY_BYTES"), "64MiB");
        }
    })
}

/// Publishes until all is over.
fn publish(
    addr: SocketAddr,
    publisher: usize,
    count: &AtomicU64,
    is_over: &AtomicBool,
) -> Acknowledged {
    let mut api = Api::of(addr);
    let mut acknowledged = Acknowledged::new();
    for n in 0.. {
        for (topic, _) in TOPICS {
            if is_over.load(Ordering::Relaxed) {
                return acknowledged;
            }
            let text = message(publisher, n);
            if let Some(position) = api.publish(topic, &text) {
                acknowledged.push((topic, position, text));
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    acknowledged
}

/// A client that was not cut has all that was acknowledged, from its first message of each epoch.
fn check_audience(messages: &Messages, acknowledged: &Messages) {
    for (epoch, messages) in messages {
        let first = messages.keys().next();
        let due = acknowledged.get(epoch).into_iter().flatten();
        let mut due = due.filter(|(offset, _)| first <= Some(offset));
        let lack = due.find(|(offset, _)| !messages.contains_key(offset));
        assert!(lack.is_none(), "{epoch} has no {lack:?}");
    }
}

#[expect(clippy::print_stdout, reason = "how much a round tries")]
fn round(seed: u64) {
    let all = TOPICS.map(|_| Progress::of(true));
    let (mut program, addr) = serve(None);
    let mut clients = Client::each(seed, addr, &all, false);
    clients.extend(Client::each(seed + 100, addr, &all, true));
    let (count, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (ended, acknowledged) = thread::scope(|scope| {
        let clients = clients.into_iter().map(|client| {
            let (topic, is_cut) = (client.topic, client.is_cut);
            (topic, is_cut, scope.spawn(|| client.run()))
        });
        let clients: Vec<_> = clients.collect();
        let publishers = (0..PUBLISHERS).map(|publisher| {
            let (count, is_over) = (&count, &is_over);
            scope.spawn(move || publish(addr, publisher, count, is_over))
        });
        let publishers: Vec<_> = publishers.collect();
        for life in 1..=LIVES {
            wait_until("messages are published", || {
                life * MESSAGES <= count.load(Ordering::Relaxed)
            });
            if life < LIVES {
                let is_away = |is| {
                    all.iter()
                        .for_each(|it| it.is_away.store(is, Ordering::Relaxed));
                };
                is_away(true);
                program.signal(Signal::TERM);
                let (status, log) = program.wait();
                assert!(status.success(), "{log}");
                (program, _) = serve(Some(addr));
                is_away(false);
            }
        }
        is_over.store(true, Ordering::Relaxed);
        let published = publishers.into_iter();
        let mut published: Acknowledged = published
            .flat_map(|publisher| publisher.join().unwrap())
            .collect();
        let mut api = Api::of(addr);
        for ((topic, _), progress) in TOPICS.into_iter().zip(&all) {
            progress.end(|text| {
                let position = api.publish(topic, text).expect("a position");
                published.push((topic, position, text.to_owned()));
                position
            });
        }
        let ended = clients.into_iter();
        let ended = ended.map(|(topic, is_cut, client)| (topic, is_cut, client.join().unwrap()));
        (ended.collect::<Vec<_>>(), published)
    });
    for ((topic, _), progress) in TOPICS.into_iter().zip(&all) {
        let mut published = Messages::new();
        for (_, position, text) in acknowledged.iter().filter(|(of, ..)| *of == topic) {
            let epoch = published.entry(position.epoch).or_default();
            assert_eq!(epoch.insert(position.offset, text.clone()), None);
        }
        assert_eq!(published.len() as u64, LIVES, "epochs");
        let of_topic = || ended.iter().filter(|(of, ..)| *of == topic);
        let audience = of_topic().filter(|(_, is_cut, _)| !is_cut);
        audience.for_each(|(.., messages)| check_audience(messages, &published));
        let seen = of_topic().map(|(.., messages)| messages);
        check_order(&agreed(seen.chain([&published])));
        println!("{topic}: {progress:?}");
    }
}

#[test]
fn clients_of_a_server_that_is_drained_and_started_again_are_told_where_it_begins_anew() {
    rounds(round);
}
