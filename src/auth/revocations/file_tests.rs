use std::io::Read;
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;
use crate::auth::{Revocations, RevokeError};

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

    /// What is written before it replaces the file.
    fn temporary(&self) -> PathBuf {
        self.0.join("revoked.json.new")
    }

    /// Has all these revocations kept, and reads the file.
    fn keep(&self, ages: Ages, entries: impl IntoIterator<Item = Entry>) -> Contents {
        let contents = read(&self.file()).unwrap();
        let queue = keep(&self.file(), contents, Arc::new(ages)).unwrap();
        entries.into_iter().for_each(|entry| {
            queue.put(entry, |_| false);
        });
        queue.flush();
        read(&self.file()).unwrap()
    }

    /// A file with as many users, or tokens, as there may be.
    fn fill(&self, kind: Kind, time: u64) {
        let entries = (0..REVOCATIONS_KEPT_MAX).map(|n| (n.to_string(), time));
        let mut contents = Contents::default();
        match kind {
            Kind::User => contents.users = entries.collect(),
            Kind::Token => contents.tokens = entries.collect(),
        }
        fs::write(self.file(), serde_json::to_vec(&contents).unwrap()).unwrap();
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
fn what_is_left_over_in_the_place_of_a_new_file_is_neither_read_by_others_nor_followed() {
    let folder = Folder::new("leftover");
    let mode = |mode| Permissions::from_mode(mode);
    fs::write(folder.temporary(), "old").unwrap();
    fs::set_permissions(folder.temporary(), mode(0o644)).unwrap();
    folder.keep(Ages::default(), [entry(Kind::User, "ann", NOW, NOW)]);
    let found = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(found & 0o777, 0o600);
    let other = folder.0.join("other");
    fs::write(&other, "other").unwrap();
    symlink(&other, folder.temporary()).unwrap();
    let kept = folder.keep(Ages::default(), [entry(Kind::User, "bob", NOW, NOW)]);
    assert_eq!(kept.users, map([("ann", NOW), ("bob", NOW)]));
    assert_eq!(fs::read(&other).unwrap(), b"other");
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
    folder.fill(Kind::User, 7);
    let [more, known] = ["ann", "0"].map(|user| entry(Kind::User, user, NOW, 0));
    let kept = folder.keep(Ages::default(), [more, known]);
    assert_eq!(kept.users.len(), REVOCATIONS_KEPT_MAX);
    assert_eq!(kept.users["0"], NOW, "a later time of one that is kept");
    Revocations::open(folder.file()).unwrap();
}

#[test]
fn a_file_full_of_what_concerns_no_token_any_more_has_space() {
    let folder = Folder::new("over");
    folder.fill(Kind::Token, NOW);
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

#[test]
fn a_revocation_without_space_in_the_file_is_not_kept() {
    let folder = Folder::new("full");
    folder.fill(Kind::User, NOW);
    let table = Revocations::open(folder.file()).unwrap();
    table.adopt_ages(Some(100), 0);
    assert_eq!(
        table.revoke_user("ann", NOW, NOW),
        Err(RevokeError::NotKept)
    );
    table.revoke_token("ann", NOW, NOW).unwrap();
    table.flush();
    let kept = read(&folder.file()).unwrap();
    assert_eq!(kept.users.len(), REVOCATIONS_KEPT_MAX);
    assert_eq!(kept.tokens, map([("ann", NOW)]));

    table.revoke_user("ann", NOW + 100, NOW + 100).unwrap();
    table.flush();
    let kept = read(&folder.file()).unwrap();
    assert_eq!(kept.users, map([("ann", NOW + 100)]));
}

#[test]
fn revocations_fail_while_the_file_cannot_be_written_and_are_kept_later() {
    let folder = Folder::new("behind");
    let table = Revocations::open(folder.file()).unwrap();
    fs::create_dir(folder.temporary()).unwrap();
    // It is not known yet.
    table.revoke_user("ann", NOW, NOW).unwrap();
    table.flush();
    let revoked = table.revoke_user("bob", NOW, NOW);
    assert_eq!(revoked, Err(RevokeError::NotKept));
    fs::remove_dir(folder.temporary()).unwrap();
    table.flush();
    table.revoke_user("carol", NOW, NOW).unwrap();
    table.flush();
    let kept = read(&folder.file()).unwrap();
    let users = ["ann", "bob", "carol"].map(|user| (user, NOW));
    assert_eq!(kept.users, map(users));
}

#[test]
fn tries_that_fail_have_an_interval_whatever_comes() {
    let folder = Folder::new("interval");
    // It takes what is written, and cannot be synced (fsync(2), EINVAL).
    mknodat(CWD, folder.temporary(), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let mut options = OpenOptions::new();
    let mut fifo = options
        .read(true)
        .write(true)
        .open(folder.temporary())
        .unwrap();
    let mut read_until = |end: &str| {
        let mut text = String::new();
        while !text.ends_with(end) {
            let mut byte = [0];
            fifo.read_exact(&mut byte).unwrap();
            text.push(char::from(byte[0]));
        }
        text.matches("users").count()
    };
    // Each entry is received before the next one is sent.
    let (items, received) = sync_channel(0);
    let state = Arc::<State>::default();
    let keeper = Keeper {
        path: folder.file(),
        contents: Contents::default(),
        ages: Arc::default(),
        state: Arc::clone(&state),
        now: 0,
    };
    thread::scope(|scope| {
        scope.spawn(move || keeper.run(&received));
        let queue = FileQueue { items, state };
        let send = |key| {
            let entry = entry(Kind::User, key, NOW, NOW);
            queue.items.send(Item::Entry(entry)).unwrap();
        };
        send("0");
        assert_eq!(read_until("}\n"), 1);
        ["1", "2", "3", "4", "5", "6", "7", "end"]
            .into_iter()
            .for_each(send);
        queue.flush();
        assert_eq!(
            read_until(&format!("\"end\": {NOW}\n  }},\n  \"tokens\": {{}}\n}}\n")),
            1
        );
    });
}
