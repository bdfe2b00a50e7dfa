//! All that a shard owns but its handler. Pure: what it wants done it leaves on lists.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use slab::Slab;

use crate::close_reason::CloseReason;
use crate::config::Config;
use crate::counters::Counters;
use crate::id::{ConnId, ConnKey, ShardId};
use crate::payload::Form;
use crate::proto::http::Date;
use crate::shard::core::app::joins::Joins;
use crate::shard::core::app::message::CheckedText;
use crate::shard::core::app::open::Subprotocol;
use crate::shard::core::app::room_queue::Stage;
use crate::shard::core::app::rooms::RoomWork;
use crate::shard::core::conn::http::Http;
use crate::shard::core::conn::outbox::Outbox;
use crate::shard::core::conn::state::State;
use crate::shard::core::conn::subs::{Membership, Subs, WAITING};
use crate::shard::core::conn::{Conn, DIRTY, PeerInfo};
use crate::shard::core::conns::answers::RefusedOrigins;
use crate::shard::core::conns::client_addrs::Clients;
use crate::shard::core::conns::ends::drain::Drain;
use crate::shard::core::conns::ends::linger::Lingering;
use crate::shard::core::conns::grace::Grace;
use crate::shard::core::conns::memory::Memory;
use crate::shard::core::conns::questions::{Answers, Questions};
use crate::shard::core::conns::unfinished::Holders;
use crate::shard::core::conns::wait_queue::WaitQueue;
use crate::shard::core::ingress::inflate::Inflation;
use crate::shard::core::ingress::rate_limit::Meters;
use crate::shard::core::ingress::read_queue::ReadQueue;
use crate::shard::core::pubsub::barrier::Barrier;
use crate::shard::core::work::Work;
use crate::shard::mail::{PeerMail, Publication, for_peers};
use crate::time::{Now, Stamp, Wheel};
use crate::topic::fanout::{Fanout, Place};
use crate::topic::home::Homes;

