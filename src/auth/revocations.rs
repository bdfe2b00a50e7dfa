//! Tokens that are refused before they expire.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::auth::principal::Principal;
use crate::auth::revoke_error::RevokeError;
use crate::cells::Cells;
use crate::limits::{REVOKED_CELLS, REVOKED_OF_SET, TOKEN_LEEWAY};

/// Tokens that are refused: all of a user that were issued before a moment, and single ones by
/// their id (`jti`). All clones are the same table, and any thread may add to it; it is of fixed
/// size, and gone with the process.
///
/// An entry ends when no token that it concerns can be valid any more: that of a token at the time
/// that is given with it, and that of a user after
/// [`token_age_max`](crate::auth::Verifier::token_age_max); without such an age, never.
#[derive(Clone, Debug, Default)]
pub struct Revocations(Arc<Tables>);

/// Tables that are made when they are needed.
#[derive(Debug)]
struct Tables {
    /// Users, with the time before which their tokens were issued.
    users: OnceLock<Cells>,
    /// Ids of tokens, with the time at which they expire.
    tokens: OnceLock<Cells>,
    /// Ages at which every token is refused: by its `iat` (0: never), and after its `exp`.
    age_max: AtomicU64,
    leeway: AtomicU64,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            users: OnceLock::default(),
            tokens: OnceLock::default(),
            age_max: AtomicU64::default(),
            leeway: AtomicU64::new(TOKEN_LEEWAY.as_secs()),
        }
    }
}

/// Revocations that do not change, as the configuration has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevokedList {
    /// Users, with the time before which their tokens were issued.
    pub users: HashMap<String, u64>,
    /// Ids of tokens.
    pub tokens: HashSet<String>,
}

impl Revocations {
    /// Refuses all tokens of a user that were issued before a time, in seconds since the beginning
    /// of 1970, and its tokens without `iat`. An earlier time changes nothing.
    ///
    /// # Errors
    ///
    /// There is no space; nothing is revoked.
    pub fn revoke_user(&self, user: &str, issued_before: u64, now: u64) -> Result<(), RevokeError> {
        let age_max = self.0.age_max.load(Ordering::Relaxed);
        let is_over =
            |issued_before: u64| age_max != 0 && issued_before.saturating_add(age_max) <= now;
        add(&self.0.users, user, issued_before, is_over)
    }

    /// Refuses a token by its id (`jti`) until it expires, in seconds since the beginning of 1970.
    ///
    /// # Errors
    ///
    /// There is no space; nothing is revoked.
    pub fn revoke_token(&self, id: &str, until: u64, now: u64) -> Result<(), RevokeError> {
        let leeway = self.0.leeway.load(Ordering::Relaxed);
        let is_over = |until: u64| until.saturating_add(leeway) <= now;
        add(&self.0.tokens, id, until, is_over)
    }

    /// From now on the table is for tokens of this age at most.
    pub(in crate::auth) fn adopt_ages(&self, age_max: Option<u64>, leeway: u64) {
        let age = age_max.map_or(0, |age| age.saturating_add(leeway).max(1));
        self.0.age_max.store(age, Ordering::Relaxed);
        self.0.leeway.store(leeway, Ordering::Relaxed);
    }

    /// Whether the token of a client is revoked, here or in the list. `leeway`: of the verifier.
    pub(in crate::auth) fn concern(
        &self,
        list: &RevokedList,
        client: &Principal,
        issued: Option<u64>,
        leeway: u64,
        now: u64,
    ) -> bool {
        let user = client.user().is_some_and(|user| {
            let listed = list.users.get(user).copied();
            let before = listed.max(value(&self.0.users, user));
            before.is_some_and(|before| issued.is_none_or(|issued| issued < before))
        });
        let id = client.claims.get("jti").and_then(|id| id.as_str());
        user || id.is_some_and(|id| {
            let until = value(&self.0.tokens, id);
            list.tokens.contains(id)
                || until.is_some_and(|until| now < until.saturating_add(leeway))
        })
    }
}

fn value(table: &OnceLock<Cells>, key: &str) -> Option<u64> {
    table.get()?.find(key).value
}

/// Puts in the later of two times. What is over is overwritten.
fn add(
    table: &OnceLock<Cells>,
    key: &str,
    time: u64,
    is_over: impl Fn(u64) -> bool,
) -> Result<(), RevokeError> {
    if is_over(time) {
        return Ok(());
    }
    let cells = table.get_or_init(|| Cells::new(REVOKED_CELLS, REVOKED_OF_SET, TIME_BITS));
    let time = time.min(cells.value_max());
    loop {
        let cell = cells.find(key);
        if cell.value.is_some_and(|before| time <= before) {
            return Ok(());
        }
        if cell.value.is_none() && cell.replaces != 0 && !is_over(cell.replaces) {
            return Err(RevokeError::Full);
        }
        if cell.put(time) {
            return Ok(());
        }
    }
}

