//! The backplane: what an engine that several servers share does for them. It sets the order of
//! shared topics, keeps their history, and passes what is published on one server to all others.

mod counters;

use std::time::Instant;

pub use crate::backplane::counters::BackplaneCounters;
use crate::id::ShardId;
use crate::shard::mail::{Inward, Outward};
use crate::topic::Topic;

/// An engine. It has a thread of its own, on which it may wait.
pub trait Backplane: Send + 'static {
    /// Serves the homes until [`Link::is_stopped`]. A server whose backplane returns before that
    /// stops.
    fn run(self: Box<Self>, link: Box<dyn Link>);
}

/// The way between an engine and the homes of one server.
pub trait Link: Send {
    /// Waits until there is mail, or the server stops, or until `deadline`.
    fn wait(&self, deadline: Instant);

    /// The next mail of a home. That of one home comes in its order.
    fn next(&self) -> Option<Outward>;

    /// Gives mail to the home of its topic; waits for space until `deadline`.
    ///
    /// # Errors
    ///
    /// The mail, if there was no space for it, or the server has stopped.
    fn send(&self, mail: Inward, deadline: Instant) -> Result<(), Inward>;

    /// Another way to the homes, for another thread of the engine. It gets no mail.
    fn sender(&self) -> Box<dyn Link>;

    /// Ends the wait of [`wait`](Self::wait), from any thread.
    fn waker(&self) -> Box<dyn Fn() + Send + Sync>;

    /// How many shards there are.
    fn shards(&self) -> u16;

    /// The home of a topic.
    fn home(&self, topic: &Topic) -> ShardId;

    /// Whether the server has stopped: its homes take nothing more. What they have left may still
    /// be had of [`next`](Self::next), and is to be published within a bounded time.
    fn is_stopped(&self) -> bool;
}
