//! Publishing and subscribing, between `topic` and the connections: which connections and shards
//! want which topics, and what is on its way to other shards and to rooms.

pub(crate) mod barrier;
mod catch_up;
mod delayed;
pub(crate) mod events;
pub(crate) mod held;
mod interest;
pub(crate) mod joins;
mod members;
mod patterns;
mod presence;
mod release;
pub(crate) mod room_queue;
mod session;
pub(crate) mod shared;
pub mod subscribe;
pub(crate) mod user_queue;
pub(crate) mod users;

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::config::Config;
use crate::handler::{Busy, TopicEvent};
use crate::id::{RoomKey, ShardId, TopicKey};
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::barrier::Barrier;
use crate::shard::core::pubsub::catch_up::CatchUps;
use crate::shard::core::pubsub::delayed::Delayed;
use crate::shard::core::pubsub::events::Announcement;
use crate::shard::core::pubsub::held::Held;
use crate::shard::core::pubsub::joins::Joins;
use crate::shard::core::pubsub::patterns::PatternShare;
use crate::shard::core::pubsub::presence::PresenceCursor;
use crate::shard::core::pubsub::room_queue::RoomQueue;
use crate::shard::core::pubsub::shared::Shared;
use crate::shard::core::pubsub::users::Users;
use crate::shard::mail::{
    CensusScan, CensusSum, Look, Matched, PeerMail, Publication, Question, ToHome, for_peers,
};
use crate::time::Now;
use crate::topic::fanout::Fanout;
use crate::topic::history::History;
use crate::topic::home::{DedupKey, Homes, RoomSlot};
use crate::topic::patterns::{TopicPattern, TopicPatternError};
use crate::topic::presence::Clients;
use crate::topic::{Hashed, Topic, TopicName, TopicNameError};

/// Topics: their subscribers on this shard, their homes, and the mail between the two.
pub(crate) struct PubSub {
    /// The subscribers of topics.
    pub(crate) fanout: Fanout,
    /// The topics whose home is this shard.
    pub(crate) homes: Homes,
    /// Publications that wait for the ticks of those.
    pub(crate) held: Held,
    /// What of those is kept.
    pub(crate) history: History,
    /// Their clients, where those are counted.
    pub(crate) clients: Clients,
    /// Those of them whose order an engine sets, if there is one.
    pub(crate) shared: Option<Box<Shared>>,
    /// The patterns of its subscribers.
    pub(crate) patterns: PatternShare,
    /// What subscribers of patterns have still to get of a message whose home is here.
    pub(crate) matched: Option<Box<Matched>>,
    /// To other shards, by shard.
    pub(crate) mail: Vec<PeerMail>,
    pub(crate) joins: Joins,
    pub(crate) catch_ups: CatchUps,
    pub(crate) users: Users,
    /// Subscribers that are written later.
    pub(crate) delayed: Delayed,
    presence_cursor: PresenceCursor,
    pub(crate) barrier: Barrier,
    /// Messages for rooms of this shard, which are called when no callback runs.
    pub(crate) room_queue: RoomQueue,
    /// Messages of rooms for other topics.
    pub(crate) elsewhere: VecDeque<Publication>,
    /// What callbacks have asked of the histories of topics at home here, answered when none runs.
    pub(crate) questions: VecDeque<Box<Question>>,
    /// What of these is to be told, for which there was no space.
    pub(crate) announcement: Option<Announcement>,
    /// What is asked of the clients of topics at home here.
    pub(crate) client_questions: VecDeque<Box<Question>>,
    /// What this shard is asked as all are, and how far it is with that.
    pub(crate) censuses: VecDeque<Box<CensusScan>>,
    /// What shards have said to those, to be added up.
    pub(crate) census_sums: VecDeque<CensusSum>,
    /// What operators look at, and how far this shard is with that.
    pub(crate) looks: VecDeque<Box<Look>>,
    /// Whether the handler is told of topics that are occupied or vacated.
    pub(crate) tells_topics: bool,
    /// What rooms are to be told, or the handler of them.
    pub(crate) room_work: VecDeque<RoomWork>,
    /// Entries of tables that were given back to the allocator, since when it was to give back its
    /// own, and that moment.
    released: usize,
    released_at: Now,
}

/// What the handler or a room is to be told of a topic at home here.
#[derive(Debug)]
pub(crate) enum RoomWork {
    /// It has its first subscriber here, which waits until it is known whether it has a room.
    Wanted(Topic),
    /// The topic of this room has no subscriber any more.
    Empty(RoomKey),
    /// The handler is to be told this of a topic.
    Event(Topic, TopicEvent),
}

impl PubSub {
    pub(crate) fn new(shard: ShardId, shards: u16, config: &Config) -> Self {
        Self {
            fanout: Fanout::new(config.compression.unwrap_or_default()),
            homes: Homes::default(),
            held: Held::default(),
            history: History::new(config.parts().history),
            clients: Clients::default(),
            shared: None,
            patterns: PatternShare::new(config.patterns_max, shards),
            matched: None,
            mail: for_peers(shards),
            joins: Joins::default(),
            catch_ups: CatchUps::new(config),
            users: Users::default(),
            delayed: Delayed::default(),
            presence_cursor: PresenceCursor::default(),
            barrier: Barrier::new(shard, shards),
            room_queue: RoomQueue::default(),
            elsewhere: VecDeque::new(),
            questions: VecDeque::new(),
            announcement: None,
            client_questions: VecDeque::new(),
            censuses: VecDeque::new(),
            census_sums: VecDeque::new(),
            looks: VecDeque::new(),
            tells_topics: false,
            room_work: VecDeque::new(),
            released: 0,
            released_at: Now::default(),
        }
    }

