//! High-fanout message server for one Linux host.

pub mod close_reason;
pub mod config;
pub mod conn;
pub mod counters;
pub mod handler;
pub mod id;
#[cfg(any(test, feature = "internals"))]
#[doc(hidden)]
pub mod internals;
pub mod limits;
pub mod net;
pub mod payload;
pub mod proto;
pub mod shard;
pub mod sys;
pub mod time;
pub mod topic;
