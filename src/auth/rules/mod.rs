//! Rules: which clients may do what with which topics.

mod patterns;
#[cfg(test)]
mod tests;

use std::fmt;

use thiserror::Error;

use crate::auth::principal::{Identity, Principal};
use crate::pattern::{Pattern, PatternError};

/// What a client does with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Receives its messages.
    Subscribe,
    /// Sends messages to it.
    Publish,
    /// Asks for its subscribers.
    Presence,
    /// Asks for earlier messages.
    History,
    /// Lists, disconnects and refreshes connections of a user, and sends to them;
    /// in place of a topic, rules have the user's name.
    Manage,
}

/// The clients that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    Anyone,
    Anonymous,
    Users,
    User(String),
    Keys,
    Key(String),
    Certificates,
    Certificate(String),
}

/// One rule, as it is written in the configuration: `users subscribe+publish match:{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    text: String,
    denies: bool,
    subject: Subject,
    actions: Vec<Action>,
    pattern: Pattern,
}

/// Rules in their order. The first rule that is about the client, the action and the topic
/// decides; if there is none, it is denied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

/// A decision, and what made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'r> {
    /// Whether it is allowed.
    pub is_allowed: bool,
    /// What decided.
    pub by: Decider<'r>,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decider<'r> {
    /// The server allows everything (`auth.insecure`).
    Insecure,
    /// The client's token.
    Token,
    /// The rule with this number, from 1.
    Rule(usize, &'r Rule),
    /// No rule.
    Nothing,
}

/// Why a text is no [`Rule`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// It has fewer than three words.
    #[error(
        "a rule is: clients, actions, and a topic, as in `users subscribe+publish match:{{id}}`"
    )]
    Words,
    /// The first word is no kind of client.
    #[error(
        "{0:?} are no clients; there are anyone, anonymous, users, user:NAME, keys, key:NAME, \
         certificates and certificate:NAME; a NAME with spaces has quotes"
    )]
    Subject(String),
    /// The second word has something that is no action.
    #[error(
        "{0:?} is no action; there are subscribe, publish, presence, history, manage, and all, \
        which is the first four"
    )]
    Action(String),
    /// The topic is no pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl Action {
    /// Those about topics: what `all` stands for.
    pub const ALL: [Self; 4] = [
        Self::Subscribe,
        Self::Publish,
        Self::Presence,
        Self::History,
    ];

    /// Its word in rules.
    pub fn word(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::Presence => "presence",
            Self::History => "history",
            Self::Manage => "manage",
        }
    }
}

impl Rule {
    /// Reads a rule: `[deny] CLIENTS ACTIONS TOPIC`. In CLIENTS, a name with spaces is in quotes:
    /// `certificate:"O=Example Ltd"`. ACTIONS are one or more with `+` between them,
    /// or `all`.
    ///
    /// # Errors
    ///
    /// The first word that is wrong.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let text = text.trim();
        let (denies, rest) = match text.strip_prefix("deny ") {
            Some(rest) => (true, rest.trim_start()),
            None => (false, text),
        };
        let (subject, rest) = Subject::split(rest)?;
        let (actions, topic) = rest.trim_start().split_once(' ').ok_or(RuleError::Words)?;
        Ok(Self {
            text: text.to_owned(),
            denies,
            subject,
            actions: parse_actions(actions)?,
            pattern: Pattern::parse(topic.trim_start())?,
        })
    }

    /// The rule as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn is_about(&self, client: &Principal, action: Action, topic: &str) -> bool {
        self.is_for(client, action) && self.pattern.matches(topic, client)
    }

    fn is_for(&self, client: &Principal, action: Action) -> bool {
        self.actions.contains(&action) && self.subject.has(&client.identity)
    }
}

