//! What kind of world a seed makes.

use std::time::Duration;

use corecast::internals::Rng;
use corecast::internals::driver::Driver;
use corecast::limits::{INFLATE_COST_PER_STEP, INFLATE_COST_PER_TURN};
use corecast::{BeyondUserLimit, Config, Flush, Handler, Namespaces, SlowConsumer, TopicSettings};

use crate::deflate;
use crate::histories::Histories;
use crate::patterns;
use crate::room::Rooms;

/// More work than any world has.
const WIDE: (usize, usize) = (1 << 30, 1 << 30);

/// What a world is made of and what happens in it.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) theme: Theme,
    pub(crate) shards: usize,
    pub(crate) topics: usize,
    pub(crate) clients: usize,
    pub(crate) steps: u64,
    pub(crate) lane_messages: usize,
    pub(crate) lane_bytes: usize,
    /// Messages that a turn takes off each lane.
    pub(crate) mail_per_lane: usize,
    pub(crate) read_buffer: usize,
    pub(crate) config: Config,
    /// What each phase of a shard's turn may do, and what is done for one connection in a row.
    work: (usize, usize),
    /// What a shard may take to compress in one phase of a turn.
    compress_cost: usize,
    /// What it may take to inflate in one turn, and what one step of that may.
    inflate_cost: (usize, usize),
    /// Messages with up to this much filler.
    pub(crate) filler_max: usize,
    /// Frames that a client publishes at most.
    pub(crate) todo_max: usize,
    /// One client in so many is slow; 0: none.
    pub(crate) slow_one_in: usize,
    /// The backlog's budget is so small that logs are cut for it.
    pub(crate) is_tight: bool,
    /// Clients leave and others come.
    pub(crate) churns: bool,
    /// A drain begins while messages are under way.
    pub(crate) drains_early: bool,
    /// One client in so many subscribes to several topics.
    pub(crate) many_one_in: usize,
    /// One of the others in so many subscribes and unsubscribes as it goes; 0: as chance has it.
    pub(crate) command_one_in: usize,
    /// The home of all topics, if chance is not to choose.
    pub(crate) home: Option<usize>,
    pub(crate) rooms: Rooms,
    /// Rooms are told of each joiner, and send it the messages published before.
    pub(crate) joins: bool,
    /// Other threads are asked about some messages and connections.
    pub(crate) asks: bool,
    /// Connections belong to so many users; 0: to none.
    pub(crate) users: usize,
    /// Users have a limit, and are disconnected.
    pub(crate) ends_users: bool,
    /// Clients have tokens, right and wrong ones, which are revoked.
    pub(crate) tokens: bool,
    /// Messages wait for the ticks of their topics.
    pub(crate) ticks: bool,
    /// Homes count the clients of their topics.
    pub(crate) presence: bool,
    /// Some clients subscribe to patterns.
    pub(crate) patterns: bool,
    /// Topics have histories, and clients come back to where they were.
    pub(crate) histories: Option<Histories>,
}

/// The theme of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    Plain,
    TinyLanes,
    Slow,
    Tight,
    Topics,
    Many,
    Drain,
    Churn,
    Large,
    Flux,
    Users,
    Tokens,
    Histories,
    Patterns,
}

const THEMES: [Theme; 14] = [
    Theme::Plain,
    Theme::TinyLanes,
    Theme::Slow,
    Theme::Tight,
    Theme::Topics,
    Theme::Many,
    Theme::Drain,
    Theme::Churn,
    Theme::Large,
    Theme::Flux,
    Theme::Users,
    Theme::Tokens,
    Theme::Histories,
    Theme::Patterns,
];

const POLICIES: [SlowConsumer; 4] = [
    SlowConsumer::DropOldest,
    SlowConsumer::Latest,
    SlowConsumer::DropNewest,
    SlowConsumer::Disconnect,
];

impl Profile {
    /// Has a shard do as little in a turn as it may.
    pub(crate) fn limit<H: Handler>(&self, driver: &mut Driver<H>) {
        driver.limit(self.mail_per_lane, self.read_buffer);
        let core = &mut driver.core;
        core.limit_compression(self.compress_cost);
        let (phase, part) = self.work;
        core.limit_work(phase, part);
        let (turn, step) = self.inflate_cost;
        core.limit_inflation(turn, step);
    }

    /// One of any theme, or of that which is asked for.
    pub(crate) fn choose(rng: &mut Rng) -> Self {
        let theme = THEMES[rng.below(THEMES.len())];
        let asked = std::env::var("SIM_THEME").ok();
        let is_asked = |theme: &&Theme| asked.as_ref() == Some(&format!("{theme:?}"));
        let asked = THEMES.iter().find(is_asked);
        Self::of_theme(asked.copied().unwrap_or(theme), rng)
    }

