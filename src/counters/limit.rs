//! Limits whose effects are counted.

use crate::listed::listed;

/// A limit that no close reason names: its effect is counted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// A connection was refused: the shard or the server has its maximum number.
    Connections,
    /// A connection was closed: the shard has too many bytes of incomplete messages.
    Assembly,
    /// A connection was closed: the shard keeps too many bytes for subscribers that are behind.
    Backlog,
    /// A message of a history was dropped: the shard keeps too many bytes of histories.
    History,
    /// The shard has too many unread replies: a connection was closed, or a reply was not sent.
    Replies,
    /// A connection reads its replies too slowly: it was paused, or missed a message or a pong.
    Outbox,
    /// A subscription was refused: the connection has its maximum number.
    Subscriptions,
    /// A subscription was refused: the topic has its maximum number.
    Subscribers,
    /// A subscription to a pattern was refused: clients of its shard have the maximum number.
    Patterns,
    /// A connection was closed after its last allowed request.
    Requests,
    /// A request was refused: the origin of its page is not allowed.
    Origin,
    /// A connection was refused: its client address has its maximum number.
    Address,
    /// A connection was closed or refused: its user has its maximum number.
    User,
    /// Accepting waited for the accept rate.
    AcceptRate,
    /// A message waited for the rate of its connection.
    RateWait,
    /// A message beyond the rate of its connection was dropped.
    RateDrop,
    /// A message waited for the next turn: this one had no time left to compress it.
    CompressTime,
    /// A compressed message waited for the next turn: this one had no time left to decompress it.
    InflateTime,
    /// A request with a body waited for the next turn: this one had no time left for it.
    BodyTime,
    /// A client waited for its turn to be identified: this one had no time left for it.
    VerifyTime,
}

listed! {
    /// All of them, by [`index`](Self::index).
    pub const ALL: Limit = {
        Connections => "connections",
        Assembly => "assembly",
        Backlog => "backlog",
        History => "history",
        Replies => "replies",
        Outbox => "outbox",
        Subscriptions => "subscriptions",
        Subscribers => "subscribers",
        Patterns => "patterns",
        Requests => "requests",
        Origin => "origin",
        Address => "address",
        User => "user",
        AcceptRate => "accept_rate",
        RateWait => "rate_wait",
        RateDrop => "rate_drop",
        CompressTime => "compress_time",
        InflateTime => "inflate_time",
        BodyTime => "body_time",
        VerifyTime => "verify_time",
    }
}

impl Limit {
    /// How many limits there are.
    pub const COUNT: usize = Self::ALL.len();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_its_place_and_its_label() {
        for (index, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit.index(), index);
            let same = |other: &Limit| other.label() == limit.label();
            assert_eq!(Limit::ALL.iter().filter(|other| same(other)).count(), 1);
        }
    }
}
