//! Whether a client may do something, and why not.

use thiserror::Error;

use crate::auth::{Action, Auth, Principal, Verdict};

/// Why a client may not do something: a text for the log, with the client and the rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Forbidden(Box<str>);

impl Forbidden {
    pub(crate) fn new(words: &str) -> Self {
        Self(words.into())
    }
}

impl Auth {
    /// Permits a client to do something with a topic.
    ///
    /// # Errors
    ///
    /// Neither its token nor a rule allows it.
    pub fn permit(&self, client: &Principal, action: Action, topic: &str) -> Result<(), Forbidden> {
        permitted(self.decide(client, action, topic), client, action, topic)
    }

    /// Permits a client to subscribe to a pattern, which has names of no client.
    pub(crate) fn permit_pattern(
        &self,
        client: &Principal,
        pattern: &str,
    ) -> Result<(), Forbidden> {
        let verdict = self.decide_pattern(client, pattern);
        permitted(verdict, client, Action::Subscribe, pattern)
    }
}

fn permitted(
    verdict: Verdict<'_>,
    client: &Principal,
    action: Action,
    topic: &str,
) -> Result<(), Forbidden> {
    if verdict.is_allowed {
        return Ok(());
    }
    let (identity, word, by) = (&client.identity, action.word(), verdict.by);
    let words = format!("{identity} may not {word} {topic:?} by {by}");
    Err(Forbidden(words.into()))
}
