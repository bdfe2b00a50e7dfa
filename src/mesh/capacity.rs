//! How much a lane holds, and how that shrinks as shards are added.

use crate::limits;

/// The bounds of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Messages at most, at least 1. Their places are allocated at start.
    pub messages: usize,
    /// Bytes, at least 1: a lane with fewer on it takes a message of any size.
    pub bytes: usize,
}

impl Capacity {
    /// Of a lane between two shards of a node with `shards`: its share of what one shard's inbox
    /// and the whole mesh may hold.
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

    /// Of the lane that leads to a shard from all threads outside.
    pub fn outside() -> Self {
        Self {
            messages: limits::LANE_MESSAGES_MAX,
            bytes: limits::INBOX_BYTES_MAX,
        }
    }
}

impl Capacity {
    /// With fewer bytes, where all lanes of a kind that lead to one shard may have `memory`: with
    /// their number among so many shards.
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
