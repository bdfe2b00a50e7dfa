//! The examples as a user meets them: as processes, over sockets, and in a browser.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "test support")]

mod browser;
mod chat;
mod chat_input;
mod echo;
mod example;
mod pages;
mod person;
#[expect(dead_code, reason = "a part of what `it` needs is enough here")]
#[path = "../it/support/mod.rs"]
mod support;
mod telemetry;
