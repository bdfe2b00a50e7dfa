//! What operators look at, as the admin port asks for it.

use crate::handler::{HomeReply, PublishError};
use crate::id::ShardId;
use crate::server::handle::Handle;
pub(crate) use crate::shard::mail::{
    ConnectionFilter, ConnectionRow, Seen, Subject, TopicQuery, TopicRow,
};
use crate::shard::mail::{Inquiry, Look, ToHome};

impl Handle {
    /// Asks one shard, from this place on; `reply` runs on its thread, and must not wait.
    pub(crate) fn look(
        &self,
        shard: ShardId,
        subject: Subject,
        from: usize,
        reply: impl FnOnce(Seen) + Send + Sync + 'static,
    ) -> Result<(), PublishError> {
        let look = Look::new(subject, from, HomeReply::new(reply));
        self.send(shard, ToHome::Operator(Inquiry::Look(Box::new(look))))
    }

    /// The ids of all shards.
    pub(crate) fn shard_ids(&self) -> impl ExactSizeIterator<Item = ShardId> + use<> {
        ShardId::all(self.outside.shards())
    }
}
