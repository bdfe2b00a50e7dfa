//! Random numbers for names and for waits; nothing secret.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use rustix::rand::{GetRandomFlags, getrandom};

/// Numbers that no other server has (SplitMix64 from a seed of the kernel).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        let mut seed = [0; 8];
        if getrandom(&mut seed, GetRandomFlags::empty()) == Ok(seed.len()) {
            return Self(u64::from_le_bytes(seed));
        }
        // Linux has the call since 3.17. The keys of a hasher come from the kernel as well.
        Self(RandomState::new().build_hasher().finish())
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A wait before the next attempt: any up to a bound that doubles with each.
    pub(crate) fn wait(&mut self, attempt: u32) -> Duration {
        let bound = (WAIT_FIRST_MS << attempt.min(16)).min(WAIT_MAX_MS);
        Duration::from_millis(1 + self.number() % bound)
    }
}

const WAIT_FIRST_MS: u64 = 100;
const WAIT_MAX_MS: u64 = 5_000;
