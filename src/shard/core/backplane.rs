//! Mail between the shard and a backplane.

use crate::handler::Handler;
use crate::shard::core::ShardCore;
use crate::shard::core::pubsub::shared::Shared;
use crate::shard::core::shard::Shard;
use crate::shard::core::work::Share;
use crate::shard::mail::{Inward, Outgoing, Outward};

impl<H: Handler> ShardCore<H> {
    /// Has an engine set the order of topics that are not local, from now on.
    pub fn set_backplane(&mut self) {
        let Shard { env, pubsub, .. } = &mut self.shard;
        pubsub.shared = Some(Box::new(Shared::new(env.config.namespaces.clone())));
    }

    /// Mail of the backplane; given back if there is no space to pass it on.
    pub fn handle_inward(&mut self, mail: Inward) -> Option<Inward> {
        if !self.shard.env.begin_mail(Share::ToHome) {
            return Some(mail);
        }
        self.shard.take_inward(mail)
    }

    /// The mail for the backplane, if there is one; to be emptied and given new space.
    pub fn outward(&mut self) -> Option<&mut Outgoing<Outward>> {
        let Shard { env, pubsub, .. } = &mut self.shard;
        pubsub.mail_attachments(env);
        Some(&mut pubsub.shared.as_mut()?.mail)
    }
}
