//! Rules about patterns that clients subscribe to.

use crate::auth::principal::Principal;
use crate::auth::rules::{Action, Rule, Rules, Verdict};

impl Rules {
    /// Decides whether a client may subscribe to a pattern, the text of a
    /// [`TopicPattern`](crate::TopicPattern): only if it may subscribe to each topic that matches,
    /// whichever there will be.
    pub fn decide_pattern(&self, client: &Principal, pattern: &str) -> Verdict<'_> {
        if client.rights.allow_pattern(pattern) {
            return Verdict::BY_TOKEN;
        }
        self.first(|rule| rule.decides(client, pattern))
    }
}

impl Rule {
    /// Whether it decides about a subscription to a pattern: it denies some of the pattern's
    /// topics, or allows all.
    fn decides(&self, client: &Principal, pattern: &str) -> bool {
        self.is_for(client, Action::Subscribe)
            && if self.denies {
                self.pattern.overlaps(pattern)
            } else {
                self.pattern.covers(pattern, client)
            }
    }
}
