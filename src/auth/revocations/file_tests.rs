use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::auth::Revocations;

const NOW: u64 = 1_900_000_000;

/// A folder of the test's own, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("corecast-revoked-{}-{test}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("revoked.json")
    }

    /// Has all these revocations kept, as the thread does, and reads the file.
    fn keep(&self, ages: Ages, entries: impl IntoIterator<Item = Entry>) -> Contents {
        let (sender, received) = sync_channel(REVOCATIONS_WAITING_MAX);
        let keeper = Keeper {
            path: self.file(),
            contents: read(&self.file()).unwrap(),
            ages: Arc::new(ages),
            now: 0,
        };
        let send = move || entries.into_iter().try_for_each(|entry| sender.send(entry));
        thread::scope(|scope| {
            scope.spawn(move || keeper.run(&received));
            send().unwrap();
        });
        read(&self.file()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn entry(kind: Kind, key: &str, time: u64, now: u64) -> Entry {
    let key = key.to_owned();
    Entry {
        kind,
        key,
        time,
        now,
    }
}

fn map<const N: usize>(entries: [(&str, u64); N]) -> BTreeMap<String, u64> {
    entries.map(|(key, time)| (key.to_owned(), time)).into()
}

#[test]
fn of_several_revocations_the_latest_is_kept() {
    let folder = Folder::new("latest");
    let kept = folder.keep(
        Ages::default(),
        [
            entry(Kind::User, "ann", NOW, NOW),
            entry(Kind::User, "ann", NOW - 1, NOW),
            entry(Kind::Token, "ann", NOW + 7, NOW),
            entry(Kind::Token, "\"\\\n", u64::MAX, NOW),
        ],
    );
    assert_eq!(kept.users, map([("ann", NOW)]));
    assert_eq!(kept.tokens, map([("ann", NOW + 7), ("\"\\\n", u64::MAX)]));
    let kept = folder.keep(Ages::default(), [entry(Kind::User, "bob", 5, NOW)]);
    assert_eq!(kept.users, map([("ann", NOW), ("bob", 5)]));
    let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_concerns_no_token_any_more_is_dropped() {
    let folder = Folder::new("past");
    let ages = || Ages {
        max: 100.into(),
        leeway: 30.into(),
    };
    let [user, token] = [Kind::User, Kind::Token];
    folder.keep(
        ages(),
        [
            entry(user, "ann", NOW, NOW),
            entry(token, "1", NOW + 9, NOW),
        ],
    );
    let kept = folder.keep(ages(), [entry(user, "bob", NOW, NOW + 38)]);
    assert_eq!(kept.users, map([("ann", NOW), ("bob", NOW)]));
    assert_eq!(kept.tokens, map([("1", NOW + 9)]));
    let kept = folder.keep(ages(), [entry(user, "carol", NOW + 1, NOW + 39)]);
    assert_eq!(kept.tokens, map([]));
    let kept = folder.keep(ages(), [entry(user, "carol", NOW + 1, NOW + 100)]);
    assert_eq!(kept.users, map([("carol", NOW + 1)]));
}

#[test]
fn no_more_are_kept_than_can_be_in_effect_after_a_restart() {
    let folder = Folder::new("most");
    let users = (0..REVOCATIONS_KEPT_MAX as u64).map(|n| (n.to_string(), n));
    let users = users.collect();
    let tokens = BTreeMap::new();
    let full = serde_json::to_vec(&Contents { users, tokens }).unwrap();
    fs::write(folder.file(), full).unwrap();
    let [more, known] = ["ann", "0"].map(|user| entry(Kind::User, user, NOW, 0));
    let kept = folder.keep(Ages::default(), [more, known]);
    assert_eq!(kept.users.len(), REVOCATIONS_KEPT_MAX);
    assert_eq!(kept.users["0"], NOW, "a later time of one that is kept");
    Revocations::open(folder.file()).unwrap();
}

#[test]
fn a_file_full_of_what_concerns_no_token_any_more_has_space() {
    let folder = Folder::new("over");
    let tokens = (0..REVOCATIONS_KEPT_MAX as u64).map(|n| (n.to_string(), NOW));
    let (users, tokens) = (BTreeMap::new(), tokens.collect());
    let full = serde_json::to_vec(&Contents { users, tokens }).unwrap();
    fs::write(folder.file(), full).unwrap();
    let kept = folder.keep(
        Ages::default(),
        [entry(Kind::Token, "new", NOW + 7_200, NOW + 3_600)],
    );
    assert_eq!(kept.tokens, map([("new", NOW + 7_200)]));
}

#[test]
fn a_file_that_is_wrong_or_cannot_be_written_is_an_error() {
    let folder = Folder::new("wrong");
    for wrong in ["", "{}", "[]", r#"{"users":{},"tokens":{"1":-1}}"#] {
        fs::write(folder.file(), wrong).unwrap();
        let err = Revocations::open(folder.file()).unwrap_err();
        Revocations::read(folder.file()).unwrap_err();
        assert!(!err.to_string().is_empty());
        assert_eq!(fs::read(folder.file()).unwrap(), wrong.as_bytes());
    }
    let nowhere = folder.0.join("none/revoked.json");
    Revocations::open(nowhere).unwrap_err();
    Revocations::read(folder.0.join("none")).unwrap();
}
