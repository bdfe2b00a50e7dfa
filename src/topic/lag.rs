//! Lag: what becomes of a blocked member when the log lets go of frames it has not had.

use crate::config::SlowConsumer;
use crate::topic::log::{Log, Unread};
use crate::topic::member::{APART, Member};

/// What becomes of a blocked member whose unread frames the log lets go of.
#[derive(Debug)]
pub enum Lag {
    /// It misses this many.
    Skipped {
        /// Messages missed.
        frames: u64,
    },
    /// It keeps its unread frames by itself until they are sent.
    Apart {
        /// Key of its connection.
        conn: u32,
        /// What it had not had.
        unread: Vec<Unread>,
        /// The log's count of frames where they end.
        count: u64,
    },
    /// It is to be closed.
    Slow {
        /// Key of its connection.
        conn: u32,
    },
}

/// Moves a blocked member that has not had all frames before `end`, as the policy says.
pub fn fall_behind(policy: SlowConsumer, log: &Log, member: &mut Member, end: u64) -> Lag {
    let cursor = member.cursor();
    let conn = member.conn;
    match policy {
        SlowConsumer::DropOldest | SlowConsumer::Latest => {
            member.set_cursor(end);
            Lag::Skipped {
                frames: log.frames_between(cursor, end),
            }
        }
        SlowConsumer::DropNewest => {
            let unread = log.unread(cursor);
            member.set_cursor(log.head());
            member.set(APART, true);
            Lag::Apart {
                conn,
                unread,
                count: log.count(),
            }
        }
        SlowConsumer::Disconnect => {
            member.set_cursor(end);
            Lag::Slow { conn }
        }
    }
}
