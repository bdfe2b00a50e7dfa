//! Overruns: what becomes of a blocked member when its log lets go of frames that it lacks.

use crate::config::{Config, SlowConsumer};
use crate::id::{ConnKey, TopicKey};
use crate::payload::Form;
use crate::position::{Position, Since};
use crate::topic::fanout::log::{Log, Unread};
use crate::topic::fanout::member::{FRESH, Member};
use crate::topic::fanout::recall::standing;
use crate::topic::fanout::{Fanout, LocalTopic};

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
    /// It is no member any more, but gets what it lacks out of the topic's history.
    Behind {
        /// Its key.
        conn: ConnKey,
        /// Key of the topic.
        topic: TopicKey,
        /// Where it stands there.
        since: Since,
    },
    /// It is to be closed.
    Slow {
        /// Its key.
        conn: ConnKey,
    },
}

/// What happens to members of a topic that are too slow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Policy {
    pub(super) slow_consumer: SlowConsumer,
    /// The newest of each key is enough, and the topic's history has that.
    pub(super) is_conflated: bool,
    /// The place of the topic's newest message, if that has a history.
    pub(super) newest: Option<Position>,
}

impl Policy {
    /// The topic's newest place, if members of this form get what they lack out of its history.
    pub(super) fn recovers(self, form: Form) -> Option<Position> {
        let is_behind = self.slow_consumer != SlowConsumer::Disconnect;
        let recovers = form.carries_positions() || self.is_conflated && form.carries_all();
        self.newest.filter(|_| is_behind && recovers)
    }
}

impl Fanout {
    /// What happens to members of a topic that are too slow.
    pub(super) fn policy(&mut self, topic: TopicKey, config: &Config) -> Policy {
        let Some(settings) = self.settings(topic, &config.namespaces) else {
            return Policy::default();
        };
        let mut slow_consumer = settings.slow_consumer.unwrap_or(config.slow_consumer);
        let history = settings.history.as_ref();
        let is_keyed = history.is_some_and(|history| history.is_keyed);
        let local = self.topics.get(topic);
        let newest = local.and_then(LocalTopic::newest);
        // The newest message of a pattern is that of one of its topics.
        if slow_consumer == SlowConsumer::Latest && local.is_some_and(|it| it.topic.is_pattern()) {
            slow_consumer = SlowConsumer::DropOldest;
        }
        Policy {
            slow_consumer,
            is_conflated: is_keyed && slow_consumer == SlowConsumer::Latest,
            newest,
        }
    }

    /// Whether a member that is behind gets the newest messages.
    pub(crate) fn wants_newest(&mut self, topic: TopicKey, config: &Config) -> bool {
        self.policy(topic, config).slow_consumer == SlowConsumer::Latest
    }

    /// Whether it gets the newest of each key.
    pub(crate) fn is_conflated(&mut self, topic: TopicKey, config: &Config) -> bool {
        self.policy(topic, config).is_conflated
    }
}

impl Overruns {
    /// Moves a blocked member that lacks frames before `end`, as the policy says.
    pub(super) fn move_on(
        &mut self,
        policy: Policy,
        topic: TopicKey,
        form: Form,
        log: &Log,
        member: &mut Member,
        end: u64,
    ) {
        let cursor = member.cursor();
        let conn = member.conn;
        if let Some(newest) = policy.recovers(form) {
            // No later cut meets it before it is taken out.
            member.set_detached(true, log.head());
            let since = standing(newest, log, cursor);
            self.conns.push(Overrun::Behind { conn, topic, since });
            return;
        }
        match policy.slow_consumer {
            // What is kept are deltas to what it lacks: without a history, it goes on with what
            // comes.
            SlowConsumer::DropOldest | SlowConsumer::Latest if form.deltas().is_some() => {
                self.skipped += log.due_between(*member, log.head());
                log.move_to(member, log.head());
                member.set(FRESH, true);
            }
            SlowConsumer::DropOldest | SlowConsumer::Latest => {
                self.skipped += log.due_between(*member, end);
                log.move_to(member, end);
            }
            SlowConsumer::DropNewest => {
                let unread = log.unread(*member);
                member.set_detached(true, log.head());
                self.conns.push(Overrun::Spill {
                    conn,
                    topic,
                    unread,
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
