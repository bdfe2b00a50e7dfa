use std::collections::BTreeMap;

use super::*;
use crate::internals::Rng;

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

fn client(key: u32) -> ConnectionId {
    ConnectionId {
        shard: ShardId::new(u16::try_from(key % 3).unwrap()),
        conn: ConnId {
            key: ConnKey(key),
            generation: key,
        },
    }
}

fn info(key: u32, user: &str) -> Arc<ClientInfo> {
    Arc::new(ClientInfo {
        client: client(key),
        user: user.into(),
        conn_info: None,
        chan_info: None,
    })
}

#[test]
fn a_topic_whose_clients_are_not_counted_has_none() {
    let mut clients = Clients::default();
    let topic = topic("chat");
    assert!(!clients.has(&topic) && !clients.join(&topic, info(1, "ann")));
    assert!(clients.leave(&topic, client(1)).is_none());
    assert_eq!(clients.stats(&topic), PresenceStats::default());
    assert!(clients.list(&topic).is_empty());
}

#[test]
fn a_client_comes_once_and_leaves_once() {
    let mut clients = Clients::default();
    let topic = topic("chat");
    clients.begin(&topic);
    assert!(clients.join(&topic, info(1, "ann")));
    assert!(!clients.join(&topic, info(1, "bob")));
    assert_eq!(&*clients.list(&topic)[0].user, "ann");
    let left = clients.leave(&topic, client(1)).unwrap();
    assert_eq!(&*left.user, "ann");
    assert!(clients.leave(&topic, client(1)).is_none());
    clients.audit();
}

#[test]
fn a_topic_is_forgotten_when_it_has_no_client() {
    let mut clients = Clients::default();
    let topic = topic("chat");
    clients.begin(&topic);
    clients.join(&topic, info(1, ""));
    clients.end(&topic);
    assert!(clients.has(&topic));
    clients.leave(&topic, client(1));
    clients.end(&topic);
    assert!(!clients.has(&topic) && clients.len() == 0);
    clients.audit();
}

#[test]
fn an_answer_lists_as_many_clients_as_it_may_and_counts_all() {
    let mut clients = Clients::default();
    let topic = topic("stadium");
    clients.begin(&topic);
    let many = u32::try_from(PRESENCE_CLIENTS_MAX).unwrap() + 1;
    for key in 0..many {
        clients.join(&topic, info(key, ""));
        let listed = clients.list(&topic).len();
        assert_eq!(listed, PRESENCE_CLIENTS_MAX.min(key as usize + 1));
    }
    let stats = PresenceStats {
        clients: many as usize,
        users: 1,
    };
    assert_eq!(clients.stats(&topic), stats);
}

#[test]
fn an_answer_lists_no_more_bytes_than_it_may() {
    let mut clients = Clients::default();
    let topic = topic("chat");
    clients.begin(&topic);
    for key in 0..5 {
        let conn_info = Some(vec![b'0'; PRESENCE_BYTES_MAX / 4].into());
        let info = ClientInfo {
            conn_info,
            ..(*info(key, "")).clone()
        };
        clients.join(&topic, Arc::new(info));
    }
    assert_eq!(clients.list(&topic).len(), 4);
}

#[test]
fn clients_agree_with_a_model() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let mut clients = Clients::default();
        let topics = ["a", "b", "c"].map(topic);
        let mut model: BTreeMap<(usize, ConnectionId), String> = BTreeMap::new();
        topics.iter().for_each(|topic| clients.begin(topic));
        for _ in 0..300 {
            let (at, key) = (rng.below(3), u32::from(rng.byte() % 12));
            let (topic, place) = (&topics[at], (at, client(key)));
            let user = ["", "ann", "bob", "eve"][rng.below(4)];
            if rng.below(2) == 0 {
                let is_new = clients.join(topic, info(key, user));
                assert_eq!(is_new, !model.contains_key(&place), "seed {seed}");
                model.entry(place).or_insert_with(|| user.to_owned());
            } else {
                let left = clients.leave(topic, client(key));
                let left = left.map(|info| info.user.to_string());
                assert_eq!(left, model.remove(&place), "seed {seed}");
            }
            let listed = clients.list(topic);
            let listed = listed.iter().map(|info| (info.client, &*info.user));
            let expected = model
                .range((at, FIRST)..)
                .take_while(|((of, _), _)| *of == at);
            let expected = expected.map(|((_, client), user)| (*client, &**user));
            assert!(listed.eq(expected), "seed {seed}");
            clients.audit();
        }
        assert_eq!(clients.all().len(), model.len());
    }
}
