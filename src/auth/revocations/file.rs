//! Revocations in a file, so that a restart loses none. A thread of its own writes it: it may wait.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::auth::revocations::Ages;
use crate::limits::{REVOCATIONS_KEPT_MAX, REVOCATIONS_RETRY, REVOCATIONS_WAITING_MAX};

/// What the file has, as JSON.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    /// Users, with the time before which their tokens were issued.
    pub(super) users: BTreeMap<String, u64>,
    /// Ids of tokens, with the time at which they expire.
    pub(super) tokens: BTreeMap<String, u64>,
}

/// A revocation to be kept.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) key: String,
    pub(super) time: u64,
    pub(super) now: u64,
}

/// What is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Token,
}

/// A queue to the thread that writes the file.
#[derive(Debug)]
pub(super) struct FileQueue {
    items: SyncSender<Item>,
    state: Arc<State>,
}

#[derive(Debug)]
enum Item {
    Entry(Entry),
    /// Dropped when everything before it is written, or could not be.
    Flush(SyncSender<()>),
}

/// What the thread tells of the file.
#[derive(Debug, Default)]
struct State {
    /// It could not be written, and is tried again.
    is_behind: AtomicBool,
    /// If there is no space for more users, the smallest time of one; else 0.
    oldest_user: AtomicU64,
    /// The same of tokens.
    oldest_token: AtomicU64,
}

struct Keeper {
    path: PathBuf,
    contents: Contents,
    ages: Arc<Ages>,
    state: Arc<State>,
    now: u64,
}

/// Reads a file; one that is not there has nothing.
pub(super) fn read(path: &Path) -> io::Result<Contents> {
    match fs::read(path) {
        Ok(json) => serde_json::from_slice(&json).map_err(io::Error::from),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(Contents::default()),
        Err(err) => Err(err),
    }
}

/// Starts the thread that keeps revocations in a file. It ends when the sender is dropped.
///
/// # Errors
///
/// The file cannot be written, or the thread not be started.
pub(super) fn keep(path: &Path, contents: Contents, ages: Arc<Ages>) -> io::Result<FileQueue> {
    let (items, received) = sync_channel(REVOCATIONS_WAITING_MAX);
    let state = Arc::<State>::default();
    let keeper = Keeper {
        path: path.to_owned(),
        contents,
        ages,
        state: Arc::clone(&state),
        now: 0,
    };
    // Now rather than with the first revocation, when it may be urgent.
    keeper.write()?;
    keeper.tell_space();
    let thread = thread::Builder::new().name("revocations".to_owned());
    thread.spawn(move || keeper.run(&received))?;
    Ok(FileQueue { items, state })
}

impl FileQueue {
    /// Has an entry written. Returns `false` if a restart may lose it: too many wait, or the file
    /// could not be written, or it is full and nothing in it is over.
    pub(super) fn put(&self, entry: Entry, is_over: impl Fn(u64) -> bool) -> bool {
        let oldest = match entry.kind {
            Kind::User => &self.state.oldest_user,
            Kind::Token => &self.state.oldest_token,
        };
        let oldest = oldest.load(Ordering::Relaxed);
        let has_space = oldest == 0 || is_over(oldest);
        let is_behind = self.state.is_behind.load(Ordering::Relaxed);
        // Sent in any case: the file may have its key, or be written later.
        let is_sent = self.items.try_send(Item::Entry(entry)).is_ok();
        is_sent && has_space && !is_behind
    }

    /// Waits until everything before it is written, or could not be.
    pub(super) fn flush(&self) {
        let (done, flushed) = sync_channel::<()>(0);
        if self.items.send(Item::Flush(done)).is_ok() {
            // Nothing is sent: the other end is dropped.
            let _dropped = flushed.recv();
        }
    }
}

impl Keeper {
    fn run(mut self, received: &Receiver<Item>) {
        let mut retry: Option<Instant> = None;
        loop {
            let first = match retry {
                None => received.recv().map_err(RecvTimeoutError::from),
                Some(time) => received.recv_timeout(time.saturating_duration_since(clock())),
            };
            let is_end = matches!(first, Err(RecvTimeoutError::Disconnected));
            if is_end && retry.is_none() {
                return;
            }
            let mut flushes = Vec::new();
            for item in first.into_iter().chain(received.try_iter()) {
                match item {
                    Item::Entry(entry) => self.add(entry),
                    Item::Flush(done) => flushes.push(done),
                }
            }
            self.tell_space();
            // Each try writes the whole file: those that fail have an interval.
            let is_early = retry.is_some_and(|time| clock() < time);
            if is_early && flushes.is_empty() && !is_end {
                continue;
            }
            let is_behind = !self.write_or_log();
            self.state.is_behind.store(is_behind, Ordering::Relaxed);
            if is_end {
                return;
            }
            retry = is_behind.then(|| clock() + REVOCATIONS_RETRY);
        }
    }

    fn add(&mut self, entry: Entry) {
        if self.now < entry.now {
            self.now = entry.now;
            // What is over makes space.
            self.drop_past();
        }
        let Contents { users, tokens } = &mut self.contents;
        let (entries, what) = match entry.kind {
            Kind::User => (users, "users"),
            Kind::Token => (tokens, "tokens"),
        };
        if REVOCATIONS_KEPT_MAX <= entries.len() && !entries.contains_key(&entry.key) {
            log::error!(
                "a restart would lose a revocation: {REVOCATIONS_KEPT_MAX} {what} are kept"
            );
            return;
        }
        let time = entries.entry(entry.key).or_default();
        *time = entry.time.max(*time);
    }

    /// Tells which entries have no space, and until when.
    fn tell_space(&self) {
        let (contents, state) = (&self.contents, &self.state);
        for (entries, oldest) in [
            (&contents.users, &state.oldest_user),
            (&contents.tokens, &state.oldest_token),
        ] {
            let is_full = REVOCATIONS_KEPT_MAX <= entries.len();
            let smallest = is_full.then(|| entries.values().min().copied());
            let smallest = smallest.flatten().map_or(0, |time| time.max(1));
            oldest.store(smallest, Ordering::Relaxed);
        }
    }

    /// Drops what concerns no token any more.
    fn drop_past(&mut self) {
        let Self {
            contents,
            ages,
            now,
            ..
        } = self;
        contents
            .users
            .retain(|_, before| !ages.is_user_over(*before, *now));
        contents
            .tokens
            .retain(|_, until| !ages.is_token_over(*until, *now));
    }

    /// Returns whether it is written.
    fn write_or_log(&self) -> bool {
        let written = self.write().inspect_err(|err| {
            let path = self.path.display();
            log::error!("a restart would lose revocations: {path} cannot be written: {err}");
        });
        written.is_ok()
    }

    /// Replaces the file, which is whole at each moment. Its names are no business of others.
    fn write(&self) -> io::Result<()> {
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let is_link = |metadata: Metadata| metadata.is_symlink();
        if fs::symlink_metadata(&temporary).is_ok_and(is_link) {
            fs::remove_file(&temporary)?;
        }
        let mut file = options.open(&temporary)?;
        // One that was left over may be readable by others.
        file.set_permissions(Permissions::from_mode(0o600))?;
        serde_json::to_writer_pretty(&mut file, &self.contents)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        // So that a crash of the host does not undo the rename.
        let folder = self.path.parent().filter(|folder| *folder != Path::new(""));
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
    }
}

#[expect(clippy::disallowed_methods, reason = "this thread is no shard")]
fn clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
