//! The settings of a client.

use std::time::Duration;

use crate::limits;
use crate::position::Since;
use crate::proto::ws::dial::Offer;

/// The settings of a client's core.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The WebSocket request; `None`: length-prefixed TCP.
    pub(crate) offer: Option<Offer>,
    /// What the client asks for when it connects for the first time.
    pub(crate) since: Since,
    pub(crate) message_bytes_max: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) ping_interval: Duration,
    pub(crate) pong_timeout: Duration,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) backoff_base: Duration,
    pub(crate) backoff_cap: Duration,
    pub(crate) reconnect: bool,
    pub(crate) retry_refusals: bool,
    /// Each attempt has a token of its own.
    pub(crate) renews_token: bool,
}

impl Settings {
    pub(crate) fn new(offer: Option<Offer>) -> Self {
        Self {
            offer,
            since: Since::Default,
            message_bytes_max: limits::MESSAGE_BYTES_MAX,
            connect_timeout: limits::CONNECT_TIMEOUT,
            handshake_timeout: limits::HANDSHAKE_TIMEOUT,
            ping_interval: limits::PING_INTERVAL,
            pong_timeout: limits::PONG_TIMEOUT,
            idle_timeout: None,
            backoff_base: limits::BACKOFF_BASE,
            backoff_cap: limits::BACKOFF_CAP,
            reconnect: true,
            retry_refusals: false,
            renews_token: false,
        }
    }
}
