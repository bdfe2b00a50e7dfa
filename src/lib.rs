//! High-fanout message server for one Linux host.

pub mod close_reason;
pub mod config;
pub mod conn;
pub mod counters;
pub mod handle;
pub mod handler;
pub mod id;
#[cfg(any(test, feature = "internals"))]
#[doc(hidden)]
pub mod internals;
pub mod limits;
pub mod mesh;
pub mod net;
pub mod payload;
pub mod proto;
pub mod relay;
pub mod server;
pub mod shard;
pub mod sys;
pub mod time;
pub mod topic;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;

pub use close_reason::CloseReason;
pub use config::{Config, SlowConsumer};
pub use counters::Counters;
pub use handle::{Handle, PublishError};
pub use handler::{Busy, Handler, Message, Opening};
pub use id::ConnId;
pub use proto::Kind;
pub use proto::http::{Request, Response};
pub use relay::Relay;
pub use server::{Server, ServerBuilder};
pub use shard::cx::Cx;
pub use shard::subscribe::SubscribeError;
