//! High-fanout message server for one Linux host: a published message reaches every subscriber of
//! its topic, on every core, in one order.
//!
//! ```text
//!              clients: WebSocket and length-prefixed TCP
//!          |           |           |           |          SO_REUSEPORT spreads them
//!     +---------+ +---------+ +---------+ +---------+
//!     | shard 0 | | shard 1 | | shard 2 | | shard 3 |     a thread each, with its own
//!     |  loop   | |  loop   | |  loop   | |  loop   |     epoll loop, descriptor table,
//!     |  core   | |  core   | |  core   | |  core   |     connections, topics, timers
//!     +----+----+ +----+----+ +----+----+ +----+----+
//!          +-----------+-----+-----+-----------+          lanes: bounded channels, two for each
//!                            |                            ordered pair of shards
//!                    Handle: any thread
//! ```
//!
//! Each topic has one home shard, which sets the order of its messages and passes them to the
//! shards that have subscribers. Each of these encodes a message once for each wire form, and every
//! subscriber is a cursor into the encoded bytes. There is no async runtime and no lock in the data
//! path.
//!
//! An application is a [`Handler`]: one value for each shard, created on that shard's thread. The
//! `corecast` program runs [`Relay`].
//!
//! ```
//! use std::io::Read;
//! use std::net::TcpStream;
//!
//! use corecast::{Kind, Relay, Server};
//!
//! let server = Server::builder()
//!     .tcp("127.0.0.1:0".parse()?, "news")
//!     .shards(2)
//!     .start(|_shard| Relay::default())?;
//!
//! let mut subscriber = TcpStream::connect(server.tcp_addrs()[0])?;
//! let mut live = [0; 4];
//! subscriber.read_exact(&mut live)?; // An empty frame: later messages arrive.
//!
//! server.handle().publish("news", Kind::Text, b"hello")?;
//!
//! let mut frame = [0; 9];
//! subscriber.read_exact(&mut frame)?;
//! assert_eq!(&frame, b"\0\0\0\x05hello");
//!
//! server.handle().drain();
//! drop(subscriber);
//! server.join()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where an application keeps its state
//!
//! | state | place | receives |
//! |---|---|---|
//! | of one connection | [`Handler::Conn`], through [`Cx::data`] | that connection's messages |
//! | of one shard | the [`Handler`] itself | its connections, [ticks](Handler::on_tick) |
//! | of one topic | a [`Room`], at the topic's home | every message of the topic, in order |
//! | of the whole server | outside the shards, with a [`Handle`]; asked through [`Cx::defer`] |
//! what it is asked |
//!
//! # Ending on Ctrl-C
//!
//! The library installs no signal handler: the program decides what signals mean. With the crate
//! `signal-hook`:
//!
//! ```no_run
//! use corecast::{Relay, Server};
//! use signal_hook::consts::{SIGINT, SIGTERM};
//! use signal_hook::iterator::Signals;
//!
//! fn main() -> Result<(), corecast::Error> {
//!     // Before the shards start, so that no signal can kill them.
//!     let mut signals = Signals::new([SIGINT, SIGTERM])?;
//!     let server = Server::builder()
//!         .http("127.0.0.1:8080".parse()?)
//!         .start(|_shard| Relay::default())?;
//!     let handle = server.handle().clone();
//!     std::thread::spawn(move || {
//!         let mut signals = signals.forever();
//!         signals.next();
//!         // Sends what was published, closes all connections, and makes `join` return.
//!         handle.drain();
//!         signals.next();
//!         std::process::exit(130); // The second signal ends it at once.
//!     });
//!     server.join()
//! }
//! ```
//!
//! With the crate `ctrlc`, which handles only SIGINT and calls back on its own thread, use
//! `ctrlc::set_handler(move || handle.drain())`. Neither delivers signals on a shard's thread:
//! shards block all signals, because a file descriptor of the handler would be a different one
//! there.
//!
//! A client for programs without an async runtime is in [`client`].
//!
//! # Stability
//!
//! Documented items are stable within a minor version. [`Config`] may get more fields: end it with
//! `..Config::default()`. Items hidden from the documentation, and everything that the feature
//! `internals` adds, may change at any time.
//!
//! The feature `cli` (on by default) adds the `corecast` program.