    pub(crate) fn of_theme(theme: Theme, rng: &mut Rng) -> Self {
        let mut profile = Self::plain(theme, rng);
        match theme {
            Theme::Plain => {}
            Theme::TinyLanes => profile.lane_messages = 1 + rng.below(2),
            Theme::Slow => profile.slow_one_in = 2,
            Theme::Tight => {
                profile.slow_one_in = 2;
                profile.is_tight = true;
                profile.config.backlog_bytes_max = Some(500 + rng.below(8000));
            }
            Theme::Topics => profile.topics = 5 + rng.below(12),
            Theme::Many => {
                profile.topics = 2 + rng.below(6);
                profile.many_one_in = 2;
                profile.slow_one_in = [0, 3][rng.below(2)];
            }
            Theme::Drain => {
                profile.drains_early = rng.below(2) == 0;
                profile.slow_one_in = [0, 4][rng.below(2)];
            }
            Theme::Churn => {
                profile.churns = true;
                profile.clients += 10;
                profile.slow_one_in = [0, 4][rng.below(2)];
            }
            Theme::Flux => {
                profile.shards = 2 + rng.below(3);
                profile.topics = 2 + rng.below(5);
                profile.command_one_in = 2;
                profile.config.interest_linger = Duration::from_millis([0, 3][rng.below(2)]);
                profile.lane_messages = [1, 2, 100][rng.below(3)];
                profile.todo_max = 40;
            }
            Theme::Users | Theme::Tokens => {
                profile.tokens = theme == Theme::Tokens;
                profile.users = 1 + rng.below(3);
                profile.ends_users = true;
                profile.churns = rng.below(2) == 0;
                profile.clients += 8;
                profile.lane_messages = [1, 2, 100][rng.below(3)];
                profile.drains_early = rng.below(4) == 0;
                let config = &mut profile.config;
                config.connections_per_user_max = [None, Some(1), Some(2), Some(3)][rng.below(4)];
                config.beyond_user_limit =
                    [BeyondUserLimit::CloseOldest, BeyondUserLimit::Refuse][rng.below(2)];
            }
            Theme::Histories => Histories::give(&mut profile, rng),
            Theme::Patterns => patterns::give(&mut profile, rng),
            Theme::Large => {
                profile.filler_max = 80_000;
                profile.todo_max = 6;
                profile.slow_one_in = [0, 2][rng.below(2)];
                profile.config.log_bytes_max = 100 + rng.below(200_000);
                profile.lane_bytes = 1 + rng.below(300_000);
                profile.read_buffer = 4096;
            }
        }
        profile.ticks = rng.below(8) == 0;
        profile.presence = rng.below(3) == 0;
        if let Some(histories) = &mut profile.histories {
            histories.set_presence(profile.presence);
        }
        profile.config.namespaces = profile.namespaces();
        profile
    }

    /// A world with one topic and wide limits, in which no client comes by chance.
    pub(crate) fn still(shards: usize) -> Self {
        let mut profile = Self::plain(Theme::Plain, &mut Rng::new(0));
        profile.shards = shards;
        profile.topics = 1;
        profile.lane_messages = 1024;
        profile.lane_bytes = 1 << 20;
        profile.mail_per_lane = 256;
        profile.read_buffer = 65536;
        profile.compress_cost = WIDE.0;
        profile.work = WIDE;
        profile.inflate_cost = (INFLATE_COST_PER_TURN, INFLATE_COST_PER_STEP);
        profile.config.log_bytes_max = 1 << 20;
        profile.config.ping_interval = Duration::from_secs(3600);
        (profile.rooms, profile.asks, profile.users) = (Rooms::None, false, 0);
        (profile.filler_max, profile.home) = (0, Some(shards - 1));
        profile
    }

    fn plain(theme: Theme, rng: &mut Rng) -> Self {
        Self {
            theme,
            shards: 1 + rng.below(5),
            topics: 1 + rng.below(3),
            clients: 3 + rng.below(8),
            steps: 400 + rng.below(1200) as u64,
            lane_messages: [1, 2, 3, 8, 64, 1024][rng.below(6)],
            lane_bytes: [1, 100, 2000, 1 << 20][rng.below(4)],
            mail_per_lane: [1, 2, 5, 256][rng.below(4)],
            read_buffer: [7, 64, 300, 65536][rng.below(4)],
            work: [(3_000, 1), (20_000, 3_000), WIDE][rng.below(3)],
            config: Config {
                log_bytes_max: [1, 100, 1000, 10_000, 1 << 20][rng.below(5)],
                compression: deflate::compression(rng),
                slow_consumer: POLICIES[rng.below(POLICIES.len())],
                handshake_timeout: Duration::from_secs(3600),
                stall_timeout: Duration::from_secs(3600),
                ping_interval: Duration::from_millis([500, 3_600_000][rng.below(2)]),
                pong_timeout: Duration::from_secs(3600),
                interest_linger: Duration::from_millis([0, 20, 300][rng.below(3)]),
                write_delay: Duration::from_millis([0, 0, 1, 5][rng.below(4)]),
                ..Config::default()
            },
            compress_cost: [200_000, 1_000_000, WIDE.0][rng.below(3)],
            inflate_cost: [
                (1, 100),
                (3_000, 1_000),
                (INFLATE_COST_PER_TURN, INFLATE_COST_PER_STEP),
            ][rng.below(3)],
            filler_max: [10, 300, 6000][rng.below(3)],
            todo_max: 5 + rng.below(30),
            slow_one_in: 0,
            is_tight: false,
            churns: rng.below(4) == 0,
            drains_early: false,
            many_one_in: 8,
            command_one_in: 0,
            home: None,
            rooms: [Rooms::None, Rooms::Some, Rooms::All][rng.below(3)],
            joins: rng.below(2) == 0,
            asks: rng.below(3) == 0,
            users: [0, 0, 1, 4][rng.below(4)],
            ends_users: false,
            tokens: false,
            ticks: false,
            presence: false,
            patterns: false,
            histories: None,
        }
    }

    /// Whether homes are told of joins.
    pub(crate) fn has_joins(&self) -> bool {
        self.joins || self.presence
    }

    fn namespaces(&self) -> Namespaces {
        if let Some(histories) = &self.histories {
            return histories.namespaces();
        }
        // Of longer ticks, each topic would have its part by its hash.
        let flush = self.ticks.then_some(Flush {
            every: Duration::from_millis(1),
            is_latest: false,
        });
        let settings = TopicSettings {
            flush,
            presence: self.presence,
            ..TopicSettings::default()
        };
        Namespaces::new(settings, Vec::new())
    }
}
