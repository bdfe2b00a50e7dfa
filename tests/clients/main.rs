//! Clients of others against the server.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "test support")]

mod http;
#[expect(dead_code, reason = "a part of what `it` needs is enough here")]
#[path = "../it/support/mod.rs"]
mod support;
