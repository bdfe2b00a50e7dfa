//! A message on its way from its home to shards.

use std::sync::Arc;

use crate::handler::Publisher;
use crate::id::{ConnId, ShardId};
use crate::payload::{Entry, Extra, Payload, PayloadBytes};
use crate::position::Position;
use crate::topic::Topic;

/// A message that has its place in the order of its topic.
pub(super) struct Ordered<'m, B> {
    pub(super) topic: &'m Topic,
    pub(super) position: Option<Position>,
    pub(super) payload: &'m Payload<B>,
    /// Copied once, for the history or the first peer.
    pub(super) shared: Option<Payload>,
    pub(super) extra: Option<&'m Arc<Extra>>,
    pub(super) excluded: Option<Publisher>,
}

impl<B: PayloadBytes> Ordered<'_, B> {
    pub(super) fn entry(&self) -> Entry<'_> {
        let extra = self.extra.map(|extra| &**extra);
        Entry::new(self.position, self.payload.borrowed(), extra)
    }

    pub(super) fn shared(&mut self) -> Payload {
        let payload = self.payload;
        let shared = self.shared.get_or_insert_with(|| payload.clone().shared());
        shared.clone()
    }

    /// Its publisher, if that is on this shard and does not get it.
    pub(super) fn excluded_on(&self, shard: ShardId) -> Option<ConnId> {
        let excluded = self.excluded.filter(|publisher| publisher.shard == shard);
        excluded.map(|publisher| publisher.conn)
    }
}
