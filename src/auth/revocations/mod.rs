//! Tokens that are refused before they expire.

mod file;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::auth::principal::Principal;
use crate::auth::revocations::file::{Contents, Entry, FileQueue, Kind};
use crate::auth::revoke_error::RevokeError;
use crate::cells::Cells;
use crate::limits::{REVOKED_CELLS, REVOKED_OF_SET, TOKEN_LEEWAY};

/// Tokens that are refused: all of a user that were issued before a moment, and single ones by
/// their id (`jti`). All clones are the same table, and any thread may add to it; it is of fixed
/// size, and gone with the process unless there is a file ([`open`](Self::open)).
///
/// An entry ends when no token that it concerns can be valid any more: that of a token at the time
/// that is given with it, and that of a user after
/// [`token_age_max`](crate::auth::Verifier::token_age_max); without such an age, never.
#[derive(Clone, Debug, Default)]
pub struct Revocations(Arc<Tables>);

/// Tables that are made when they are needed.
#[derive(Debug, Default)]
struct Tables {
    /// Users, with the time before which their tokens were issued.
    users: OnceLock<Cells>,
    /// Ids of tokens, with the time at which they expire.
    tokens: OnceLock<Cells>,
    ages: Arc<Ages>,
    /// To the thread that writes the file.
    file: Option<FileQueue>,
}

/// Ages at which every token is refused.
#[derive(Debug)]
struct Ages {
    /// By its `iat`; 0: never.
    max: AtomicU64,
    /// After its `exp`.
    leeway: AtomicU64,
}

impl Default for Ages {
    fn default() -> Self {
        Self {
            max: AtomicU64::default(),
            leeway: AtomicU64::new(TOKEN_LEEWAY.as_secs()),
        }
    }
}

impl Ages {
    /// Whether every token is refused that was issued before this time.
    fn is_user_over(&self, issued_before: u64, now: u64) -> bool {
        let max = self.max.load(Ordering::Relaxed);
        max != 0 && issued_before.saturating_add(max) <= now
    }

    /// Whether every token is refused that expires at this time.
    fn is_token_over(&self, until: u64, now: u64) -> bool {
        let leeway = self.leeway.load(Ordering::Relaxed);
        until.saturating_add(leeway) <= now
    }
}

impl Tables {
    fn of(contents: &Contents) -> io::Result<Self> {
        let tables = Self::default();
        let users = contents.users.iter().map(|entry| (&tables.users, entry));
        let tokens = contents.tokens.iter().map(|entry| (&tables.tokens, entry));
        for (table, (key, time)) in users.chain(tokens) {
            // What is over ends when it is replaced: the ages are not known yet.
            add(table, key, *time, |_| false).map_err(io::Error::other)?;
        }
        Ok(tables)
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
    /// A table with the revocations of a file, into which a thread writes those that are added. A
    /// file that is not there is made. A server uses a file alone.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written, is not one of revocations or has too many, or the thread
    /// cannot be started.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let contents = file::read(path.as_ref())?;
        let mut tables = Tables::of(&contents)?;
        tables.file = Some(file::keep(
            path.as_ref(),
            contents,
            Arc::clone(&tables.ages),
        )?);
        Ok(Self(Arc::new(tables)))
    }

    /// A table with the revocations that a file has now, for a look at them.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not one of revocations, or has too many.
    pub fn read(path: impl AsRef<Path>) -> io::Result<Self> {
        let contents = file::read(path.as_ref())?;
        Ok(Self(Arc::new(Tables::of(&contents)?)))
    }

    /// Refuses all tokens of a user that were issued before a time, in seconds since the beginning
    /// of 1970, and its tokens without `iat`. An earlier time changes nothing.
    ///
    /// # Errors
    ///
    /// There is no space: nothing is revoked. [`RevokeError::NotKept`].
    pub fn revoke_user(&self, user: &str, issued_before: u64, now: u64) -> Result<(), RevokeError> {
        let Tables { users, ages, .. } = &*self.0;
        let is_over = |issued_before| ages.is_user_over(issued_before, now);
        add(users, user, issued_before, is_over)?;
        self.keep(Kind::User, user, issued_before, now, is_over)
    }

    /// Refuses a token by its id (`jti`) until it expires, in seconds since the beginning of 1970.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn revoke_token(&self, id: &str, until: u64, now: u64) -> Result<(), RevokeError> {
        let Tables { tokens, ages, .. } = &*self.0;
        let is_over = |until| ages.is_token_over(until, now);
        add(tokens, id, until, is_over)?;
        self.keep(Kind::Token, id, until, now, is_over)
    }

    /// Has a revocation written to the file, if there is one.
    fn keep(
        &self,
        kind: Kind,
        key: &str,
        time: u64,
        now: u64,
        is_over: impl Fn(u64) -> bool,
    ) -> Result<(), RevokeError> {
        let Some(file) = &self.0.file else {
            return Ok(());
        };
        let key = key.to_owned();
        let entry = Entry {
            kind,
            key,
            time,
            now,
        };
        let is_kept = file.put(entry, is_over);
        is_kept.then_some(()).ok_or(RevokeError::NotKept)
    }

    /// Waits until all that was revoked is in the file, if there is one, or the last try has
    /// failed.
    pub(crate) fn flush(&self) {
        if let Some(file) = &self.0.file {
            file.flush();
        }
    }

    /// From now on the table is for tokens of this age at most.
    pub(in crate::auth) fn adopt_ages(&self, age_max: Option<u64>, leeway: u64) {
        let ages = &self.0.ages;
        let age = age_max.map_or(0, |age| age.saturating_add(leeway).max(1));
        ages.max.store(age, Ordering::Relaxed);
        ages.leeway.store(leeway, Ordering::Relaxed);
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
mod tests;
