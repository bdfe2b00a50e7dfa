//! Rates of topics: what has come between two looks. Shards only count, as they do anyway; what is
//! remembered of the looks before is here.

use std::collections::HashMap;
use std::time::Duration;

use crate::limits::{ADMIN_RATE_FORGOTTEN, ADMIN_RATE_SPAN, ADMIN_TOPICS_SORTED_MAX};
use crate::time::Now;

/// How many messages topics had when they were looked at.
#[derive(Debug, Default)]
pub(super) struct Rates {
    counted: HashMap<String, Counted>,
    /// When what was not looked at for long was forgotten last: all of it is looked at for that.
    purged: Now,
}

/// What two looks at one topic have counted, the later of them at least [`ADMIN_RATE_SPAN`] after
/// the other.
#[derive(Clone, Copy, Debug)]
struct Counted {
    before: Option<Look>,
    last: Look,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    messages: u64,
    at: Now,
}

impl Rates {
    /// Notes what a topic has now; its rate since a look before, if there was one.
    pub(super) fn add(&mut self, name: &str, messages: u64, now: Now) -> Option<f64> {
        let look = Look { messages, at: now };
        if let Some(counted) = self.counted.get_mut(name) {
            return counted.add(look);
        }
        if self.has_space(now) {
            let first = Counted {
                before: None,
                last: look,
            };
            self.counted.insert(name.to_owned(), first);
        }
        None
    }

    /// Whether one more topic is remembered; if need be, others are forgotten first.
    fn has_space(&mut self, now: Now) -> bool {
        let is_full = ADMIN_TOPICS_SORTED_MAX <= self.counted.len();
        if is_full && ADMIN_RATE_SPAN <= now.since(self.purged) {
            self.purged = now;
            let is_kept = |counted: &Counted| now.since(counted.last.at) < ADMIN_RATE_FORGOTTEN;
            self.counted.retain(|_, counted| is_kept(counted));
        }
        self.counted.len() < ADMIN_TOPICS_SORTED_MAX
    }
}

impl Counted {
    /// The rate up to this look: since the last one, or, if that was just now, the one before.
    fn add(&mut self, look: Look) -> Option<f64> {
        if ADMIN_RATE_SPAN <= look.at.since(self.last.at) {
            self.before = Some(std::mem::replace(&mut self.last, look));
        }
        let before = self.before?;
        let passed = look.at.since(before.at);
        // All its subscribers had left, and it counts again from 0.
        let messages = look.messages.checked_sub(before.messages)?;
        (passed != Duration::ZERO).then(|| messages as f64 / passed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(rates: &mut Rates, name: &str, messages: u64, millis: u64) -> Option<f64> {
        rates.add(name, messages, Now::from_millis(millis))
    }

    #[test]
    fn a_rate_is_what_has_come_between_two_looks() {
        let mut rates = Rates::default();
        assert_eq!(rate(&mut rates, "a", 100, 0), None);
        assert_eq!(rate(&mut rates, "a", 300, 2_000), Some(100.0));
        // Another look just after that: the span is still long enough.
        assert_eq!(rate(&mut rates, "a", 400, 2_500), Some(120.0));
        assert_eq!(rate(&mut rates, "a", 400, 3_000), Some(100.0));
        assert_eq!(rate(&mut rates, "a", 400, 4_000), Some(0.0));
        assert_eq!(rate(&mut rates, "a", 10, 5_000), None, "it began again");
        assert_eq!(rate(&mut rates, "a", 20, 6_000), Some(10.0));
    }

    #[test]
    fn what_was_not_looked_at_for_long_gives_its_place_to_others() {
        let mut rates = Rates::default();
        let names = (0..ADMIN_TOPICS_SORTED_MAX).map(|index| index.to_string());
        for name in names {
            rate(&mut rates, &name, 1, 0);
        }
        rate(&mut rates, "new", 1, 1_000);
        assert_eq!(rate(&mut rates, "new", 2, 2_000), None, "there is no space");
        let later = 2_000 + u64::try_from(ADMIN_RATE_FORGOTTEN.as_millis()).unwrap();
        rate(&mut rates, "new", 2, later);
        assert_eq!(rate(&mut rates, "new", 3, later + 1_000), Some(1.0));
        assert_eq!(rates.counted.len(), 1);
    }
}
