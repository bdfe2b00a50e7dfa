//! High-fanout message server for one Linux host.

#[cfg(any(test, feature = "internals"))]
#[doc(hidden)]
pub mod internals;
pub mod limits;
pub mod proto;
