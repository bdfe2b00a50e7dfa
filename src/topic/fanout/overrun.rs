//! Overruns: what becomes of a blocked member when its log lets go of frames that it lacks.

use crate::config::{Config, SlowConsumer};
use crate::id::{ConnKey, TopicKey};
use crate::topic::fanout::Fanout;
use crate::topic::fanout::log::{Log, Unread};
use crate::topic::fanout::member::{DETACHED, Member};

/// What the owner of connections must do, as logs have let go of frames that members lacked.
#[derive(Debug, Default)]
pub(crate) struct Overruns {
    /// Frames that members miss: to be counted.
    pub(crate) skipped: u64,
    /// Connections to act on. One may be named several times.
    pub(crate) conns: Vec<Overrun>,
}

/// A connection whose unread frames the log has let go of.
#[derive(Debug)]
pub(crate) enum Overrun {
    /// It keeps its unread frames itself until they are sent.
    Spill {
        /// Its key.
        conn: ConnKey,
        /// Key of the topic.
        topic: TopicKey,
        /// The frames that it lacks.
        unread: Vec<Unread>,
        /// The log's count of frames where they end.
        count: u64,
    },
    /// It is to be closed.
    Slow {
        /// Its key.
        conn: ConnKey,
    },
}

impl Fanout {
    /// What happens to members of a topic that are too slow.
    pub(super) fn policy(&mut self, topic: TopicKey, config: &Config) -> SlowConsumer {
        let settings = self.settings(topic, &config.namespaces);
        let own = settings.and_then(|settings| settings.slow_consumer);
        own.unwrap_or(config.slow_consumer)
    }
}

impl Overruns {
    /// Moves a blocked member that lacks frames before `end`, as the policy says.
    pub(super) fn move_on(
        &mut self,
        policy: SlowConsumer,
        topic: TopicKey,
        log: &Log,
        member: &mut Member,
        end: u64,
    ) {
        let cursor = member.cursor();
        let conn = member.conn;
        match policy {
            SlowConsumer::DropOldest | SlowConsumer::Latest => {
                member.set_cursor(end);
                self.skipped += log.frames_between(cursor, end);
            }
            SlowConsumer::DropNewest => {
                member.set_cursor(log.head());
                member.set(DETACHED, true);
                self.conns.push(Overrun::Spill {
                    conn,
                    topic,
                    unread: log.unread(cursor),
                    count: log.count(),
                });
            }
            SlowConsumer::Disconnect => {
                // No later cut meets it before it is closed.
                member.set_cursor(log.head());
                self.conns.push(Overrun::Slow { conn });
            }
        }
    }
}
