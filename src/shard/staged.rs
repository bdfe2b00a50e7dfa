//! Messages at the home of their topic, on their way to its room or its order.

use std::sync::Arc;

use crate::handler::Publisher;
use crate::payload::Payload;
use crate::shard::mail::ToHome;
use crate::topic::once::Once;

/// A message of a connection of the home itself, or of a room, on its way to a room.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) topic: Arc<str>,
    pub(super) payload: Payload,
    pub(super) publisher: Option<Publisher>,
    pub(super) once: Option<Once>,
}

impl Staged {
    pub(super) fn new(
        topic: Arc<str>,
        payload: Payload,
        publisher: Option<Publisher>,
        once: Option<Once>,
    ) -> Self {
        Self {
            topic,
            payload,
            publisher,
            once,
        }
    }
}

impl From<Staged> for ToHome {
    fn from(staged: Staged) -> Self {
        let Staged {
            topic,
            payload,
            publisher,
            once,
        } = staged;
        Self::Publish {
            topic,
            payload,
            publisher,
            once,
        }
    }
}
