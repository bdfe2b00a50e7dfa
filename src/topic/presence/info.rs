//! What is said of a client of a topic.

use std::sync::Arc;

use crate::id::ConnectionId;
use crate::proto::centrifuge;

/// A client of a topic: a connection that is subscribed to it, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The connection. Its id as text is the id of the client.
    pub client: ConnectionId,
    /// Its user; empty if it has none.
    pub user: Arc<str>,
    /// What is said of the connection, as its application has given it.
    pub conn_info: Option<Arc<[u8]>>,
    /// What is said of it as a client of this topic.
    pub chan_info: Option<Arc<[u8]>>,
}

impl From<&ClientInfo> for centrifuge::ClientInfo {
    fn from(info: &ClientInfo) -> Self {
        let bytes = |info: &Option<Arc<[u8]>>| info.as_deref().unwrap_or_default().to_vec();
        Self {
            user: info.user.to_string(),
            client: info.client.to_string(),
            conn_info: bytes(&info.conn_info),
            chan_info: bytes(&info.chan_info),
        }
    }
}

impl ClientInfo {
    /// Bytes of what is said.
    pub(crate) fn weight(&self) -> usize {
        let info = [&self.conn_info, &self.chan_info].into_iter().flatten();
        self.user.len() + info.map(|info| info.len()).sum::<usize>()
    }
}
