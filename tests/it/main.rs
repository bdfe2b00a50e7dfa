//! The server over real sockets: as a library, and as the program.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "test support")]

mod admin;
mod admission;
mod application;
#[cfg(feature = "auth")]
mod auth;
mod bad_input;
mod balanced;
mod client;
mod cluster;
mod config;
mod deferred;
mod deflate;
mod deploy;
mod descriptors;
mod doctor;
mod fanout;
mod forwarded;
mod gone;
mod handle;
mod health;
mod history;
mod http;
mod kinds;
mod let_go;
mod life;
mod log;
mod monitoring;
mod operators;
mod order;
mod paths;
mod positions;
mod presence;
mod proxied;
mod session;
mod session_tcp;
mod shared;
mod slow;
mod support;
mod throttle;
mod tls;
mod users;
