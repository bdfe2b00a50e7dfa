//! Revocations in a file, so that a restart loses none. A thread of its own writes it: it may wait.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;

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

struct Keeper {
    path: PathBuf,
    contents: Contents,
    ages: Arc<Ages>,
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
pub(super) fn keep(
    path: &Path,
    contents: Contents,
    ages: Arc<Ages>,
) -> io::Result<SyncSender<Entry>> {
    let (entries, received) = sync_channel(REVOCATIONS_WAITING_MAX);
    let keeper = Keeper {
        path: path.to_owned(),
        contents,
        ages,
        now: 0,
    };
    // Now rather than with the first revocation, when it may be urgent.
    keeper.write()?;
    let thread = thread::Builder::new().name("revocations".to_owned());
    thread.spawn(move || keeper.run(&received))?;
    Ok(entries)
}

impl Keeper {
    fn run(mut self, received: &Receiver<Entry>) {
        let mut is_written = true;
        loop {
            let first = match is_written {
                true => received.recv().map_err(RecvTimeoutError::from),
                false => received.recv_timeout(REVOCATIONS_RETRY),
            };
            match first {
                Ok(entry) => self.add(entry),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            received.try_iter().for_each(|entry| self.add(entry));
            self.drop_past();
            let written = self.write();
            is_written = written.is_ok();
            if let Err(err) = written {
                let path = self.path.display();
                log::error!("a restart would lose revocations: {path} cannot be written: {err}");
            }
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

    /// Replaces the file, which is whole at each moment. Its names are no business of others.
    fn write(&self) -> io::Result<()> {
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&temporary)?;
        serde_json::to_writer_pretty(&mut file, &self.contents)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        // So that a crash of the host does not undo the rename.
        let folder = self.path.parent().filter(|folder| *folder != Path::new(""));
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
