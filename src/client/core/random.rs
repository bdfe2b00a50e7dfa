//! Unpredictable numbers, from a source given from outside.

/// Random bytes, fetched many at a time.
#[derive(Debug)]
pub(crate) struct Random {
    fill: fn(&mut [u8]),
    /// `pool[..left]` has not been used.
    pool: [u8; POOL_LEN],
    left: usize,
}

impl Random {
    pub(crate) fn new(fill: fn(&mut [u8])) -> Self {
        Self {
            fill,
            pool: [0; POOL_LEN],
            left: 0,
        }
    }

    /// The next `N` bytes, which are used only once. `N <= POOL_LEN`.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        if self.left < N {
            (self.fill)(&mut self.pool);
            self.left = POOL_LEN;
        }
        self.left -= N;
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.pool[self.left..self.left + N]);
        bytes
    }

    /// A uniformly distributed number.
    pub(crate) fn number(&mut self) -> u64 {
        u64::from_ne_bytes(self.bytes())
    }
}

/// One call for 64 masking keys. The kernel returns up to 256 bytes at once (`getrandom(2)`).
const POOL_LEN: usize = 256;

#[cfg(test)]
mod tests {
    use super::{POOL_LEN, Random};

    #[test]
    fn no_byte_is_used_twice() {
        let mut random = Random::new(|pool| {
            for (at, byte) in pool.iter_mut().enumerate() {
                *byte = u8::try_from(at).unwrap();
            }
        });
        let mut seen = Vec::new();
        for _ in 0..POOL_LEN / 4 {
            seen.extend(random.bytes::<4>());
        }
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..=u8::MAX));
    }
}
