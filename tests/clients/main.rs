//! Clients of others against the server, without TLS and with it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "test support")]

#[expect(dead_code, reason = "a part of what `examples` needs is enough here")]
#[path = "../examples/browser.rs"]
mod browser;
mod commands;
mod dashboard;
mod deltas;
mod http;
mod page;
mod proxies;
mod relay;
mod resume;
#[cfg(feature = "auth")]
mod sdk;
mod served;
mod snippets;
#[expect(dead_code, reason = "a part of what `it` needs is enough here")]
#[path = "../it/support/mod.rs"]
mod support;
#[cfg(feature = "auth")]
mod tokens;
mod tools;
mod websocket;