/// All that a shard owns but its handler.
pub(crate) struct Inner<D, A: 'static> {
    pub(crate) shard: ShardId,
    pub(crate) config: Config,
    /// The same on every shard of the node: all agree where a topic's home is.
    pub(crate) hasher: RandomState,
    pub(crate) now: Now,
    pub(crate) grace: Grace,
    /// The time of day, if the shell has told it.
    pub(crate) date: Option<Date>,
    pub(crate) conns: Slab<Conn<D>>,
    pub(crate) next_generation: u32,
    /// The subscribers of topics.
    pub(crate) fanout: Fanout,
    pub(crate) homes: Homes,
    /// Entries of tables that were given back to the allocator, since when it was to give back its
    /// own, and that moment.
    pub(crate) released: usize,
    pub(crate) released_at: Now,
    pub(crate) joins: Joins,
    pub(crate) inflation: Inflation,
    /// By shard.
    pub(crate) mail: Vec<PeerMail>,
    pub(crate) wheel: Wheel,
    pub(crate) counters: Counters,
    /// Connections to write, each once.
    pub(crate) dirty: VecDeque<ConnKey>,
    /// Messages for rooms of this shard, which are called when no callback runs.
    pub(crate) staged: Stage,
    /// Somebody found no place among them, and is to be told when there is one.
    pub(crate) stage_refused: bool,
    /// Messages of rooms for other topics.
    pub(crate) elsewhere: VecDeque<Publication>,
    /// What rooms are to be told, or the handler of them.
    pub(crate) room_work: VecDeque<RoomWork>,
    /// What connections wait for other threads to answer.
    pub(crate) questions: Questions<A>,
    /// Who asks to be opened, or for a page, while the handler is asked.
    pub(crate) peer_info: Option<Arc<PeerInfo>>,
    /// The connection whose bytes are taken was pinged, and has not answered yet.
    pub(crate) awaits_pong: bool,
    /// How fast connections send.
    pub(crate) meters: Meters,
    /// Where connections come from.
    pub(crate) clients: Clients,
    pub(crate) refused_origins: RefusedOrigins,
    /// Connections turned away that the shell has counted.
    pub(crate) turned_away: usize,
    /// The text of the callback under way.
    pub(crate) checked: CheckedText,
    /// What the handler chose for the upgrade it is asked about.
    pub(crate) subprotocol: Subprotocol,
    /// Connections that have been sent all, of which the handler wants to know.
    pub(crate) drained: Vec<ConnId>,
    /// Connections that ended and whose handler could not take it yet.
    pub(crate) unsettled: WaitQueue<(ConnId, CloseReason)>,
    /// Connections whose message waits for room, by the topic's home.
    pub(crate) paused: Vec<WaitQueue>,
    /// Those who wait for this home are tried first; one more is `resumed`.
    pub(crate) first_paused: usize,
    /// In this turn they are tried before all others.
    pub(crate) waiters_first: bool,
    /// Connections to read on: what they waited for has come.
    pub(crate) resumed: VecDeque<ConnId>,
    /// Connections to read from.
    pub(crate) reads: ReadQueue,
    /// What is left to do in this turn.
    pub(crate) work: Work,
    /// Connections that ended in this turn.
    pub(crate) ended: Vec<(ConnId, CloseReason)>,
    /// Sockets whose write side is to be shut down.
    pub(crate) finished: Vec<ConnId>,
    pub(crate) lingering: Lingering,
    /// Connections that hold what is unfinished.
    pub(crate) holders: Holders,
    /// What clients make the shard hold.
    pub(crate) memory: Memory,
    /// Connections that are there only to be told that they are too many.
    pub(crate) overflow: usize,
    /// Those of them that speak HTTP, the oldest first.
    pub(crate) told: VecDeque<ConnId>,
    /// Connections to free at the end of the turn.
    pub(crate) dead: Vec<ConnKey>,
    /// What somebody waits for may have come; in `has_news`, in the turn before.
    pub(crate) moved: bool,
    pub(crate) has_news: bool,
    /// Reused by every look at the wheel.
    pub(crate) expired: Vec<(u32, Stamp)>,
    pub(crate) drain: Option<Drain>,
    pub(crate) barrier: Barrier,
    #[expect(
        clippy::vec_box,
        reason = "connections keep them boxed: the boxes are what is spared"
    )]
    pub(crate) spare_outboxes: Vec<Box<Outbox>>,
    /// Reused by every gathered write.
    pub(crate) scratch: Vec<u8>,
}

