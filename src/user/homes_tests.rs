use super::*;
use crate::id::ConnKey;
use crate::internals::Rng;

fn conn(number: usize) -> ConnectionId {
    let number = u32::try_from(number).unwrap();
    ConnectionId {
        shard: ShardId::new(u16::try_from(number % 3).unwrap()),
        conn: ConnId {
            key: ConnKey(number / 3),
            generation: number,
        },
    }
}

fn connections(homes: &UserHomes, user: UserHash) -> Vec<ConnectionId> {
    let conns = homes.connections(user, 0..u64::MAX);
    conns.map(|(_, conn)| conn).collect()
}

/// What the homes must say, by a list of each user's connections.
fn expected(
    list: &mut Vec<ConnectionId>,
    new: ConnectionId,
    limit: Option<u32>,
    beyond: BeyondUserLimit,
) -> Entry {
    let is_full = limit.is_some_and(|limit| limit as usize <= list.len());
    if is_full && beyond == BeyondUserLimit::Refuse {
        return Entry::Refused;
    }
    list.push(new);
    match is_full {
        true => Entry::InPlaceOf(list.remove(0)),
        false => Entry::Counted,
    }
}

#[test]
fn homes_agree_with_a_list_of_each_users_connections() {
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let limit = [None, Some(1), Some(2), Some(5)][rng.below(4)];
        let beyond = [BeyondUserLimit::CloseOldest, BeyondUserLimit::Refuse][rng.below(2)];
        let users = ["a", "b", "c"].map(UserHash::of);
        let mut lists = [const { Vec::new() }; 3];
        let mut homes = UserHomes::default();
        for number in 0..200 {
            let at = rng.below(users.len());
            let (user, list) = (users[at], &mut lists[at]);
            if rng.below(2) == 0 {
                let entry = homes.enter(user, conn(number), limit, beyond);
                let expected = expected(list, conn(number), limit, beyond);
                assert_eq!(entry, expected, "seed {seed}");
            } else {
                // One of this user, of another, or of none.
                let left = conn(rng.below(number + 1));
                homes.leave(user, left);
                list.retain(|other| *other != left);
            }
            assert_eq!(connections(&homes, user), *list, "seed {seed}");
            assert!(
                list.iter().all(|conn| homes.has(user, *conn)),
                "seed {seed}"
            );
        }
        for (user, list) in users.into_iter().zip(lists) {
            list.into_iter().for_each(|conn| homes.leave(user, conn));
        }
        assert!(homes.homes.is_empty() && homes.index.len() == 0);
        assert!(homes.by_age.is_empty() && homes.ages.is_empty() && homes.others.is_empty());
    }
}

#[test]
fn a_user_with_very_many_connections_loses_them_the_oldest_first() {
    let mut homes = UserHomes::default();
    let (user, conns) = (UserHash::of("a"), 0..100_000);
    let enter = |homes: &mut UserHomes, number| {
        homes.enter(user, conn(number), None, BeyondUserLimit::default())
    };
    conns.clone().for_each(|number| {
        enter(&mut homes, number);
    });
    for number in conns.clone() {
        homes.leave(user, conn(number));
        let next = homes.connections(user, 0..u64::MAX).next();
        let expected = (number + 1 < conns.end).then(|| conn(number + 1));
        assert_eq!(next.map(|(_, conn)| conn), expected);
    }
    homes.each_table(|table| {
        table.give_back();
    });
    assert!(homes.ages.capacity() < 2_000);
}

#[test]
fn tables_are_small_again_when_users_are_gone() {
    let mut homes = UserHomes::default();
    let users: Vec<UserHash> = (0..20_000)
        .map(|number| UserHash::of(&number.to_string()))
        .collect();
    let enter = |homes: &mut UserHomes, user| {
        homes.enter(user, conn(0), None, BeyondUserLimit::default());
    };
    users.iter().for_each(|user| enter(&mut homes, *user));
    users[10..]
        .iter()
        .for_each(|user| homes.leave(*user, conn(0)));
    let mut entries = Vec::new();
    homes.each_table(|table| {
        table.give_back();
        entries.push(table.entries());
    });
    assert!(entries.iter().all(|count| *count < 2_000), "{entries:?}");
    for user in &users[..10] {
        assert_eq!(connections(&homes, *user), [conn(0)]);
    }
}
