//! What all parts of a shard know: which shard it is, how it is set up, what time it is, how much
//! work is left in the turn, and what has been counted.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::counters::Counters;
use crate::denial::Denial;
use crate::id::ShardId;
use crate::limits::{CLOSE_AFTER_MAX, DENIAL_LOG_INTERVAL, SESSION_GRACE, WORK_OF_MESSAGE};
use crate::proto::http::Date;
use crate::shard::core::life::drain::returns::OpenPace;
use crate::shard::core::notice::Notice;
use crate::shard::core::work::{Share, Work};
use crate::shard::mail::Trace;
use crate::throttle::Throttles;
use crate::time::{Now, Stamp};

/// What all parts of a shard know, and what all of them count.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) shard: ShardId,
    pub(crate) config: Config,
    /// How many shards there are.
    pub(crate) shards: u16,
    pub(crate) now: Now,
    /// The time of day, if the shell has told it.
    pub(crate) date: Option<Date>,
    pub(crate) counters: Counters,
    /// How often clients may open connections.
    pub(crate) throttles: Arc<Throttles>,
    /// Clients that were denied, for the log.
    pub(crate) denials: Notice,
    /// How fast connections were opened.
    pub(crate) open_pace: OpenPace,
    /// What is left to do in this turn.
    pub(crate) work: Work,
    /// What operators follow.
    pub(crate) traces: Vec<Trace>,
    /// Something that a connection or a room may wait for has happened in this turn; `has_news`:
    /// in the turn before.
    pub(crate) moved: bool,
    pub(crate) has_news: bool,
}

impl Env {
    pub(crate) fn new(shard: ShardId, shards: u16, config: Config, now: Now) -> Self {
        Self {
            shard,
            config,
            shards,
            now,
            date: None,
            counters: Counters::default(),
            throttles: Arc::default(),
            denials: Notice::default(),
            open_pace: OpenPace::default(),
            work: Work::default(),
            traces: Vec::new(),
            moved: false,
            has_news: false,
        }
    }

    /// Counts a denial, and has one of them now and then logged with this text.
    pub(crate) fn deny(&mut self, denial: Denial, text: impl FnOnce() -> String) {
        self.counters.denied[denial.index()] += 1;
        self.denials.note(text, self.now, DENIAL_LOG_INTERVAL);
    }

    /// The time of day in seconds since the beginning of 1970; 0 if the host has no clock.
    pub(crate) fn today(&self) -> u64 {
        self.date.map_or(0, Date::secs)
    }

    /// The time until then, which is in seconds since the beginning of 1970.
    pub(crate) fn left_until(&self, end: u64) -> Duration {
        Duration::from_secs(end.saturating_sub(self.today()))
    }

    /// When a subscription of a session ends whose token ends then, in seconds since the beginning
    /// of 1970.
    pub(crate) fn sub_until(&self, end: Option<u64>) -> Stamp {
        let left = end.map(|end| self.left_until(end).saturating_add(SESSION_GRACE));
        let left = left.filter(|left| *left < CLOSE_AFTER_MAX);
        left.map_or(Stamp::NEVER, |left| self.now.plus(left).stamp())
    }

    /// A turn begins.
    pub(crate) fn begin_turn(&mut self, now: Now) {
        self.now = self.now.max(now);
        self.has_news = std::mem::take(&mut self.moved);
        self.work.begin_turn();
        self.open_pace.note(self.counters.opened, self.now);
    }

    /// One piece of mail is to be taken; `false` if that has to wait for the next turn, which comes
    /// at once.
    pub(crate) fn begin_mail(&mut self, share: Share) -> bool {
        self.work.enter(share);
        let waits = self.work.is_spent();
        if waits {
            self.moved = true;
        } else {
            self.work.charge(WORK_OF_MESSAGE);
        }
        !waits
    }
}
