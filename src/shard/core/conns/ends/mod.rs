//! How connections end: with a last word and its acknowledgement, one by one or all in a drain.

mod close;
pub(crate) mod drain;
pub(crate) mod linger;
mod reap;
