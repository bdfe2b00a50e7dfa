//! Many clients with many subscriptions that go at once.

use corecast::limits::{WORK_OF_END, WORK_OF_UNSUBSCRIBING, WORK_PER_SHARE};

use super::*;
use crate::server::Server;

const CLIENTS: usize = 60;
const TOPICS: usize = 100;

#[test]
fn clients_that_go_at_once_go_a_few_in_a_turn_and_hold_up_no_other() {
    let mut scene = Scene::connected(Config::default());
    let clients: Vec<ConnId> = (0..CLIENTS).map(|_| scene.another()).collect();
    for &client in &clients {
        for topic in 0..TOPICS {
            let command = format!(r#"{{"id":2,"subscribe":{{"channel":"t{topic}"}}}}"#);
            scene.say_as(client, &command);
        }
    }
    let mut server = Server { shard: scene.shard };
    let other = server.shard.upgrade("/echo", "");
    server.begin();
    server.shard.take(other);
    for &client in &clients {
        server.hang_up(client);
    }
    let share = usize::try_from(WORK_PER_SHARE).unwrap();
    let at_most = share / (WORK_OF_END + (TOPICS - 1) * WORK_OF_UNSUBSCRIBING) + 1;
    let mut left = server.shard.counters().connections;
    let mut turns = 0;
    while server.shard.is_due() {
        server.arrive(other, &text("hello"));
        server.turn();
        let now = server.shard.counters().connections;
        let ended = left - now;
        assert!(ended <= at_most as u64, "{ended} in a turn");
        assert_eq!(
            heard(server.shard.take(other)),
            [Told::Text("hello".into())]
        );
        left = now;
        turns += 1;
    }
    assert_eq!(left, 2);
    assert!(CLIENTS / at_most <= turns, "{turns} turns");
}
