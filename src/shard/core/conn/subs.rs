//! The subscriptions of one connection: the first inline, more of them on the heap.

use crate::id::TopicKey;
use crate::limits::SLICES_PER_WRITE;
use crate::payload::Form;
use crate::shard::core::conn::by_topic::{ByTopic, OfTopic};
use crate::topic::fanout::Place;

/// One subscription, from the connection's side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Membership {
    /// Key of the topic.
    pub(crate) topic: TopicKey,
    /// The index, and `DELTAS`.
    word: u32,
}

impl OfTopic for Membership {
    fn topic(&self) -> TopicKey {
        self.topic
    }
}

/// The subscription is one with deltas.
const DELTAS: u32 = 1 << 31;
/// The index of a subscription that the topic's home has not answered yet.
pub(crate) const WAITING: u32 = DELTAS - 1;
/// The index of a subscription that gets what it lacks out of the topic's history first.
pub(crate) const CATCHING_UP: u32 = WAITING - 1;

impl Membership {
    /// One that the topic's home has not answered yet.
    pub(crate) fn new(topic: TopicKey, has_deltas: bool) -> Self {
        let word = if has_deltas {
            WAITING | DELTAS
        } else {
            WAITING
        };
        Self { topic, word }
    }

    /// Index among the members of the topic's feed, `WAITING` or `CATCHING_UP`.
    pub(crate) fn index(self) -> u32 {
        self.word & !DELTAS
    }

    fn set_index(&mut self, index: u32) {
        self.word = index | self.word & DELTAS;
    }

    /// The form of what it is sent, of a connection with this form.
    pub(crate) fn form(self, form: Form) -> Form {
        if self.word & DELTAS == 0 {
            form
        } else {
            form.with_deltas()
        }
    }

    fn place(self, form: Form) -> Place {
        Place {
            topic: self.topic,
            form: self.form(form),
            index: self.index(),
        }
    }
}

/// All subscriptions of one connection.
///
/// A vector of one would cost 8 bytes more in the connection and 32 on the heap.
#[derive(Debug, Default)]
pub(crate) enum Subs {
    /// Receives nothing.
    #[default]
    None,
    /// The common case.
    One(Membership),
    /// Two and more.
    Many(Box<Many>),
}

/// Two subscriptions and more.
#[derive(Debug, Default)]
pub(crate) struct Many {
    list: ByTopic<Membership>,
    /// With this topic, or the one behind it, the next write begins.
    next: TopicKey,
    /// The connection waits among those that are written later.
    is_delayed: bool,
    to_write: ToWrite,
}

/// The topics that the next write looks at.
#[derive(Debug, Default)]
enum ToWrite {
    /// Each: any of them may have something.
    #[default]
    All,
    /// Those that a walk has found to have something, of many.
    Found(Vec<TopicKey>),
}

