//! The client of a connection, and what it holds.

/// The client of a connection, by a hash of its address; where it holds something, its place
/// among those that do, where that stands as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tab(pub(crate) u32);

impl Tab {
    /// Of the client with this hash, of which a bit is left out.
    pub(crate) const fn client(hash: u32) -> Self {
        Self(hash & !HOLDS)
    }

    /// At this place.
    pub(crate) const fn at(place: u32) -> Self {
        Self(place | HOLDS)
    }

    /// The place, if the connection holds something.
    pub(crate) fn place(self) -> Option<u32> {
        (self.0 & HOLDS != 0).then_some(self.0 & !HOLDS)
    }
}

const HOLDS: u32 = 1 << 31;

/// Bytes of memory that a connection holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Of an incomplete message or body, or of input behind one that waits.
    pub(crate) unfinished: u32,
    /// Of a message that waits.
    pub(crate) waiting: u32,
    /// Of earlier messages, to which compressed ones may refer.
    pub(crate) context: u32,
}

impl Held {
    pub(crate) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// Of messages alone.
    pub(crate) fn sum(self) -> u32 {
        self.unfinished.saturating_add(self.waiting)
    }
}
