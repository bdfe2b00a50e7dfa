//! Typed identifiers, displayed as they are logged.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// A shard of this server: its index, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(u16);

impl ShardId {
    /// The shard of this index.
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// Its index.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Its place among all shards.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The home among `shards` of what has this hash.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "some bits of the hash; a number below `shards`"
    )]
    pub(crate) const fn of_hash(hash: u64, shards: u16) -> Self {
        // Not by the lowest bits or the highest: by those a table of the home finds its entries,
        // and they must differ among the entries of one home.
        let bits = (hash >> 16) as u32 as u64;
        Self(((bits * shards as u64) >> 32) as u16)
    }

    /// The first `shards` ids, in order: those of a server of so many.
    pub(crate) fn all(shards: u16) -> impl ExactSizeIterator<Item = Self> {
        (0..shards).map(Self)
    }
}

/// Keys: places in the tables of a shard, with a type for each table, so that none is looked up in
/// another. Another entry may have the place when this one is gone.
macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) u32);

        impl $name {
            /// The key of this place.
            pub(crate) fn new(index: usize) -> Self {
                Self(key32(index))
            }

            /// Its place.
            pub(crate) const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

keys! {
    /// A connection of a shard.
    ConnKey;
    /// A topic with subscribers on a shard.
    TopicKey;
    /// A room on a shard.
    RoomKey;
}

/// Keys that may be missing: `None` takes no space beside them.
macro_rules! optional_keys {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name(NonZeroU32);

        impl $name {
            /// The key of this place.
            pub(crate) fn new(index: usize) -> Self {
                Self(NonZeroU32::MIN.saturating_add(key32(index)))
            }

            /// Its place.
            pub(crate) const fn index(self) -> usize {
                self.0.get() as usize - 1
            }
        }

        const _: () = assert!(size_of::<Option<$name>>() == 4);
    )*};
}

optional_keys! {
    /// A feed of a shard.
    FeedKey;
    /// What a shard keeps of the user of a connection.
    UserKey;
    /// A ring of a shard: of the messages of a topic.
    RingKey;
    /// A pattern that is subscribed to.
    PatternKey;
    /// A level of such patterns.
    LevelKey;
}

/// One connection of one shard. An id is not reused while the shard runs, but its key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    /// The place in the shard's table.
    pub(crate) key: ConnKey,
    /// Tells this connection from earlier ones with the same key.
    pub(crate) generation: u32,
}

impl ConnId {
    /// The id as one word, which the kernel carries as the token of an event.
    pub(crate) fn pack(self) -> usize {
        (self.generation as usize) << 32 | self.key.index()
    }

    /// The id of a token made by [`pack`](Self::pack).
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the two halves of a packed word"
    )]
    pub(crate) fn unpack(token: usize) -> Self {
        Self {
            key: ConnKey(token as u32),
            generation: (token >> 32) as u32,
        }
    }
}

/// A connection of any shard. As text, `SHARD.KEY.GENERATION`: the log has the shard, and the rest
/// as the connection's id.
///
/// ```
/// let id: corecast::ConnectionId = "3.17.2".parse()?;
/// assert_eq!(id.to_string(), "3.17.2");
/// # Ok::<(), corecast::ConnectionIdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    /// The connection's shard.
    pub shard: ShardId,
    /// The connection on that shard.
    pub conn: ConnId,
}

/// A text that is no [`ConnectionId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a connection is SHARD.KEY.GENERATION, such as 3.17.2")]
pub struct ConnectionIdError;

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.shard, self.conn)
    }
}

impl FromStr for ConnectionId {
    type Err = ConnectionIdError;

    fn from_str(text: &str) -> Result<Self, ConnectionIdError> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(ConnectionIdError);
        let id = Self {
            shard: ShardId(part()?.parse().map_err(|_| ConnectionIdError)?),
            conn: ConnId {
                key: ConnKey(part()?.parse().map_err(|_| ConnectionIdError)?),
                generation: part()?.parse().map_err(|_| ConnectionIdError)?,
            },
        };
        // Another spelling of the numbers, such as `+3`, is no id.
        (id.to_string() == text)
            .then_some(id)
            .ok_or(ConnectionIdError)
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl LevelKey {
    /// The first key.
    pub(crate) const FIRST: Self = Self(NonZeroU32::MIN);
}

impl fmt::Display for FeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.index().fmt(f)
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.key.0, self.generation)
    }
}

/// A slab key as 32 bits, as connections and members store it.
///
/// The number of file descriptors bounds the slabs, so 32 bits are enough.
pub(crate) fn key32(key: usize) -> u32 {
    debug_assert!(u32::try_from(key).is_ok());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked above in debug builds"
    )]
    let key = key as u32;
    key
}
