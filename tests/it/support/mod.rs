//! What the integration tests stand on: real servers, and small clients that wait with a limit.

pub(crate) mod api;
pub(crate) mod folder;
pub(crate) mod framed;
pub(crate) mod http;
pub(crate) mod length_prefix;
pub(crate) mod metrics;
pub(crate) mod positions;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod raw_ws;
pub(crate) mod server;
pub(crate) mod socket;
pub(crate) mod switchboard;
pub(crate) mod tls;
pub(crate) mod tools;
pub(crate) mod wait;
pub(crate) mod whence;
pub(crate) mod ws;
