//! How a connection is subscribed, beyond its topic.

use std::sync::Arc;

use crate::position::Since;

/// How a connection is subscribed, beyond its topic. The default subscribes as
/// [`Cx::subscribe`](crate::Cx::subscribe) does.
///
/// ```
/// # use corecast::{Cx, Subscribe, SubscribeError};
/// # fn enter(cx: &mut Cx<'_, ()>) -> Result<(), SubscribeError> {
/// let subscribe = Subscribe::new().conn_info(&br#"{"name":"Ann"}"#[..]).joins();
/// cx.subscribe_with("chat:7", subscribe)
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it is given to a call that subscribes"]
pub struct Subscribe<'s> {
    pub(crate) since: Since,
    pub(crate) tag: &'s [u8],
    pub(crate) conn_info: Option<Arc<[u8]>>,
    pub(crate) chan_info: Option<Arc<[u8]>>,
    pub(crate) joins: bool,
    /// More follow, and the homes of all are asked together.
    pub(crate) is_of_many: bool,
}

impl<'s> Subscribe<'s> {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// From a place in the topic's history on; see
    /// [`Cx::subscribe_since`](crate::Cx::subscribe_since).
    pub fn since(mut self, since: Since) -> Self {
        self.since = since;
        self
    }

    /// A tag that the topic's room gets; see [`Cx::subscribe_as`](crate::Cx::subscribe_as).
    pub fn tag(mut self, tag: &'s [u8]) -> Self {
        self.tag = tag;
        self
    }

    /// What those that ask for the topic's [presence](crate::Cx::presence) are told of the
    /// connection, at most [`CLIENT_INFO_BYTES_MAX`](crate::limits::CLIENT_INFO_BYTES_MAX) bytes.
    /// It is kept at the topic's home.
    pub fn conn_info(mut self, info: impl Into<Arc<[u8]>>) -> Self {
        self.conn_info = Some(info.into());
        self
    }

    /// What they are told of it as a client of this topic, as long as that.
    pub fn chan_info(mut self, info: impl Into<Arc<[u8]>>) -> Self {
        self.chan_info = Some(info.into());
        self
    }

    /// Whether the topic's home may have to be told more than that it is subscribed.
    pub(crate) fn says_more(&self) -> bool {
        let infos = [&self.conn_info, &self.chan_info];
        self.joins || !self.tag.is_empty() || infos.into_iter().any(Option::is_some)
    }

    /// The client is told of the joins and leaves of the topic's clients, if the topic
    /// [tells them](crate::TopicSettings::join_leave) and the connection's protocol carries them.
    pub fn joins(mut self) -> Self {
        self.joins = true;
        self
    }
}