impl<D, A> Inner<D, A> {
    pub(crate) fn new(
        shard: ShardId,
        shards: ShardId,
        config: Config,
        hasher: RandomState,
        now: Now,
        answers: Arc<dyn Answers<A>>,
    ) -> Self {
        let fanout = Fanout::new(config.compression.unwrap_or_default());
        let clients = Clients::new(&config);
        let meters = Meters::new(&config);
        let memory = Memory::new(&config);
        Self {
            shard,
            config,
            hasher,
            now,
            grace: Grace::default(),
            date: None,
            conns: Slab::new(),
            next_generation: 0,
            fanout,
            homes: Homes::default(),
            released: 0,
            released_at: Now::default(),
            joins: Joins::default(),
            inflation: Inflation::default(),
            mail: for_peers(shards),
            wheel: Wheel::new(now),
            counters: Counters::default(),
            dirty: VecDeque::new(),
            staged: Stage::default(),
            stage_refused: false,
            elsewhere: VecDeque::new(),
            room_work: VecDeque::new(),
            questions: Questions::new(answers),
            peer_info: None,
            awaits_pong: false,
            clients,
            refused_origins: RefusedOrigins::default(),
            meters,
            turned_away: 0,
            checked: CheckedText::default(),
            subprotocol: Subprotocol::First,
            drained: Vec::new(),
            unsettled: WaitQueue::default(),
            paused: (0..shards).map(|_| WaitQueue::default()).collect(),
            first_paused: 0,
            waiters_first: false,
            resumed: VecDeque::new(),
            reads: ReadQueue::default(),
            work: Work::default(),
            ended: Vec::new(),
            finished: Vec::new(),
            lingering: Lingering::default(),
            holders: Holders::default(),
            memory,
            overflow: 0,
            told: VecDeque::new(),
            dead: Vec::new(),
            moved: false,
            has_news: false,
            expired: Vec::new(),
            drain: None,
            barrier: Barrier::new(shard, shards),
            spare_outboxes: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The shard that gives a topic's messages their order.
    pub(crate) fn home_of(&self, topic: &str) -> ShardId {
        home_of(&self.hasher, topic, self.mail.len())
    }

    /// The connection of this key, unless it is on its way out.
    pub(crate) fn conn(&mut self, key: ConnKey) -> Option<&mut Conn<D>> {
        self.conns
            .get_mut(key.index())
            .filter(|conn| conn.state != State::Dead)
    }

    /// The connection of this id, unless it has ended and its key may have another tenant.
    pub(crate) fn current(&mut self, id: ConnId) -> Option<&mut Conn<D>> {
        self.conn(id.key)
            .filter(|conn| conn.generation == id.generation)
    }

    pub(crate) fn id(&self, key: ConnKey) -> ConnId {
        let generation = self
            .conns
            .get(key.index())
            .map_or(0, |conn| conn.generation);
        ConnId { key, generation }
    }

    /// Calls `change` with the place of each live subscription of a connection.
    pub(crate) fn each_place(&mut self, key: ConnKey, mut change: impl FnMut(&mut Fanout, Place)) {
        let Self { conns, fanout, .. } = self;
        if let Some(conn) = conns.get(key.index()) {
            places(&conn.subs, conn.form).for_each(|place| change(fanout, place));
        }
    }

    /// Whether the shell must come back at once: something is left over from this turn.
    pub(crate) fn has_work(&self) -> bool {
        self.fanout.walks() != 0
            || !self.dirty.is_empty()
            || !self.resumed.is_empty()
            || self.inflation.len() != 0
            || !self.reads.is_empty()
            || !self.ended.is_empty()
            || !self.drained.is_empty()
            || self.moved
            || self.unsettled.has_untried()
            || self.paused.iter().any(WaitQueue::has_untried)
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
pub(crate) fn place(subs: &Subs, form: Form, topic: u32) -> Option<Place> {
    places(subs, form).find(|place| place.topic == topic)
}

/// The home shard of a topic among `shards`.
pub fn home_of(hasher: &RandomState, topic: &str, shards: usize) -> ShardId {
    let home = hasher.hash_one(topic) % shards.max(1) as u64;
    ShardId::try_from(home).unwrap_or_default()
}

impl<D, A> Inner<D, A> {
    /// What a connection keeps that speaks HTTP.
    pub(crate) fn http(&mut self, key: ConnKey) -> Option<&mut Http> {
        self.conn(key)?.protocol.http_mut()
    }
}

impl<D, A> Inner<D, A> {
    pub(crate) fn unopened(&mut self, id: ConnId) -> Option<&mut Conn<D>> {
        self.current(id).filter(|conn| conn.state.is_opening())
    }
}

impl<D, A> Inner<D, A> {
    /// Whether one of the connection's logs has more for it.
    pub(crate) fn has_tail(&self, key: ConnKey) -> bool {
        let conn = self.conns.get(key.index());
        conn.is_some_and(|conn| {
            let mut places = places(&conn.subs, conn.form);
            places.any(|place| self.fanout.is_behind(place))
        })
    }

    /// Puts a connection on the list of those to write; the walks pass it over until then.
    pub(crate) fn mark_dirty(&mut self, key: ConnKey) {
        let Some(conn) = self.conns.get_mut(key.index()) else {
            return;
        };
        if !conn.is(DIRTY) {
            conn.set(DIRTY, true);
            self.dirty.push_back(key);
            self.set_held(key, true);
        }
    }
}
