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
    let is_refused = |user, id, issued| table.concern(&list, &client(user, id), issued, 30, NOW);
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
