//! Mail from any thread to the home of a topic or a user.

use std::sync::Arc;
use std::time::Instant;

use crate::handler::{Busy, Publish, PublishError, Wait, check_message};
use crate::id::ShardId;
use crate::mesh::Refused;
use crate::payload::Payload;
use crate::proto::Kind;
use crate::server::handle::Handle;
use crate::shard::mail::{Origin, Publication, ToHome, Weigh};
use crate::topic::{Topic, TopicName};

impl Handle {
    /// A message, and the home of its topic.
    pub(super) fn address(
        &self,
        topic: &(impl TopicName + ?Sized),
        kind: Kind,
        payload: &[u8],
        publish: Publish<'_>,
    ) -> Result<(ShardId, ToHome), PublishError> {
        publish.check()?;
        let topic = Topic::named(topic)?;
        check_message(kind, payload)?;
        self.check_serving()?;
        let home = self.home_of(&topic);
        let payload = Payload {
            kind,
            bytes: Arc::from(payload),
        };
        let publication = Publication {
            extras: publish.into_extras(&topic),
            ..Publication::new(topic.into_owned(), payload, Origin::Handle)
        };
        Ok((home, ToHome::Publish(publication)))
    }

    /// Does not wait for space.
    pub(super) fn send(&self, home: ShardId, mail: ToHome) -> Result<(), PublishError> {
        let weight = mail.weight();
        let sent = self.outside.try_send(home, mail, weight);
        sent.map_err(|refused| why(&refused))
    }

    /// Waits for space until `deadline`.
    pub(super) fn send_deadline(
        &self,
        home: ShardId,
        mail: ToHome,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        let weight = mail.weight();
        let sent = self.outside.send_deadline(home, mail, weight, deadline);
        sent.map_err(|refused| why(&refused))
    }
}

fn why(refused: &Refused<ToHome>) -> PublishError {
    match refused {
        Refused::Full(_) => PublishError::Busy(Busy(Wait::Outside)),
        Refused::Gone(_) => PublishError::Stopped,
    }
}