impl Subject {
    /// Reads the first word, in which a name may be in quotes; returns the rest as well.
    fn split(text: &str) -> Result<(Self, &str), RuleError> {
        let quoted = text
            .split_once(":\"")
            .filter(|(kind, _)| !kind.contains(' '));
        if let Some((kind, rest)) = quoted {
            let (name, rest) = rest.split_once("\" ").ok_or(RuleError::Words)?;
            return Ok((Self::parse(kind, Some(name))?, rest));
        }
        let (word, rest) = text.split_once(' ').ok_or(RuleError::Words)?;
        let subject = match word.split_once(':') {
            Some((kind, name)) => Self::parse(kind, Some(name)),
            None => Self::parse(word, None),
        }?;
        Ok((subject, rest))
    }

    fn parse(kind: &str, name: Option<&str>) -> Result<Self, RuleError> {
        Ok(match (kind, name) {
            ("anyone", None) => Self::Anyone,
            ("anonymous", None) => Self::Anonymous,
            ("users", None) => Self::Users,
            ("keys", None) => Self::Keys,
            ("certificates", None) => Self::Certificates,
            ("user", Some(name)) if !name.is_empty() => Self::User(name.to_owned()),
            ("key", Some(name)) if !name.is_empty() => Self::Key(name.to_owned()),
            ("certificate", Some(name)) if !name.is_empty() => Self::Certificate(name.to_owned()),
            (kind, None) => return Err(RuleError::Subject(kind.to_owned())),
            (kind, Some(name)) => return Err(RuleError::Subject(format!("{kind}:{name}"))),
        })
    }

    fn has(&self, identity: &Identity) -> bool {
        match (self, identity) {
            (Self::Anyone, _) => true,
            (Self::Anonymous, identity) => identity.is_anonymous(),
            (Self::Users, Identity::User(name)) => !name.is_empty(),
            (Self::Keys, Identity::Key(_)) | (Self::Certificates, Identity::Certificate(_)) => true,
            (Self::User(own), Identity::User(name))
            | (Self::Key(own), Identity::Key(name))
            | (Self::Certificate(own), Identity::Certificate(name)) => own == name,
            _ => false,
        }
    }
}

fn parse_actions(words: &str) -> Result<Vec<Action>, RuleError> {
    if words == "all" {
        return Ok(Action::ALL.to_vec());
    }
    let action = |word: &str| {
        let mut all = Action::ALL.into_iter().chain([Action::Manage]);
        let known = all.find(|action| action.word() == word);
        known.ok_or_else(|| RuleError::Action(word.to_owned()))
    };
    words.split('+').map(action).collect()
}

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    ///
    /// The first text that is no rule.
    pub fn parse<T: AsRef<str>>(rules: impl IntoIterator<Item = T>) -> Result<Self, RuleError> {
        let rules = rules.into_iter().map(|text| Rule::parse(text.as_ref()));
        Ok(Self(rules.collect::<Result<_, _>>()?))
    }

    /// The rules in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a rule asks for this claim of tokens.
    #[cfg(feature = "auth")]
    pub(crate) fn names_claim(&self, name: &str) -> bool {
        self.0.iter().any(|rule| rule.pattern.names_claim(name))
    }

    /// Decides what a client may do. What its token allows is allowed whatever the rules say.
    pub fn decide(&self, client: &Principal, action: Action, topic: &str) -> Verdict<'_> {
        if client.rights.allow(action, topic) {
            return Verdict::BY_TOKEN;
        }
        self.first(|rule| rule.is_about(client, action, topic))
    }

    fn first(&self, decides: impl Fn(&Rule) -> bool) -> Verdict<'_> {
        let mut rules = self.0.iter().enumerate();
        match rules.find(|(_, rule)| decides(rule)) {
            Some((index, rule)) => Verdict {
                is_allowed: !rule.denies,
                by: Decider::Rule(index + 1, rule),
            },
            None => Verdict {
                is_allowed: false,
                by: Decider::Nothing,
            },
        }
    }
}

impl Verdict<'_> {
    const BY_TOKEN: Self = Self {
        is_allowed: true,
        by: Decider::Token,
    };
}

impl fmt::Display for Decider<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insecure => f.write_str("auth.insecure"),
            Self::Token => f.write_str("the token"),
            Self::Rule(number, rule) => write!(f, "rule {number}, `{}`", rule.as_str()),
            Self::Nothing => f.write_str("no rule"),
        }
    }
}
