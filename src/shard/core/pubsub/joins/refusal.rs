//! Joins that the home of a topic refuses: the topic has as many subscribers as it may have.

use crate::id::{ConnId, ConnKey};
use crate::proto::http::Reader;
use crate::shard::core::conn::subs::WAITING;
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::shard::core::pubsub::users::Page;
use crate::shard::mail::Joined;

impl PubSub {
    /// The home has refused a join. Returns the page that may read that, if the connection is still
    /// there and waits for it.
    pub(crate) fn join_refused(&mut self, id: ConnId, joined: &Joined) -> Option<Option<Page>> {
        self.catch_ups.note_answer(joined.ticket);
        let place = (id.key, joined.key);
        let joining = self.joins.waiting.get(&place);
        joining.filter(|joining| joining.ticket == Some(joined.ticket))?;
        let joining = self.joins.waiting.remove(&place)?;
        Some(joining.page.map(|page| *page))
    }

    /// Keeps which page may read the refusals of a connection that waits for topics.
    pub(crate) fn keep_page<D>(
        &mut self,
        conns: &Conns<D>,
        env: &Env,
        key: ConnKey,
        page: Reader<'_>,
    ) {
        let subs = conns.get(key).map_or(&[][..], |conn| conn.subs.as_slice());
        for sub in subs.iter().filter(|sub| sub.index() == WAITING) {
            let settings = self.fanout.settings(sub.topic, &env.config.namespaces);
            if settings.is_some_and(|settings| settings.subscribers_max.is_some()) {
                let joining = self.joins.waiting.entry((key, sub.topic)).or_default();
                joining.page = Some(Box::new(page.into()));
            }
        }
    }
}