    /// What subscribers and histories may take, from now on.
    pub(crate) fn set_limits(&mut self, shards: u16, config: &Config) {
        self.history.set_budget(config.parts().history);
        self.patterns.set_max(config.patterns_max, shards);
        self.catch_ups.set_limits(config);
    }

    /// Whether nothing of this shard's homes waits for its way into an order.
    pub(crate) fn is_settled(&self) -> bool {
        self.room_queue.is_empty()
            && self.elsewhere.is_empty()
            && self.held.is_empty()
            && self.matched.is_none()
            && self.room_work.is_empty()
            && self.questions.is_empty()
            && self.announcement.is_none()
            && self.client_questions.is_empty()
            && self.users.is_settled()
            && !self.is_outward_due()
    }

    /// Whether something of it needs another turn at once.
    pub(crate) fn has_work(&self) -> bool {
        let is_mail_due = self.mail.iter().any(PeerMail::is_due);
        let is_mail_due = is_mail_due || self.is_outward_due();
        self.fanout.walks() != 0 || is_mail_due || !self.users.orders.is_empty()
    }

    /// Forgets what is due: topics without subscribers, keys of publications, messages of
    /// histories; `budget` of each at most.
    pub(crate) fn pass_time(&mut self, env: &mut Env, budget: usize) {
        self.fanout.forget_pages(env.now);
        self.forget_topics(env, env.config.interest_linger, budget);
        self.detach_idle(env, budget);
        self.homes.forget_keys(env.now, budget);
        self.history.pass_time(env.now, budget);
    }

    /// When something of it is due next.
    pub(crate) fn deadline(&self, env: &Env) -> Option<Now> {
        let deadlines = [
            self.fanout.deadline(env.config.interest_linger),
            self.homes.deadline(),
            self.history.deadline(),
            self.held.deadline(),
            self.delayed.deadline(),
            self.release_deadline(),
            self.pages_deadline(),
            self.attachments_deadline(env),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// The topic that is named. The name of one that this shard knows is not copied.
    ///
    /// # Errors
    ///
    /// No topic has this name.
    pub(crate) fn topic<'t>(
        &self,
        named: &'t (impl TopicName + ?Sized),
    ) -> Result<Cow<'t, Topic>, TopicNameError> {
        if let Some(topic) = named.topic() {
            return Ok(Cow::Borrowed(topic));
        }
        let name = Hashed::of(named.name())?;
        let known = self
            .fanout
            .of_name(name)
            .or_else(|| self.homes.of_name(name))
            .or_else(|| self.history.of_name(name));
        Ok(Cow::Owned(known.cloned().unwrap_or_else(|| name.intern())))
    }

    /// The topic or the pattern that a channel of the structured protocol names.
    ///
    /// # Errors
    ///
    /// Neither has this name.
    pub(crate) fn channel<'c>(&self, name: &'c str) -> Result<Cow<'c, Topic>, TopicNameError> {
        match TopicPattern::parse(name) {
            Ok(pattern) => Ok(Cow::Owned(pattern.topic().clone())),
            // A topic of this text would take nothing of what the pattern is meant for.
            Err(TopicPatternError::Levels | TopicPatternError::Name) => Err(TopicNameError),
            Err(_) => self.topic(name),
        }
    }

    /// The key of that, if there is one.
    ///
    /// # Errors
    ///
    /// The same.
    pub(crate) fn find_channel(&self, name: &str) -> Result<Option<TopicKey>, TopicNameError> {
        Ok(self.fanout.find(&*self.channel(name)?))
    }

    /// Whether a message for a topic at home here goes into its order at once: not if there is or
    /// may be a room, which is called when the callback that publishes has returned.
    pub(crate) fn is_ordered_at_once(&self, topic: &Topic, key: Option<DedupKey>) -> bool {
        // One of the same publisher may be staged since before that was known.
        self.homes.room(topic) == RoomSlot::Empty && key.is_none() && !self.room_queue.has(topic)
    }

    /// Whether one more message may be put on its way to the home of its topic.
    pub(crate) fn check_way(
        &mut self,
        env: &Env,
        home: ShardId,
        topic: &Topic,
    ) -> Result<(), Busy> {
        let has_space = if home != env.shard {
            self.mail[home.index()].to_home.has_space()
        } else {
            self.room_queue.has_space_for(topic)
        };
        has_space.then_some(()).ok_or_else(|| Busy::at(home))
    }

    /// Puts a publication on its way, after `check_way` said yes.
    pub(crate) fn send_to_home(&mut self, env: &Env, home: ShardId, publication: Publication) {
        if home == env.shard {
            self.room_queue.push(publication);
        } else {
            let lane = &mut self.mail[home.index()].to_home;
            lane.push(ToHome::Publish(publication));
        }
    }

    /// Publishes what rooms have left for other topics, as far as there is space on the way.
    ///
    /// Rooms do not wait for this: two that publish to each other's topics would wait for ever.
    pub(crate) fn publish_elsewhere(&mut self, env: &mut Env) {
        let mut full: Vec<ShardId> = Vec::new();
        for _ in 0..self.elsewhere.len() {
            let Some(publication) = self.elsewhere.pop_front() else {
                return;
            };
            let home = publication.topic.home(env.shards);
            // What is behind one that waits for the same home waits, too.
            if full.contains(&home) || self.check_way(env, home, &publication.topic).is_err() {
                full.push(home);
                self.elsewhere.push_back(publication);
            } else {
                self.send_to_home(env, home, publication);
                env.counters.published += 1;
            }
        }
    }
}
