use std::os::unix::net::UnixStream;
use std::thread;

use super::*;
use crate::throttle::Throttles;

const SHARDS: u16 = 3;
const SECOND: ShardId = ShardId::new(1);

/// A balancer, and the taking ends.
fn balancer() -> (Balancer, Arc<Shared>, Vec<OwnedFd>) {
    let pairs = (0..SHARDS).map(|_| handoff::pair(4 << 10).unwrap());
    let (giving, taking) = pairs.unzip();
    let shared = Arc::new(Shared::new(SHARDS, usize::MAX, None, Throttles::default()));
    let balancer = Balancer::new(Vec::new(), giving, Arc::clone(&shared));
    (balancer, shared, taking)
}

fn give(balancer: &mut Balancer, count: usize) {
    for _ in 0..count {
        let (connection, _) = UnixStream::pair().unwrap();
        balancer.give(&connection.into(), 5).unwrap();
    }
}

fn loads(shared: &Shared) -> Vec<usize> {
    ShardId::all(SHARDS)
        .map(|shard| shared.load(shard))
        .collect()
}

#[test]
fn the_shard_with_fewest_connections_gets_the_next() {
    let (mut balancer, shared, _taking) = balancer();
    (0..4).for_each(|_| shared.add_load(SECOND));
    give(&mut balancer, 6);
    assert_eq!(loads(&shared), [3, 4, 3]);
    shared.take_load(SECOND);
    shared.take_load(SECOND);
    give(&mut balancer, 1);
    assert_eq!(loads(&shared), [3, 3, 3]);
}

#[test]
fn a_connection_waits_for_space_and_goes_where_there_is_some() {
    let (mut balancer, shared, taking) = balancer();
    let fill = |balancer: &mut Balancer| {
        while balancer.choose().is_some() {
            let (connection, _) = UnixStream::pair().unwrap();
            let shard = balancer.choose().unwrap();
            let giving = &balancer.handoffs[shard.index()];
            if handoff::give(giving, connection, 5).is_err() {
                balancer.full[shard.index()] = true;
            }
        }
    };
    fill(&mut balancer);
    thread::scope(|scope| {
        scope.spawn(|| {
            while loads(&shared) == [0; SHARDS as usize] {
                while handoff::take(&taking[2]).is_ok() {}
            }
        });
        give(&mut balancer, 1);
    });
    assert_eq!(loads(&shared), [0, 0, 1]);
}

#[test]
fn a_shard_without_descriptors_is_left_out_while_others_have_space() {
    let (mut balancer, shared, _taking) = balancer();
    shared.set_exhausted(SECOND, true);
    give(&mut balancer, 4);
    assert_eq!(loads(&shared), [2, 0, 2]);
    shared.set_exhausted(SECOND, false);
    give(&mut balancer, 1);
    assert_eq!(loads(&shared), [2, 1, 2]);
}

#[test]
fn the_thread_ends_when_a_shard_is_gone() {
    let (mut balancer, _, mut taking) = balancer();
    give(&mut balancer, 1);
    taking.remove(0);
    let (connection, _) = UnixStream::pair().unwrap();
    let given = (0..3).try_for_each(|_| balancer.give(&connection.try_clone().unwrap().into(), 0));
    assert!(
        matches!(given, Err(Errno::PIPE | Errno::CONNRESET)),
        "{given:?}"
    );
    assert_eq!(balancer.run(), Err(Errno::PIPE));
}

#[test]
fn a_shard_that_ends_its_side_ends_the_thread_and_has_everything_then() {
    let (mut balancer, _, taking) = balancer();
    give(&mut balancer, 1);
    rustix::net::shutdown(&taking[0], rustix::net::Shutdown::Write).unwrap();
    assert_eq!(balancer.run(), Ok(()));
    assert_eq!(handoff::take(&taking[0]).unwrap().unwrap().1, 5);
    assert!(
        taking
            .iter()
            .all(|taking| handoff::take(taking).unwrap().is_none())
    );
}