#[doc(hidden)]
pub mod address;
pub mod auth;
#[doc(hidden)]
pub mod backplane;
mod cells;
pub mod client;
#[doc(hidden)]
pub mod close_reason;
#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod counters;
#[doc(hidden)]
pub mod denial;
mod error;
#[doc(hidden)]
pub mod handler;
#[doc(hidden)]
pub mod id;
#[cfg(any(test, feature = "internals"))]
#[doc(hidden)]
pub mod internals;
pub mod limits;
mod listed;
#[doc(hidden)]
pub mod mesh;
#[doc(hidden)]
pub mod net;
mod pattern;
#[doc(hidden)]
pub mod payload;
#[doc(hidden)]
pub mod position;
#[doc(hidden)]
pub mod proto;
mod published;
#[cfg(feature = "cluster")]
#[doc(hidden)]
pub mod redis;
#[doc(hidden)]
pub mod relay;
#[doc(hidden)]
pub mod renewal;
#[doc(hidden)]
pub mod server;
#[doc(hidden)]
pub mod shard;
#[doc(hidden)]
pub mod sys;
#[doc(hidden)]
pub mod throttle;
#[doc(hidden)]
pub mod time;
#[cfg_attr(not(feature = "tls"), doc(hidden))]
pub mod tls;
#[doc(hidden)]
pub mod topic;
mod user;

#[cfg(feature = "admin")]
#[doc(hidden)]
pub mod admin;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod doctor;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod settings;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use address::{Network, NetworkError, Networks};
#[cfg(feature = "admin")]
pub use admin::Admin;
pub use close_reason::CloseReason;
pub use config::{
    BeyondRate, BeyondUserLimit, Config, First, Flush, HistorySettings, Namespaces, Scope,
    ScopeError, SlowConsumer, TopicSettings,
};
pub use counters::{Counters, Limit};
pub use error::Error;
pub use handler::{
    Busy, Census, ClientInfo, ConnectCommand, Connected, ConnectionInfo, Disconnect, Failure,
    Grant, Halt, Handler, HistoryError, HistoryFilter, HistoryMessage, HistoryPage, Message,
    Opening, PresenceError, PresenceList, PresenceStats, Publish, PublishCommand, PublishError,
    Publisher, Query, Refusal, Room, RoomCx, RpcCommand, Selection, Sent, ServerSubscription,
    SessionStream, SharedMessage, Subscribe, SubscribeCommand, Subscribed, TopicEvent, Unanswered,
    UserError,
};
pub use id::{ConnId, ConnectionId, ConnectionIdError, ShardId};
pub use net::{ListenAddr, ListenAddrError, ListenError};
pub use position::{Epoch, Position, PositionError, Since};
pub use proto::centrifuge::{
    DisconnectCode, Error as CommandError, ErrorCode, Wire as SessionFormat,
};
pub use proto::http::{
    HeadLimits, HttpError, OriginError, Origins, Request, Response, topic_from_path,
};
pub use proto::positions;
pub use proto::ws::deflate::Compression;
pub use proto::{Framing, Kind, ProtocolError, Role};
pub use relay::{ApiKey, Relay, RelayRenewer, RelaySettings};
#[cfg(feature = "auth")]
pub use server::ReloadAuthError;
pub use server::handle::Handle;
pub use server::reload::ReloadError;
pub use server::{Server, ServerBuilder};
pub use shard::core::app::cx::Cx;
pub use shard::core::app::shard_cx::{ConnCx, ShardCx};
pub use shard::core::conns::questions::Deferred;
pub use shard::core::pubsub::subscribe::SubscribeError;
pub use shard::{Balance, Listener};
pub use time::{Rate, Tick};
pub use topic::patterns::{TopicPattern, TopicPatternError};
pub use topic::{Topic, TopicName, TopicNameError};