impl Subs {
    /// All of them.
    pub(crate) fn as_slice(&self) -> &[Membership] {
        match self {
            Self::None => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many.list.as_slice(),
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.as_slice().len()
    }

    /// The subscription to one topic.
    pub(crate) fn get(&self, topic: TopicKey) -> Option<Membership> {
        match self {
            Self::One(one) => (one.topic == topic).then_some(*one),
            Self::Many(many) => many.list.get(topic).copied(),
            Self::None => None,
        }
    }

    /// The places of the live ones, of a connection with this form.
    pub(crate) fn places(&self, form: Form) -> impl Iterator<Item = Place> + Clone {
        live(self.as_slice().iter(), form)
    }

    /// Those that the next write looks at, in its order.
    pub(crate) fn places_to_write(&self, form: Form) -> impl Iterator<Item = Place> + Clone {
        let (first, then) = match self {
            Self::None | Self::One(_) => (self.as_slice(), &[][..]),
            Self::Many(many) if matches!(many.to_write, ToWrite::Found(_)) => (&[][..], &[][..]),
            Self::Many(many) => {
                let (before, after) = many.list.split(many.next);
                (after, before)
            }
        };
        let found = self.found().unwrap_or_default().iter();
        let found = found.filter_map(move |topic| self.place(form, *topic));
        found.chain(live(first.iter().chain(then), form))
    }

    /// How many subscriptions the next write looks at.
    pub(crate) fn count_to_write(&self) -> usize {
        self.found().map_or_else(|| self.count(), <[TopicKey]>::len)
    }

    /// The topics that the next write looks at, if it does not look at each.
    pub(crate) fn found(&self) -> Option<&[TopicKey]> {
        match self {
            Self::Many(many) => match &many.to_write {
                ToWrite::Found(found) => Some(found),
                ToWrite::All => None,
            },
            Self::None | Self::One(_) => None,
        }
    }

    fn found_mut(&mut self) -> Option<&mut Vec<TopicKey>> {
        match self {
            Self::Many(many) => match &mut many.to_write {
                ToWrite::Found(found) => Some(found),
                ToWrite::All => None,
            },
            Self::None | Self::One(_) => None,
        }
    }

    /// A walk has found that a topic has something, which it finds once until that is written:
    /// the next write looks at it. `false` if that looks at each anyway.
    pub(crate) fn note_found(&mut self, topic: TopicKey) -> bool {
        self.found_mut().map(|found| found.push(topic)).is_some()
    }

    /// The next write looks at each; `false` if it did so already.
    pub(crate) fn write_all(&mut self) -> bool {
        match self {
            Self::Many(many) => {
                matches!(std::mem::take(&mut many.to_write), ToWrite::Found(_))
            }
            Self::None | Self::One(_) => false,
        }
    }

    /// All of them have been written but these: from now on, walks find what has something, if
    /// there are so many that to look at each would take longer.
    pub(crate) fn write_found(&mut self, left: Vec<TopicKey>) {
        if let Self::Many(many) = self
            && (SLICES_PER_WRITE < many.list.as_slice().len()
                || matches!(many.to_write, ToWrite::Found(_)))
        {
            many.to_write = ToWrite::Found(left);
        }
    }

    /// Takes those that a write has looked at, if it did not look at each.
    pub(crate) fn take_found(&mut self) -> Option<Vec<TopicKey>> {
        self.found_mut().map(std::mem::take)
    }

    /// The next write begins with this topic: each has its turn, however many have messages.
    pub(crate) fn write_next(&mut self, topic: TopicKey) {
        if let Self::Many(many) = self {
            many.next = topic;
        }
    }

    /// Whether the connection is among those that are written later.
    pub(crate) fn is_delayed(&self) -> bool {
        matches!(self, Self::Many(many) if many.is_delayed)
    }

    /// Notes whether it is; returns whether it was.
    pub(crate) fn set_delayed(&mut self, is_delayed: bool) -> bool {
        match self {
            Self::Many(many) => std::mem::replace(&mut many.is_delayed, is_delayed),
            Self::None | Self::One(_) => false,
        }
    }

    /// The place of the subscription to one topic, if there is one and it is live.
    pub(crate) fn place(&self, form: Form, topic: TopicKey) -> Option<Place> {
        let sub = self.get(topic)?;
        (sub.index() < CATCHING_UP).then(|| sub.place(form))
    }

    /// Adds a subscription to a topic that is not among them.
    pub(crate) fn add(&mut self, membership: Membership) {
        debug_assert!(self.get(membership.topic).is_none());
        *self = match std::mem::take(self) {
            Self::None => Self::One(membership),
            Self::One(one) => {
                let mut many = Box::<Many>::default();
                many.list.insert(one);
                many.list.insert(membership);
                Self::Many(many)
            }
            Self::Many(mut many) => {
                many.list.insert(membership);
                Self::Many(many)
            }
        };
    }

    /// The topics that it catches up with.
    pub(crate) fn catching_up(&self) -> impl Iterator<Item = TopicKey> {
        let subs = self.as_slice().iter();
        let catching_up = subs.filter(|sub| sub.index() == CATCHING_UP);
        catching_up.map(|sub| sub.topic)
    }

    /// Notes where in the topic's feed the connection stands now.
    pub(crate) fn set_index(&mut self, topic: TopicKey, index: u32) {
        let sub = match self {
            Self::One(one) => Some(one).filter(|one| one.topic == topic),
            Self::Many(many) => many.list.get_mut(topic),
            Self::None => None,
        };
        if let Some(sub) = sub {
            sub.set_index(index);
        }
    }

    /// Removes the subscription to one topic.
    pub(crate) fn remove(&mut self, topic: TopicKey) {
        *self = match std::mem::take(self) {
            Self::One(one) if one.topic == topic => Self::None,
            Self::Many(mut many) => {
                many.list.remove(topic);
                if let ToWrite::Found(found) = &mut many.to_write {
                    found.retain(|other| *other != topic);
                }
                match *many.list.as_slice() {
                    [] => Self::None,
                    [one] => Self::One(one),
                    _ => Self::Many(many),
                }
            }
            other => other,
        };
    }
}

/// The places of those that are live, of a connection with this form.
fn live<'s>(
    subs: impl Iterator<Item = &'s Membership> + Clone,
    form: Form,
) -> impl Iterator<Item = Place> + Clone {
    let live = subs.filter(|sub| sub.index() < CATCHING_UP);
    live.map(move |sub| sub.place(form))
}

#[cfg(test)]
#[path = "subs_tests.rs"]
mod tests;
