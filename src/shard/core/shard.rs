//! The parts of a shard, and what takes several of them. Pure: what is to be done is left on lists.

use std::sync::Arc;

use crate::auth::{Auth, Places};
use crate::config::Config;
use crate::id::ShardId;
use crate::shard::core::app::callback::Callback;
use crate::shard::core::conns::Conns;
use crate::shard::core::conns::questions::{Answers, Questions};
use crate::shard::core::egress::write::Gather;
use crate::shard::core::env::Env;
use crate::shard::core::ingress::Ingress;
use crate::shard::core::life::drain::Drain;
use crate::shard::core::life::memory::Memory;
use crate::shard::core::pubsub::PubSub;
use crate::time::Now;

/// The parts of a shard, but for the application's: its handler and its rooms.
pub(crate) struct Shard<D, A: 'static> {
    pub(crate) env: Env,
    pub(crate) conns: Conns<D>,
    /// What connections wait for other threads to answer.
    pub(crate) questions: Questions<A>,
    pub(crate) ingress: Ingress,
    /// What decides about clients, if their identity is asked.
    pub(crate) auth: Option<Auth>,
    /// Where they may put their credentials.
    pub(crate) places: Places,
    /// The callback under way.
    pub(crate) callback: Callback,
    pub(crate) pubsub: PubSub,
    /// What clients make the shard hold.
    pub(crate) memory: Memory,
    pub(crate) drain: Option<Drain>,
    pub(crate) gather: Gather,
}

impl<D, A> Shard<D, A> {
    pub(crate) fn new(
        shard: ShardId,
        shards: u16,
        config: Config,
        now: Now,
        answers: Arc<dyn Answers<A>>,
    ) -> Self {
        Self {
            conns: Conns::new(shards, &config, now),
            questions: Questions::new(answers),
            ingress: Ingress::default(),
            auth: None,
            places: Places::default(),
            callback: Callback::default(),
            pubsub: PubSub::new(shard, shards, &config),
            memory: Memory::new(&config),
            drain: None,
            gather: Gather::default(),
            env: Env::new(shard, shards, config, now),
        }
    }

    /// Whether the shell must come back at once: something is left over from this turn.
    pub(crate) fn has_work(&self) -> bool {
        self.env.moved || self.conns.has_work() || self.pubsub.has_work()
    }
}
