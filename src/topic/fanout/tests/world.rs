//! A world for tests of the fan-out: connections that do with what it returns what the core does.

use std::collections::BTreeMap;

use super::deltas::payload;
use super::sockets::{Socket, Sockets};
use crate::config::{Config, Namespaces, SlowConsumer, TopicSettings};
use crate::id::{ConnKey, ShardId, TopicKey};
use crate::payload::{Entry, Form, Payload};
use crate::proto::Kind;
use crate::time::Now;
use crate::topic::Topic;
use crate::topic::fanout::member::{Member, OUTBOX_FIRST};
use crate::topic::fanout::pass::{Handover, Rest};
use crate::topic::fanout::{Fanout, Overrun, Overruns, Place};
use crate::topic::sink::{Sink, Sock};

/// All subscribers of one topic on a shard.
pub(super) struct World {
    pub(super) fanout: Fanout,
    pub(super) config: Config,
    pub(super) topic: TopicKey,
    /// By key, which is the number of the socket as well.
    pub(super) conns: Vec<Conn>,
    pub(super) sockets: Sockets,
    /// Lengths of the payloads of all messages that were appended.
    pub(super) published: Vec<usize>,
    /// The member that does not get one, by the number of the message.
    pub(super) excluded: BTreeMap<usize, usize>,
    pub(super) skipped: u64,
    /// What the newest message was charged.
    pub(super) work: usize,
}

/// A connection with its subscription.
pub(super) struct Conn {
    pub(super) index: Option<u32>,
    form: Form,
    pub(super) is_blocked: bool,
    /// It holds unread frames itself; the log's count of frames where they end.
    apart: Option<u64>,
    /// Bytes that go before those of the log.
    pub(super) own: Vec<u8>,
    /// Messages that were there before it joined.
    pub(super) since: usize,
    /// The policy has it closed.
    pub(super) is_slow: bool,
}

impl World {
    /// With so many members of one form, each caught up.
    pub(super) fn with_members(members: usize, policy: SlowConsumer) -> Self {
        let mut fanout = Fanout::new(Default::default());
        let topic = fanout.add(&Topic::new("topic").unwrap(), ShardId::default());
        fanout.set_live(topic, false);
        let settings = TopicSettings {
            slow_consumer: Some(policy),
            ..TopicSettings::default()
        };
        let mut world = Self {
            fanout,
            config: Config {
                namespaces: Namespaces::new(settings, Vec::new()),
                ..Config::default()
            },
            topic,
            conns: Vec::new(),
            sockets: Sockets::default(),
            published: Vec::new(),
            excluded: BTreeMap::new(),
            skipped: 0,
            work: 0,
        };
        for _ in 0..members {
            world.join(Form::LengthPrefix);
        }
        world
    }

    /// One more member; returns the key of its connection.
    pub(super) fn join(&mut self, form: Form) -> usize {
        let key = self.conns.len();
        let number = u32::try_from(key).unwrap();
        assert!(self.fanout.subscribe(self.topic, ConnKey(number)));
        let member = Member::new(Sock(number.cast_signed()), ConnKey(number));
        let index = self.fanout.join(self.topic, form, member);
        self.sockets.0.push(Socket::default());
        self.conns.push(Conn {
            index,
            form,
            is_blocked: false,
            apart: None,
            own: Vec::new(),
            since: self.published.len(),
            is_slow: false,
        });
        key
    }

    /// A member leaves, if it has not.
    pub(super) fn leave(&mut self, key: usize) {
        let Some(place) = self.place(key) else { return };
        self.conns[key].index = None;
        self.fanout.unsubscribe(self.topic, Now::default());
        if let Some(moved) = self.fanout.leave(place) {
            self.conns[moved.index()].index = Some(place.index);
        }
    }

    pub(super) fn place(&self, key: usize) -> Option<Place> {
        let conn = &self.conns[key];
        Some(Place {
            topic: self.topic,
            form: conn.form,
            index: conn.index?,
        })
    }

    /// Appends a message of so many bytes, four at least; `false` if the logs have no space.
    pub(super) fn publish(&mut self, len: usize) -> bool {
        self.publish_by(None, len)
    }

    /// The same, of a member that does not get it.
    pub(super) fn publish_by(&mut self, publisher: Option<usize>, len: usize) -> bool {
        let payload = payload(self.published.len(), len);
        let payload = Payload {
            kind: Kind::Binary,
            bytes: &payload[..],
        };
        let entry = Entry::new(None, payload, None);
        let space = self.fanout.make_space(self.topic, entry, &self.config);
        self.apply_overruns();
        if space.is_ok() {
            let now = Now::default();
            let excluded = publisher.and_then(|key| Some((key, self.place(key)?)));
            let place = excluded.map(|(_, place)| place);
            let turn = self.fanout.turn();
            let appended = self.fanout.append(self.topic, entry, now, turn, place);
            let members = self.conns.iter().filter(|conn| conn.index.is_some());
            let members = members.count() - excluded.iter().count();
            assert_eq!(appended.members, members as u64);
            self.work = appended.work;
            self.take_whole();
            let number = self.published.len();
            self.excluded.extend(excluded.map(|(key, _)| (number, key)));
            self.published.push(len);
        }
        self.check();
        space.is_ok()
    }

