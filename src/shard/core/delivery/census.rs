//! What the whole server has: every shard is asked, and looks at its topics a part in each turn.

use crate::handler::{Busy, Census, HomeReply, PublishError, TopicFilter, Wait};
use crate::id::ShardId;
use crate::limits::{CENSUS_TOPICS_AT_ONCE, CENSUS_TOPICS_MAX, STAGED_MAX, WORK_OF_MESSAGE};
use crate::limits::{WORK_OF_LISTED, WORK_OF_STEP};
use crate::shard::core::pubsub::PubSub;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{CensusScan, ToHome};

impl<D, A> Shard<D, A> {
    /// Asks all shards, or none if one has no space for that.
    pub(crate) fn ask_all(
        &mut self,
        filter: Option<TopicFilter>,
        reply: HomeReply<Census>,
    ) -> Result<(), PublishError> {
        if self.env.work.is_overdrawn() {
            return Err(PublishError::Busy(Busy(Wait::Turn)));
        }
        self.check_census_space().map_err(PublishError::Busy)?;
        let scan = CensusScan::for_all(self.env.shards, filter, reply);
        self.split_census(scan);
        Ok(())
    }

    /// Takes a question, or gives it back while there is no space for it.
    pub(crate) fn take_census(&mut self, scan: Box<CensusScan>) -> Option<Box<CensusScan>> {
        if scan.is_for_all {
            if self.check_census_space().is_err() {
                return Some(scan);
            }
            self.split_census(*scan);
            return None;
        }
        if STAGED_MAX <= self.pubsub.censuses.len() {
            return Some(scan);
        }
        self.pubsub.censuses.push_back(scan);
        self.env.moved = true;
        None
    }

    /// Whether all shards can be asked now.
    fn check_census_space(&mut self) -> Result<(), Busy> {
        let Self { pubsub, env, .. } = self;
        if STAGED_MAX <= pubsub.censuses.len() {
            return Err(Busy(Wait::Turn));
        }
        let mut others = ShardId::all(env.shards).filter(|shard| *shard != env.shard);
        let full = others.find(|shard| !pubsub.mail[shard.index()].to_home.has_space());
        full.map_or(Ok(()), |full| Err(Busy::at(full)))
    }

    fn split_census(&mut self, scan: CensusScan) {
        let Self { pubsub, env, .. } = self;
        for (shard, scan) in ShardId::all(env.shards).zip(scan.split()) {
            if shard == env.shard {
                pubsub.censuses.push_back(scan);
                env.moved = true;
            } else {
                let lane = &mut pubsub.mail[shard.index()].to_home;
                lane.push(ToHome::Census(scan));
            }
        }
        env.work.charge(usize::from(env.shards) * WORK_OF_MESSAGE);
    }

    /// Goes on with what is asked, as far as there is time.
    pub(super) fn go_on_with_censuses(&mut self) {
        while !self.env.work.is_spent()
            && let Some(sum) = self.pubsub.census_sums.pop_front()
        {
            let work = CENSUS_TOPICS_AT_ONCE * WORK_OF_LISTED;
            self.env.work.charge(work);
            let rest = sum.add_some(CENSUS_TOPICS_AT_ONCE);
            rest.into_iter()
                .for_each(|rest| self.pubsub.census_sums.push_front(rest));
        }
        while !self.env.work.is_spent()
            && let Some(mut scan) = self.pubsub.censuses.pop_front()
        {
            if self.has_more_topics(&mut scan) {
                self.pubsub.censuses.push_front(scan);
                continue;
            }
            let PubSub {
                fanout,
                homes,
                users,
                ..
            } = &self.pubsub;
            let found = &mut scan.found;
            found.connections = self.conns.len();
            found.users = users.homes.count_users();
            found.subscriptions = fanout.subscriptions();
            found.topics = homes.len();
            let sum = scan.finish(self.env.shard);
            self.pubsub.census_sums.extend(sum);
        }
        let PubSub {
            censuses,
            census_sums,
            ..
        } = &self.pubsub;
        self.env.moved |= !censuses.is_empty() || !census_sums.is_empty();
    }

    /// Looks at some topics; whether there are more.
    fn has_more_topics(&mut self, scan: &mut CensusScan) -> bool {
        let (next, mut found) = (scan.next, std::mem::take(&mut scan.found));
        let next = scan.filter().and_then(|filter| {
            let fanout = &self.pubsub.fanout;
            let listed = found.subscribers.len();
            let next = fanout.scan(next, CENSUS_TOPICS_AT_ONCE, |_, topic, count| {
                if filter(topic.name()) {
                    found.add(topic.name(), count, CENSUS_TOPICS_MAX);
                }
            });
            let listed = found.subscribers.len() - listed;
            let work = CENSUS_TOPICS_AT_ONCE * WORK_OF_STEP + listed * WORK_OF_LISTED;
            self.env.work.charge(work);
            next
        });
        scan.found = found;
        scan.next = next.unwrap_or_default();
        next.is_some() && !scan.found.is_cut
    }
}
