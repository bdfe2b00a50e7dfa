//! That each topic has one order.

use std::collections::{HashMap, HashSet};

use crate::checker::Losses;
use crate::checker::stream::check_stream;
use crate::checker::welcome::check_welcomes;
use crate::world::World;

pub(super) fn check_topic(world: &World, topic: usize, losses: &mut Losses) {
    let book = world.ledger.borrow();
    for client in &world.clients {
        let mut names = HashSet::new();
        let twice = client.seen[topic]
            .iter()
            .find(|seen| !names.insert(seen.name));
        assert!(twice.is_none(), "topic {topic}: twice: {twice:?}");
    }
    let accepted: Vec<usize> = (0..book.messages.len())
        .filter(|&name| book.messages[name].topic == topic && book.messages[name].accepted)
        .collect();
    drop(book);
    let order = match world.references[topic] {
        Some(at) if !world.draining => {
            let order: Vec<usize> = world.clients[at].seen[topic]
                .iter()
                .map(|s| s.name)
                .collect();
            let seen: HashSet<usize> = order.iter().copied().collect();
            let lost: Vec<_> = accepted
                .iter()
                .filter(|name| !seen.contains(name))
                .collect();
            assert!(
                lost.is_empty(),
                "topic {topic}: the reference lacks {lost:?}"
            );
            order
        }
        _ => merge(world, topic, &accepted),
    };
    assert_eq!(
        order.len(),
        accepted.len(),
        "topic {topic}: seen, but not published"
    );
    check_publishers(world, topic, &order);
    check_welcomes(world, topic);
    let known = world.references[topic].is_some() && !world.draining;
    for at in 0..world.clients.len() {
        check_stream(world, at, topic, &order, known, losses);
    }
}

/// Each publisher's messages stand in the order in which it began them.
fn check_publishers(world: &World, topic: usize, order: &[usize]) {
    let book = world.ledger.borrow();
    let mut last = HashMap::new();
    for &name in order {
        let Some(publisher) = book.messages[name].publisher else {
            continue;
        };
        if let Some(before) = last.insert(publisher, name) {
            assert!(
                before < name,
                "topic {topic}: {before} before {name} of client {publisher}"
            );
        }
    }
}

/// One order of all messages that agrees with what each client saw, or a panic.
fn merge(world: &World, topic: usize, accepted: &[usize]) -> Vec<usize> {
    let book = world.ledger.borrow();
    let mut after: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut waits: HashMap<usize, usize> = accepted.iter().map(|&name| (name, 0)).collect();
    let mut chains: Vec<Vec<usize>> = world
        .clients
        .iter()
        .map(|client| client.seen[topic].iter().map(|seen| seen.name).collect())
        .collect();
    for publisher in 0..world.clients.len() {
        let own = |name: &usize| book.messages[*name].publisher == Some(publisher);
        chains.push(accepted.iter().copied().filter(own).collect());
    }
    for chain in &chains {
        for pair in chain.windows(2) {
            after.entry(pair[0]).or_default().push(pair[1]);
            *waits.get_mut(&pair[1]).expect("seen, but not published") += 1;
        }
    }
    let mut ready: Vec<usize> = accepted.iter().copied().filter(|n| waits[n] == 0).collect();
    let mut order = Vec::new();
    while let Some(name) = ready.pop() {
        order.push(name);
        for next in after.remove(&name).unwrap_or_default() {
            let left = waits.get_mut(&next).expect("known");
            *left -= 1;
            if *left == 0 {
                ready.push(next);
            }
        }
    }
    assert_eq!(
        order.len(),
        accepted.len(),
        "topic {topic}: no single order fits all"
    );
    order
}
