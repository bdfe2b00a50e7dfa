//! Two clocks compared: questions and answers with four times each, as NTP does (RFC 5905 8). The
//! exchange that took least says most: the difference is known to half of what it was under way.

use serde::Serialize;

/// One exchange: when the question went and came, and when the answer went and came, the first and
/// the last by the clock of this side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    pub(super) asked_ns: u64,
    pub(super) came_ns: u64,
    pub(super) went_ns: u64,
    pub(super) got_ns: u64,
}

/// What the other clock is ahead of this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Ahead {
    pub(super) ns: i64,
    /// It is no further off than this.
    pub(super) error_ns: u64,
}

/// Exchanges of a comparison.
pub(super) const EXCHANGES: usize = 64;

impl Exchange {
    fn ahead(self) -> Ahead {
        let between = |from: u64, to: u64| i128::from(to) - i128::from(from);
        let (there, back) = (
            between(self.asked_ns, self.came_ns),
            between(self.got_ns, self.went_ns),
        );
        let way = between(self.asked_ns, self.got_ns) - between(self.came_ns, self.went_ns);
        Ahead {
            ns: i64::try_from((there + back) / 2).unwrap_or(i64::MAX),
            error_ns: u64::try_from(way.max(0) / 2 + 1).unwrap_or(u64::MAX),
        }
    }
}

/// What is known from several exchanges.
pub(super) fn compare(exchanges: &[Exchange]) -> Ahead {
    let all = exchanges.iter().map(|exchange| exchange.ahead());
    all.min_by_key(|ahead| ahead.error_ns).unwrap_or(Ahead {
        ns: 0,
        error_ns: u64::MAX,
    })
}

/// The error over a run: that of its beginning, and what the clocks drifted apart until its end.
pub(super) fn error_ns(before: Ahead, after: Ahead) -> u64 {
    let drift = before.ns.abs_diff(after.ns);
    before.error_ns.saturating_add(drift.max(after.error_ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quickest_exchange_bounds_the_difference() {
        // The other clock is 1,000,000 ahead; ways of 100 there and 300 back, and longer ones.
        let exchange = |asked: u64, there: u64, back: u64| Exchange {
            asked_ns: asked,
            came_ns: asked + 1_000_000 + there,
            went_ns: asked + 1_000_000 + there + 50,
            got_ns: asked + there + 50 + back,
        };
        let ahead = compare(&[exchange(5, 900, 9_000), exchange(70, 100, 300)]);
        assert_eq!(ahead.error_ns, 201);
        assert!(ahead.ns.abs_diff(1_000_000) <= ahead.error_ns, "{ahead:?}");
        // A clock that is behind, by more than this one has run.
        let behind = Exchange {
            asked_ns: u64::MAX - 10,
            came_ns: 1_000,
            went_ns: 1_000,
            got_ns: u64::MAX - 6,
        };
        assert_eq!(compare(&[behind]).error_ns, 3);
        assert_eq!(compare(&[]).error_ns, u64::MAX);
    }

    #[test]
    fn clocks_that_drift_apart_are_less_certain() {
        let at = |ns, error_ns| Ahead { ns, error_ns };
        assert_eq!(error_ns(at(100, 5), at(100, 4)), 9);
        assert_eq!(error_ns(at(100, 5), at(-900, 5)), 1_005);
    }
}
