//! Clients that are cut, of a server whose shards all publish.

use std::thread;

use corecast::{Config, First, HistoryFilter, Kind, Namespaces, Publish, Scope, TopicSettings};

use crate::positions::fire::{Client, Messages, Progress, TOPICS, agreed, check_order};
use crate::positions::fire::{message, rounds};
use crate::positions::{keeping, with};
use crate::support::positions::Over;
use crate::support::server::Running;
use crate::support::switchboard::{Switchboard, connect_to_each, shard_of};
use crate::support::wait::{in_a_while, wait_until};
use crate::support::ws::Ws;

const SHARDS: usize = 3;
/// Messages of each publisher: one on each shard, and the handle.
const MESSAGES: u64 = 400;
const TOTAL: u64 = MESSAGES * (SHARDS as u64 + 1) + 2;

/// Namespaces by the topics' names.
fn config() -> Config {
    let settings = |kept| keeping(kept, First::Nothing).namespaces.of("").clone();
    let scope = |topic| Scope::pattern(topic).unwrap();
    let namespaces = TOPICS.map(|(topic, kept)| (scope(topic), settings(kept)));
    Config {
        namespaces: Namespaces::new(TopicSettings::default(), namespaces.to_vec()),
        // Those that stop to read are behind soon.
        log_bytes_max: 64 << 10,
        ..Config::default()
    }
}

#[expect(clippy::print_stdout, reason = "how much a round tries")]
fn round(seed: u64) {
    let server = Running::with(with(SHARDS, config()), Switchboard::new);
    let all = TOPICS.map(|_| Progress::of(false));
    let publishers = connect_to_each(&server, SHARDS);
    let mut clients = Client::each(seed, server.http(), &all, true);
    // One of each topic is never cut: it keeps all others going.
    let steady = clients
        .iter_mut()
        .filter(|client| client.over == Over::Events);
    steady.for_each(|client| client.is_cut = false);
    clients.extend(Client::each(seed + 100, server.http(), &all, true));
    let ended = thread::scope(|scope| {
        let clients = clients.into_iter();
        let clients = clients.map(|client| (client.topic, scope.spawn(|| client.run())));
        let clients: Vec<_> = clients.collect();
        let publishers = publishers.into_iter().enumerate();
        let publishers =
            publishers.map(|(shard, publisher)| scope.spawn(move || publish(publisher, shard)));
        let publishers: Vec<_> = publishers.collect();
        for n in 0..MESSAGES {
            for (topic, _) in TOPICS {
                server.publish(topic, Kind::Text, message(SHARDS, n).as_bytes());
            }
        }
        publishers
            .into_iter()
            .for_each(|publisher| publisher.join().unwrap());
        for ((topic, _), progress) in TOPICS.into_iter().zip(&all) {
            wait_until("all have their places", || {
                let history = server.handle();
                let history =
                    history.history_deadline(topic, HistoryFilter::default(), in_a_while());
                history.unwrap().position().offset == TOTAL - 2
            });
            progress.end(|text| {
                let (text, publish) = (text.as_bytes(), Publish::new());
                let handle = server.handle();
                let published =
                    handle.publish_positioned(topic, Kind::Text, text, publish, in_a_while());
                published.unwrap().expect("a history")
            });
        }
        let ended = clients.into_iter();
        let ended = ended.map(|(topic, client)| (topic, client.join().unwrap()));
        ended.collect::<Vec<(&str, Messages)>>()
    });
    for ((topic, kept), progress) in TOPICS.into_iter().zip(&all) {
        let ended = ended.iter().filter(|(of, _)| *of == topic);
        let messages = agreed(ended.map(|(_, messages)| messages));
        check_order(&messages);
        let count: usize = messages.values().map(|epoch| epoch.len()).sum();
        assert!(u64::from(kept) < TOTAL || count as u64 == TOTAL);
        println!("{topic}: {progress:?}");
    }
}

fn publish(mut publisher: Ws, shard: usize) {
    for n in 0..MESSAGES {
        for (topic, _) in TOPICS {
            publisher.send_text(&format!("to {topic} {}", message(shard, n)));
        }
        if n % 10 == 0 || n == MESSAGES - 1 {
            // Not faster than the server takes them.
            assert_eq!(shard_of(&mut publisher), shard);
        }
    }
}

#[test]
fn clients_that_are_cut_at_random_miss_nothing_that_they_are_not_told() {
    rounds(round);
}
