//! Presence over real sockets: what threads ask of the clients of a topic.

use std::sync::mpsc;

use corecast::{Config, Namespaces, PresenceError, PresenceList, PresenceStats, TopicSettings};

use crate::support::server::{Running, builder};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

const CLIENTS: usize = 40;

fn list(server: &Running, topic: &str) -> Result<PresenceList, PresenceError> {
    let (sender, receiver) = mpsc::channel();
    let reply = move |list| sender.send(list).unwrap();
    server.handle().presence(topic, reply).unwrap();
    receiver.recv().unwrap()
}

fn count(server: &Running, topic: &str) -> PresenceStats {
    let (sender, receiver) = mpsc::channel();
    let reply = move |stats| sender.send(stats).unwrap();
    server.handle().presence_stats(topic, reply).unwrap();
    receiver.recv().unwrap().unwrap()
}

#[test]
fn a_thread_finds_each_client_that_is_connected_and_none_that_is_gone() {
    let settings = TopicSettings {
        presence: true,
        ..TopicSettings::default()
    };
    let builder = builder(4).config(Config {
        namespaces: Namespaces::new(settings, Vec::new()),
        ..Config::default()
    });
    let server = Running::start(builder);
    let mut clients = Vec::new();
    for connected in 1..=CLIENTS {
        // The answer to its upgrade has come, and so it is counted.
        clients.push(Ws::connect(server.http(), "/sub/stadium"));
        assert_eq!(count(&server, "stadium").clients, connected);
    }
    let listed = list(&server, "stadium").unwrap();
    let mut ids: Vec<_> = listed.clients().map(|info| info.client).collect();
    ids.dedup();
    assert_eq!((ids.len(), listed.stats().users), (CLIENTS, 1));
    assert_eq!(count(&server, "nothing"), PresenceStats::default());
    clients.truncate(3);
    wait_until("they are gone", || count(&server, "stadium").clients == 3);
}

#[test]
fn a_thread_is_told_that_a_topic_has_no_presence() {
    let server = Running::start(builder(2));
    assert_eq!(list(&server, "news").err(), Some(PresenceError::Off));
}
