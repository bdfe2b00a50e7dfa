//! What shards do with users.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use corecast::{Disconnect, Kind, Selection};

use crate::handler::user_name;
use crate::ledger::Note;
use crate::tokens::{self, Revocation};
use crate::world::World;

impl World {
    pub(super) fn send_note(&mut self, sender: usize, user: usize) {
        let mut book = self.ledger.borrow_mut();
        let text = Note::text(book.notes.len());
        let core = &mut self.shards[sender].driver.core;
        let name = user_name(user);
        let sent = core.shard_cx(|cx| cx.send_to_user(&name, Kind::Text, text.as_bytes()));
        if sent.is_ok() {
            let sent_at = book.step;
            book.notes.push(Note {
                user,
                sender,
                sent_at,
            });
        }
    }

    pub(super) fn disconnect(&mut self, shard: usize, user: usize, all: bool) {
        let book = self.ledger.borrow();
        let mut own = book.users.iter().filter(|(_, of)| **of == user);
        let which = match own.next() {
            Some((id, _)) if !all => Selection::Only(*id),
            _ => Selection::All,
        };
        let core = &mut self.shards[shard].driver.core;
        let name = user_name(user);
        // One for which there is no space does nothing.
        let _busy = core.shard_cx(|cx| cx.disconnect_user(&name, which, Disconnect::default()));
    }

    pub(super) fn revoke(&mut self, shard: usize, user: usize) {
        let mut book = self.ledger.borrow_mut();
        let (before, name) = (book.step, user_name(user));
        if let Some(table) = &self.revocations {
            let time = tokens::time_of(before);
            table.revoke_user(&name, time, tokens::today()).unwrap();
        }
        let core = &mut self.shards[shard].driver.core;
        let told = core.shard_cx(|cx| cx.refresh_user(&name, Selection::All, 1));
        book.revocations.push(Revocation {
            user,
            before,
            told_at: told.is_ok().then_some(self.now),
        });
    }

    pub(super) fn list(&mut self, shard: usize, user: usize) {
        let lists = Arc::clone(&self.ledger.borrow().lists);
        let max = self.profile.config.connections_per_user_max;
        let name = user_name(user);
        let (given, expected) = (Arc::clone(&lists), name.clone());
        let core = &mut self.shards[shard].driver.core;
        let asked = core.shard_cx(|cx| {
            cx.connections_of(&name, move |list| {
                assert!(max.is_none_or(|max| list.len() <= max as usize));
                assert!(list.iter().all(|info| info.user == expected));
                given.fetch_sub(1, Ordering::Relaxed);
            })
        });
        lists.fetch_add(usize::from(asked.is_ok()), Ordering::Relaxed);
    }
}
