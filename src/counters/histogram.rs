//! The bounds of histograms.

/// The upper bounds of a histogram: the first, and each a power of two times the one before. What
/// is above all of them has a place of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    first: u64,
    /// The binary logarithm of the factor from one to the next.
    step: u32,
    count: usize,
}

/// Durations of turns in microseconds: 16 µs to 1.05 s.
pub const TURN_MICROS: Bounds = Bounds::new(16, 1, 17);

/// Durations of deliveries in microseconds: 64 µs to 8.4 s.
pub const DELIVERY_MICROS: Bounds = Bounds::new(64, 1, 18);

/// Subscribers of a message on a shard: 1 to 1,048,576.
pub const FANOUT_SUBSCRIBERS: Bounds = Bounds::new(1, 2, 11);

impl Bounds {
    const fn new(first: u64, step: u32, count: usize) -> Self {
        Self { first, step, count }
    }

    /// How many places a histogram with these bounds has.
    pub const fn places(self) -> usize {
        self.count + 1
    }

    /// The place of a value.
    pub(crate) fn place(self, value: u64) -> usize {
        let parts = value.div_ceil(self.first).max(1);
        let doubles = u64::BITS - (parts - 1).leading_zeros();
        (doubles.div_ceil(self.step) as usize).min(self.count)
    }

    /// The largest value at a place; none for the last, which has the values above all bounds.
    pub fn bound(self, place: usize) -> Option<u64> {
        (place < self.count).then(|| self.first << (self.step * u32::try_from(place).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_below_the_first_bound_that_holds_it() {
        for bounds in [TURN_MICROS, DELIVERY_MICROS, FANOUT_SUBSCRIBERS] {
            for place in 0..bounds.count {
                let bound = bounds.bound(place).unwrap();
                assert_eq!(bounds.place(bound), place, "{bounds:?} {bound}");
                assert_eq!(
                    bounds.place(bound + 1),
                    place + 1,
                    "{bounds:?} over {bound}"
                );
            }
            assert_eq!(bounds.place(0), 0);
            assert_eq!(bounds.place(u64::MAX), bounds.count);
            assert_eq!(bounds.bound(bounds.count), None);
        }
        assert_eq!(TURN_MICROS.bound(16), Some(1_048_576));
        assert_eq!(FANOUT_SUBSCRIBERS.bound(10), Some(1_048_576));
    }
}
