//! The examples as a user meets them: as processes, over sockets, and in a browser.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "test support")]

mod arena;
mod browser;
mod chat;
mod chat_input;
mod echo;
mod example;
#[expect(
    dead_code,
    reason = "its tests are run here; the rest is the example's"
)]
#[path = "../../examples/arena/game/mod.rs"]
mod game;
// The example's; its tests are run here.
#[path = "../../examples/telemetry/history.rs"]
mod history;
#[cfg(feature = "auth")]
mod notes;
mod pages;
mod person;
#[expect(dead_code, reason = "a part of what `it` needs is enough here")]
#[path = "../it/support/mod.rs"]
mod support;
mod telemetry;
