//! The capacity of lanes, which shrinks with the number of shards.

use crate::limits;

/// The capacity of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Maximum number of messages, at least 1. Their places are allocated at the start.
    pub messages: usize,
    /// Maximum number of bytes, at least 1. A lane with fewer bytes takes a message of any size.
    pub bytes: usize,
}

impl Capacity {
    /// The capacity of a lane between two of `shards` shards: its share of the limits of one
    /// shard's inbox and of the whole mesh.
    pub fn between(shards: usize) -> Self {
        let shards = shards.max(1);
        let of_inbox = limits::INBOX_MESSAGES_MAX / shards;
        let of_mesh = limits::MESH_MESSAGES_MAX / shards.saturating_mul(shards);
        Self {
            messages: of_inbox
                .min(of_mesh)
                .clamp(limits::LANE_MESSAGES_MIN, limits::LANE_MESSAGES_MAX),
            bytes: (limits::INBOX_BYTES_MAX / shards).max(limits::LANE_BYTES_MIN),
        }
    }

    /// The capacity of the lane to a shard from all threads outside.
    pub fn outside() -> Self {
        Self {
            messages: limits::LANE_MESSAGES_MAX,
            bytes: limits::INBOX_BYTES_MAX,
        }
    }
}

impl Capacity {
    /// Reduces the bytes, and with them the messages, if all lanes of one direction to a shard may
    /// use `memory` bytes.
    #[must_use]
    pub fn within(self, memory: usize, shards: usize) -> Self {
        let share = memory / shards.max(1);
        Self {
            bytes: self.bytes.min(share.max(limits::LANE_BYTES_MIN)),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shards: usize, messages: usize, bytes: usize) {
        let expected = Capacity { messages, bytes };
        assert_eq!(Capacity::between(shards), expected, "{shards} shards");
    }

    #[test]
    fn few_shards_have_long_lanes_and_many_short_ones() {
        check(0, 1024, 16 << 20);
        check(1, 1024, 16 << 20);
        check(2, 1024, 8 << 20);
        check(4, 1024, 4 << 20);
        check(5, 819, (16 << 20) / 5);
        check(53, 77, (16 << 20) / 53);
        check(64, 64, 256 << 10);
        check(65, 62, 256 << 10);
        check(1 << 20, 4, 256 << 10);
        check(usize::MAX, 4, 256 << 10);
    }

    #[test]
    fn lanes_follow_the_memory_there_is() {
        let bytes = |memory, shards| Capacity::between(shards).within(memory, shards).bytes;
        assert_eq!(bytes(1 << 30, 2), 8 << 20);
        assert_eq!(bytes(4 << 20, 2), 2 << 20);
        assert_eq!(bytes(0, 2), 256 << 10);
        assert_eq!(Capacity::outside().within(4 << 20, 1).bytes, 4 << 20);
    }

    #[test]
    fn all_lanes_of_a_node_are_allocated_in_64_mib() {
        const PLACE_BYTES: usize = 128;
        for shards in 1..=256 {
            let lanes = 2 * shards * (shards - 1);
            let allocated = lanes * Capacity::between(shards).messages * PLACE_BYTES;
            assert!(allocated <= 64 << 20, "{shards} shards: {allocated} bytes");
        }
    }
}
