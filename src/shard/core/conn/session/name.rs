//! The names by which requests find a session whose client cannot send on its own connection.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::LazyLock;

use crate::id::ConnectionId;

/// The name of a session: that of its connection, and a number that only its client is told.
/// Whatever has the name is taken for that client.
pub(crate) fn session_name(id: ConnectionId) -> String {
    let [high, low] = secret(id);
    format!("{id}-{high:016x}{low:016x}")
}

/// The connection with a session of this name.
pub(crate) fn find_session(name: &str) -> Option<ConnectionId> {
    let (id, _) = name.split_once('-')?;
    let id: ConnectionId = id.parse().ok()?;
    // Text by text would tell how much of it is right by the time that it takes.
    let seed = &*SEED;
    let is_same = seed.hash_one(name) == seed.hash_one(session_name(id));
    is_same.then_some(id)
}

/// The name of this server, which another has not, and this one not after it has started again.
pub(crate) fn node_name() -> String {
    format!("{:016x}", SEED.hash_one("node"))
}

/// By a hash with a secret key (SipHash, with a key of the operating system's), so that sessions
/// need not keep it.
fn secret(id: ConnectionId) -> [u64; 2] {
    [0_u8, 1].map(|half| SEED.hash_one((id, half)))
}

static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_by_its_whole_name_alone() {
        let [one, other] = ["0.1.2", "3.1.2"].map(|id| id.parse::<ConnectionId>().unwrap());
        let name = session_name(one);
        assert_eq!(find_session(&name), Some(one));
        assert_ne!(name[5..], session_name(other)[5..]);
        let theirs = name.replacen("0.1.2", "3.1.2", 1);
        for wrong in ["", "0.1.2", "0.1.2-", &name[..name.len() - 1], &theirs] {
            assert_eq!(find_session(wrong), None, "{wrong}");
        }
        for at in 0..name.len() {
            let mut wrong = name.clone().into_bytes();
            wrong[at] ^= 1;
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(find_session(&wrong), None, "{wrong}");
        }
    }
}