/// Seconds until 2106; a later time is for ever. The other half of a cell tells the keys apart: one
/// token in a hundred million is refused although another is meant, and its user gets a new one.
const TIME_BITS: u32 = 32;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::auth::Verifier;
    use crate::auth::principal::Identity;

    const NOW: u64 = 1_900_000_000;

    fn client(user: &str, id: &str) -> Principal {
        let mut client = Principal::new(Identity::User(user.to_owned()));
        client.claims.insert("jti".to_owned(), json!(id));
        client
    }

    fn concerns(table: &Revocations, user: &str, id: &str, issued: Option<u64>, now: u64) -> bool {
        table.concern(&RevokedList::default(), &client(user, id), issued, 30, now)
    }

    #[test]
    fn tokens_of_a_user_are_refused_that_were_issued_before() {
        let table = Revocations::default();
        let of_ann = |issued| concerns(&table, "ann", "1", issued, NOW);
        assert!(!of_ann(None));
        table.revoke_user("ann", NOW, NOW).unwrap();
        assert!(of_ann(Some(NOW - 1)) && of_ann(None));
        assert!(!of_ann(Some(NOW)));
        table.revoke_user("ann", NOW - 5, NOW).unwrap();
        assert!(of_ann(Some(NOW - 1)), "an earlier time changes nothing");
        assert!(!concerns(&table, "bob", "1", None, NOW));
        table.revoke_user("", NOW, NOW).unwrap();
        assert!(!concerns(&table, "", "1", None, NOW), "nobody");
    }

    #[test]
    fn a_token_is_refused_until_it_expires() {
        let table = Revocations::default();
        table.adopt_ages(None, 30);
        table.revoke_token("1", NOW + 10, NOW).unwrap();
        let is_refused = |id, now| concerns(&table, "ann", id, Some(NOW), now);
        assert!(is_refused("1", NOW + 39));
        assert!(!is_refused("1", NOW + 40));
        assert!(!is_refused("2", NOW));
        table.revoke_token("3", u64::MAX, NOW).unwrap();
        assert!(is_refused("3", NOW + 1_000_000));
    }

    #[test]
    fn a_verifier_that_is_asked_for_its_table_changes_nothing_of_it() {
        let table = Revocations::default();
        table.adopt_ages(Some(100), 10);
        let other = Verifier::new(Vec::new()).token_age_max(Some(Duration::from_secs(1)));
        other.with_revocations(&table).revocations();
        table.revoke_user("ann", NOW, NOW + 50).unwrap();
        assert!(concerns(&table, "ann", "1", None, NOW + 50));
    }

    #[test]
    fn a_full_table_is_an_error_until_entries_end() {
        let table = Revocations::default();
        table.adopt_ages(Some(100), 10);
        let fill =
            |now| (0_usize..).find(|n| table.revoke_user(&format!("{now} {n}"), now, now).is_err());
        let filled = fill(NOW).unwrap();
        assert!(REVOKED_CELLS / 3 < filled, "{filled}");
        assert!(concerns(&table, &format!("{NOW} 0"), "1", None, NOW + 109));
        assert!((0..filled).all(|n| concerns(&table, &format!("{NOW} {n}"), "", None, NOW)));
        let later = NOW + 110;
        let filled = fill(later).unwrap();
        assert!(REVOKED_CELLS / 3 < filled, "{filled}");
        // Of no effect, and so without an entry.
        table.revoke_user("ann", NOW, later).unwrap();
        assert!(!concerns(&table, "ann", "1", None, later));
    }

    #[test]
    fn what_is_listed_is_refused_as_well() {
        let list = RevokedList {
            users: [("ann".to_owned(), NOW)].into(),
            tokens: ["7".to_owned()].into(),
        };
        let table = Revocations::default();
        let is_refused =
            |user, id, issued| table.concern(&list, &client(user, id), issued, 30, NOW);
        assert!(is_refused("ann", "1", Some(NOW - 1)));
        assert!(!is_refused("ann", "1", Some(NOW)));
        assert!(is_refused("bob", "7", Some(NOW)));
        assert!(!is_refused("bob", "8", None));
        table.revoke_user("ann", NOW + 5, NOW).unwrap();
        assert!(is_refused("ann", "1", Some(NOW + 4)));
    }

    #[test]
    fn threads_lose_no_revocation() {
        let table = Revocations::default();
        let revoke = |before| {
            let revoke = |user: i32| table.revoke_user(&user.to_string(), before, NOW);
            (0..1000).try_for_each(revoke).unwrap();
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let revoke = &revoke;
                scope.spawn(move || revoke(NOW + thread));
            }
        });
        for n in 0..1000 {
            assert!(
                concerns(&table, &n.to_string(), "", Some(NOW + 2), NOW),
                "{n}"
            );
        }
    }
}
