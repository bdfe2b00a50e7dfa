//! The pace of a connection's messages.

use std::time::Duration;

/// The remaining messages of a connection; time is in [`TICK`]s.
///
/// Sixty messages a second, and twice that at once: messages sent in time may arrive late and
/// together, for example after a stop of the network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    left: u8,
    since: u64,
}

impl Pace {
    pub(crate) fn new(now: u64) -> Self {
        Self {
            left: AT_ONCE,
            since: now,
        }
    }

    /// Counts one message; returns whether it is allowed.
    pub(crate) fn allows(&mut self, now: u64) -> bool {
        let gained = now
            .saturating_sub(self.since)
            .saturating_mul(PER_TICK.into());
        self.since = now;
        let gained = u8::try_from(gained).unwrap_or(u8::MAX);
        self.left = self.left.saturating_add(gained).min(AT_ONCE);
        let may = self.left != 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

/// The unit of time: a tenth of a second.
pub(crate) const TICK: Duration = Duration::from_millis(100);
const PER_TICK: u8 = 6;
const AT_ONCE: u8 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_a_second_are_allowed_for_ever() {
        let mut pace = Pace::new(7);
        assert!((7..1_000).all(|now| (0..PER_TICK).all(|_| pace.allows(now))));
        assert!((0..100_000).any(|_| !pace.allows(1_000)));
    }

    #[test]
    fn what_is_saved_up_has_a_limit() {
        let mut pace = Pace::new(0);
        let burst = |pace: &mut Pace, now| (0..1_000).filter(|_| pace.allows(now)).count();
        assert_eq!(burst(&mut pace, 0), usize::from(AT_ONCE));
        assert_eq!(burst(&mut pace, 1), usize::from(PER_TICK));
        assert_eq!(burst(&mut pace, u64::MAX), usize::from(AT_ONCE));
    }
}
