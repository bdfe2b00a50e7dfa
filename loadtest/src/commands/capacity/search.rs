//! Which level to try next: doubling until one breaks, then halving the gap to it.

/// The search for the highest level that holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// The highest level that held, zero before any has.
    pub(super) held: u64,
    /// The lowest level that broke.
    pub(super) broke: Option<u64>,
    first: u64,
    most: u64,
    /// Tries of the level that is being tried: those that held, and those that broke.
    votes: (u32, u32),
}

/// Levels this close together are one.
const CLOSE: f64 = 1.05;
/// Tries that must agree, of three.
const MAJORITY: u32 = 2;

impl Search {
    /// From a first level up to the most.
    pub(super) fn new(first: u64, most: u64) -> Self {
        Self {
            held: 0,
            broke: None,
            first: first.clamp(1, most),
            most,
            votes: (0, 0),
        }
    }

    /// The level to try; none if the answer is there.
    pub(super) fn level(&self) -> Option<u64> {
        match (self.held, self.broke) {
            (0, None) => Some(self.first),
            (0, Some(broke)) => (broke > 1).then_some(broke / 2),
            (held, None) => (held < self.most).then(|| held.saturating_mul(2).min(self.most)),
            (held, Some(broke)) => {
                let between = middle(held, broke);
                let is_apart = broke as f64 > held as f64 * CLOSE;
                (is_apart && held < between && between < broke).then_some(between)
            }
        }
    }

    /// How a try of the level went. While levels double, one that holds is enough; a level breaks,
    /// and one near the answer holds, if two of three tries say so. What cannot be otherwise
    /// another time `is_final`.
    pub(super) fn tell(&mut self, holds: bool, is_final: bool) {
        let Some(level) = self.level() else { return };
        self.votes.0 += u32::from(holds);
        self.votes.1 += u32::from(!holds);
        let (held, broke) = self.votes;
        let is_doubling = self.broke.is_none();
        if held >= MAJORITY || holds && is_doubling && broke == 0 {
            self.held = level;
        } else if broke >= MAJORITY || !holds && is_final {
            self.broke = Some(level);
        } else {
            return;
        }
        self.votes = (0, 0);
    }
}

/// The geometric mean, so that each half is the same factor.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between two whole numbers above zero"
)]
fn middle(low: u64, high: u64) -> u64 {
    (low as f64 * high as f64).sqrt().round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches with this judge; returns the search and the levels that were tried.
    fn found(mut search: Search, mut holds: impl FnMut(u64) -> bool) -> (Search, Vec<u64>) {
        let mut tried = Vec::new();
        while let Some(level) = search.level() {
            assert!(tried.len() < 100, "it ends: {tried:?}");
            tried.push(level);
            search.tell(holds(level), false);
        }
        (search, tried)
    }

    #[test]
    fn the_answer_is_near_what_holds_in_few_steps() {
        for limit in [1, 2, 99, 100, 101, 777, 5_000, 1_234_567] {
            let (search, tried) = found(Search::new(100, u64::MAX), |level| level <= limit);
            let (held, broke) = (search.held, search.broke.unwrap());
            assert!(held <= limit && limit < broke, "{limit}: {held} {broke}");
            assert!(
                broke <= held + 1 || broke as f64 <= held as f64 * CLOSE,
                "{limit}"
            );
            assert!(tried.len() < 32, "{limit}: {tried:?}");
        }
    }

    #[test]
    fn it_ends_at_the_most_and_where_nothing_holds() {
        let (search, tried) = found(Search::new(100, 250), |_| true);
        assert_eq!((search.held, search.broke), (250, None));
        assert_eq!(tried, [100, 200, 250]);
        let (search, _) = found(Search::new(100, 250), |_| false);
        assert_eq!((search.held, search.broke), (0, Some(1)));
    }

    #[test]
    fn one_try_that_was_unlucky_decides_nothing() {
        let mut unlucky = [400, 566].into_iter().peekable();
        let judge = |level| unlucky.next_if_eq(&level).is_none() && level <= 700;
        let (search, _) = found(Search::new(100, 10_000), judge);
        assert!((667..=700).contains(&search.held), "{search:?}");
        let mut search = Search::new(100, 200);
        search.tell(false, true);
        assert_eq!(search.broke, Some(100), "what is final is tried once");
    }
}