    pub(super) fn apply_overruns(&mut self) {
        let Overruns { skipped, conns } = self.fanout.take_overruns();
        self.skipped += skipped;
        for overrun in conns {
            match overrun {
                Overrun::Spill {
                    conn,
                    unread,
                    count,
                    ..
                } => {
                    let conn = &mut self.conns[conn.index()];
                    conn.apart = Some(count);
                    for unread in unread {
                        let bytes = unread.segment.slice(unread.from, unread.to);
                        conn.own.extend_from_slice(bytes);
                    }
                }
                Overrun::Slow { conn } | Overrun::Behind { conn, .. } => {
                    self.conns[conn.index()].is_slow = true;
                    self.leave(conn.index());
                }
            }
        }
    }

    /// One walk of at most `budget` sends; returns how many there were.
    pub(super) fn walk(&mut self, budget: usize) -> usize {
        let walked = self.fanout.walk_next(&mut self.sockets, budget);
        while let Some(handover) = self.fanout.next_handover() {
            match handover {
                Handover::Short { conn, rest } => self.block(conn.index(), rest),
                Handover::Broken { conn } => self.leave(conn.index()),
                Handover::Shared { conn, .. } => {
                    assert!(!self.excluded.is_empty(), "{conn} has one subscription");
                    self.write(conn.index());
                }
            }
        }
        self.check();
        walked.sends
    }

    /// Walks until no feed is queued.
    pub(super) fn walk_all(&mut self) {
        while self.fanout.walks() != 0 {
            self.walk(usize::MAX);
        }
    }

    fn block(&mut self, key: usize, rest: Option<Rest>) {
        if let Some(Rest { segment, from, to }) = rest {
            let own = &mut self.conns[key].own;
            own.extend_from_slice(segment.slice(from, to));
        }
        self.conns[key].is_blocked = true;
        if let Some(place) = self.place(key) {
            self.fanout.set_blocked(place, true);
            self.fanout.set_outbox_first(place, true);
            self.fanout.queue_walk(place);
        }
    }

    /// The socket takes this from now on; `None`: all. A blocked one is writable then.
    pub(super) fn set_space(&mut self, key: usize, space: Option<usize>) {
        self.sockets.0[key].space = space;
        if self.conns[key].is_blocked && space != Some(0) {
            self.unblock(key);
        }
        self.check();
    }

    pub(super) fn break_socket(&mut self, key: usize) {
        self.sockets.0[key].is_broken = true;
    }

    /// How often a socket was written to.
    pub(super) fn sends(&self, key: usize) -> usize {
        self.sockets.0[key].sends
    }

    fn unblock(&mut self, key: usize) {
        if let Some(place) = self.place(key) {
            let conflated = self.fanout.conflate(place, &self.config);
            self.skipped += conflated.unwrap_or(0);
            self.fanout.set_blocked(place, false);
        }
        self.conns[key].is_blocked = false;
        self.write(key);
    }

    /// What is the connection's own goes first, then what the log has.
    pub(super) fn write(&mut self, key: usize) {
        let place = self.place(key);
        loop {
            let own = std::mem::take(&mut self.conns[key].own);
            let bytes = match place {
                _ if !own.is_empty() => &own[..],
                Some(place) => self.fanout.tail(place),
                None => &[],
            };
            if bytes.is_empty() {
                break;
            }
            let len = bytes.len();
            let sock = Sock(i32::try_from(key).unwrap());
            let sent = self.sockets.send(sock, bytes).unwrap_or(0);
            let rest = if own.is_empty() {
                place.and_then(|place| self.fanout.advance(place, sent))
            } else {
                self.conns[key].own = own[sent..].to_vec();
                None
            };
            if sent < len {
                return self.block(key, rest);
            }
            if let Some(place) = place
                && let Some(count) = self.conns[key].apart.take()
            {
                self.skipped += self.fanout.rejoin(place, count);
            }
        }
        if let Some(place) = place {
            self.fanout.set_outbox_first(place, false);
            self.fanout.queue_walk(place);
        }
    }

    /// What must hold at any time.
    pub(super) fn check(&self) {
        self.fanout.audit(self.config.log_bytes_max);
        for (key, conn) in self.conns.iter().enumerate() {
            let Some(place) = self.place(key) else {
                continue;
            };
            let member = self.fanout.member_at(place).unwrap();
            assert_eq!(member.conn.index(), key);
            assert_eq!(member.is(OUTBOX_FIRST), conn.is_blocked, "{key} is held");
        }
    }
}
