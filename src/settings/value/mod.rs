//! Values of keys: what may be written for each, and how it reads.

pub(crate) mod auth;
mod choices;
pub(super) mod cluster;
pub(crate) mod list;
pub(crate) mod number;
pub(crate) mod operators;
pub(crate) mod rate;
pub(crate) mod revoked;
pub(crate) mod secret;
pub(crate) mod tls;
pub(crate) mod units;
