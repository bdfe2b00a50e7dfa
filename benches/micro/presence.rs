//! Presence at the home of a topic: what a join and a leave cost, what a client takes, and what it
//! is to count them.

use std::sync::Arc;

use corecast::config::{Config, Namespaces, TopicSettings};
use corecast::internals::driver::{Driver, MeshEnd};
use corecast::shard::mail::{Join, Presence, Space, ToHome};
use corecast::time::Now;
use corecast::topic::Topic;
use corecast::topic::home::Interest;
use corecast::{ClientInfo, ConnectionId, Relay, ShardId};
use criterion::Criterion;

use crate::history::now;
use crate::resident;
use crate::shard::Sockets;

/// Clients of the topic.
const COUNTS: [usize; 3] = [1, 1_000, 100_000];

/// The home of a topic whose subscribers are on another shard.
struct Home {
    driver: Driver<Relay>,
    topic: Topic,
}

/// All of this file but the report.
pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("presence");
    for presence in [false, true] {
        for count in COUNTS {
            let mut home = Home::new(presence);
            (0..count).for_each(|number| home.tell_of(join(number)));
            let name = if presence { "kept" } else { "none" };
            group.bench_function(format!("join-leave/{name}/{count}"), |bencher| {
                let (join, leave) = (join(count), leave(count));
                bencher.iter(|| {
                    home.tell_of(join.clone());
                    home.tell_of(leave.clone());
                });
            });
        }
    }
    for count in COUNTS {
        let mut home = Home::new(true);
        (0..count).for_each(|number| home.tell_of(join(number)));
        group.bench_function(format!("stats/{count}"), |bencher| {
            bencher.iter(|| home.count());
        });
    }
}

/// Prints what clients take.
#[expect(clippy::print_stdout, reason = "a report")]
pub(crate) fn report() {
    const COUNT: usize = 1_000_000;
    let mut home = Home::new(true);
    let before = resident();
    let start = now();
    (0..COUNT).for_each(|number| home.tell_of(join(number)));
    let took = start.elapsed().as_nanos() / COUNT as u128;
    let each = (resident() - before) / COUNT;
    println!("presence: {COUNT} clients, each of a user of its own: {each} B and {took} ns each");
}

impl Home {
    fn new(presence: bool) -> Self {
        let settings = TopicSettings {
            presence,
            ..TopicSettings::default()
        };
        let config = Config {
            namespaces: Namespaces::new(settings, Vec::new()),
            memory_bytes_max: Some(8 << 30),
            ..Config::default()
        };
        let end = MeshEnd::alone(ShardId::default(), 2);
        let driver = Driver::new(end, config, Now::from_millis(0), Relay::default());
        let topics = (0..).map(|n| Topic::new(format!("chat:{n}")).unwrap());
        let mut topics = topics.filter(|topic| topic.home(2) == ShardId::default());
        let topic = topics.next().unwrap();
        let mut home = Self { driver, topic };
        home.tell(ToHome::Want {
            topic: home.topic.clone(),
            interest: Interest {
                shard: ShardId::new(1),
                key: Default::default(),
                generation: 1,
                is_pattern: false,
            },
        });
        home
    }

    /// What a shard tells the home, whose answer is thrown away.
    fn tell(&mut self, mut mail: ToHome) {
        while let Some(back) = self.driver.core.handle_to_home(mail) {
            mail = back;
            self.turn();
        }
    }

    fn turn(&mut self) {
        let core = &mut self.driver.core;
        core.begin_turn(Now::from_millis(0));
        let lane = &mut core.mail()[1].from_home;
        while lane.pop().is_some() {}
        lane.set_space(Space {
            messages: 1_000,
            bytes: 1 << 20,
        });
        self.driver.finish_turn(&mut Sockets::default());
    }

    fn tell_of(&mut self, presence: Presence) {
        let topic = self.topic.clone();
        self.tell(ToHome::Presence { topic, presence });
    }

    /// Asks how many there are.
    fn count(&mut self) {
        let topic = self.topic.clone();
        self.driver.core.shard_cx(|cx| {
            let asked = cx.presence_stats(&topic, |stats| assert!(stats.is_ok()));
            asked.unwrap();
        });
        self.driver.core.handle_resumed();
    }
}

fn join(number: usize) -> Presence {
    let joiner = client(number);
    let info = ClientInfo {
        client: joiner,
        user: format!("user-{number:08}").into(),
        conn_info: None,
        chan_info: None,
    };
    Presence::Join(Join {
        joiner,
        key: Default::default(),
        ticket: 1,
        tag: Box::default(),
        info: Some(Arc::new(info)),
        since: None,
        is_again: false,
    })
}

fn leave(number: usize) -> Presence {
    let leaver = client(number);
    Presence::Leave {
        leaver,
        was_answered: true,
    }
}

fn client(number: usize) -> ConnectionId {
    format!("1.{number}.1").parse().unwrap()
}
