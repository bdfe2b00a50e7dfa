//! The parts of a shard, and what takes several of them. Pure: what is to be done is left on lists.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::sync::Arc;

use crate::config::Config;
use crate::id::{ConnKey, ShardId, TopicKey};
use crate::payload::Form;
use crate::shard::core::app::callback::Callback;
use crate::shard::core::app::joins::Joins;
use crate::shard::core::app::room_queue::Stage;
use crate::shard::core::app::rooms::RoomWork;
use crate::shard::core::conn::subs::{Membership, Subs, WAITING};
use crate::shard::core::conns::Conns;
use crate::shard::core::conns::questions::{Answers, Questions};
use crate::shard::core::env::{Env, home_of};
use crate::shard::core::ingress::Ingress;
use crate::shard::core::life::drain::Drain;
use crate::shard::core::life::memory::Memory;
use crate::shard::core::pubsub::barrier::Barrier;
use crate::shard::mail::{PeerMail, Publication, for_peers};
use crate::time::Now;
use crate::topic::fanout::{Fanout, Place};
use crate::topic::home::Homes;

/// The parts of a shard, but for the application's: its handler and its rooms.
pub(crate) struct Shard<D, A: 'static> {
    pub(crate) env: Env,
    pub(crate) conns: Conns<D>,
    /// What connections wait for other threads to answer.
    pub(crate) questions: Questions<A>,
    pub(crate) ingress: Ingress,
    /// The callback under way.
    pub(crate) callback: Callback,
    /// The subscribers of topics.
    pub(crate) fanout: Fanout,
    pub(crate) homes: Homes,
    /// Entries of tables that were given back to the allocator, since when it was to give back its
    /// own, and that moment.
    pub(crate) released: usize,
    pub(crate) released_at: Now,
    pub(crate) joins: Joins,
    /// By shard.
    pub(crate) mail: Vec<PeerMail>,
    /// Messages for rooms of this shard, which are called when no callback runs.
    pub(crate) staged: Stage,
    /// Somebody found no place among them, and is to be told when there is one.
    pub(crate) stage_refused: bool,
    /// Messages of rooms for other topics.
    pub(crate) elsewhere: VecDeque<Publication>,
    /// What rooms are to be told, or the handler of them.
    pub(crate) room_work: VecDeque<RoomWork>,
    pub(crate) barrier: Barrier,
    /// What clients make the shard hold.
    pub(crate) memory: Memory,
    pub(crate) drain: Option<Drain>,
    /// Reused by every gathered write.
    pub(crate) scratch: Vec<u8>,
}

impl<D, A> Shard<D, A> {
    pub(crate) fn new(
        shard: ShardId,
        shards: u16,
        config: Config,
        hasher: RandomState,
        now: Now,
        answers: Arc<dyn Answers<A>>,
    ) -> Self {
        Self {
            conns: Conns::new(shards, &config, now),
            questions: Questions::new(answers),
            ingress: Ingress::new(&config),
            callback: Callback::default(),
            fanout: Fanout::new(config.compression.unwrap_or_default()),
            homes: Homes::default(),
            released: 0,
            released_at: Now::default(),
            joins: Joins::default(),
            mail: for_peers(shards),
            staged: Stage::default(),
            stage_refused: false,
            elsewhere: VecDeque::new(),
            room_work: VecDeque::new(),
            barrier: Barrier::new(shard, shards),
            memory: Memory::new(&config),
            drain: None,
            scratch: Vec::new(),
            env: Env::new(shard, config, hasher, now),
        }
    }

    /// The shard that gives a topic's messages their order.
    pub(crate) fn home_of(&self, topic: &str) -> ShardId {
        home_of(&self.env.hasher, topic, self.mail.len())
    }

    /// Calls `change` with the place of each live subscription of a connection.
    pub(crate) fn each_place(&mut self, key: ConnKey, mut change: impl FnMut(&mut Fanout, Place)) {
        let Self { conns, fanout, .. } = self;
        if let Some(conn) = conns.get(key) {
            places(&conn.subs, conn.form).for_each(|place| change(fanout, place));
        }
    }

    /// Whether the shell must come back at once: something is left over from this turn.
    pub(crate) fn has_work(&self) -> bool {
        self.fanout.walks() != 0
            || self.conns.has_work()
            || self.env.moved
            || self.mail.iter().any(PeerMail::is_due)
    }
}

/// The places of the live ones among subscriptions, of a connection with this form.
pub(crate) fn places(subs: &Subs, form: Form) -> impl Iterator<Item = Place> {
    let subs = subs.as_slice().iter();
    let live = subs.filter(|sub| sub.index != WAITING);
    live.map(move |&Membership { topic, index }| Place { topic, form, index })
}

/// The place of a subscription to one topic, if there is one and it is live.
pub(crate) fn place(subs: &Subs, form: Form, topic: TopicKey) -> Option<Place> {
    places(subs, form).find(|place| place.topic == topic)
}

impl<D, A> Shard<D, A> {
    /// Whether one of the connection's logs has more for it.
    pub(crate) fn has_tail(&self, key: ConnKey) -> bool {
        let conn = self.conns.get(key);
        conn.is_some_and(|conn| {
            let mut places = places(&conn.subs, conn.form);
            places.any(|place| self.fanout.is_behind(place))
        })
    }

    /// Puts a connection on the list of those to write; the walks pass it over until then.
    pub(crate) fn mark_dirty(&mut self, key: ConnKey) {
        if self.conns.mark_dirty(key) {
            self.set_held(key, true);
        }
    }
}
