//! A message for several topics.

use std::sync::Arc;

use crate::handler::{PublishError, check_message};
use crate::payload::Payload;
use crate::proto::Kind;

/// A message for several topics. It is checked and copied once, for any number of
/// [topics](crate::Cx::publish_shared).
#[derive(Clone, Debug)]
pub struct SharedMessage(Payload);

impl SharedMessage {
    /// Copies and checks a message.
    ///
    /// # Errors
    ///
    /// [`PublishError::Message`].
    pub fn new(kind: Kind, payload: &[u8]) -> Result<Self, PublishError> {
        check_message(kind, payload)?;
        let bytes = Arc::from(payload);
        Ok(Self(Payload { kind, bytes }))
    }

    pub(crate) fn payload(&self) -> &Payload {
        &self.0
    }
}
