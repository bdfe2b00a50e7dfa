//! Names of topics, hashed and allocated once: when a connection opens, not for each message.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, LazyLock};

use hashbrown::Equivalent;

use crate::id::ShardId;
use crate::limits::TOPIC_BYTES_MAX;
use crate::proto::http::is_topic_name;
use crate::topic::HashKey;

/// A topic by its name, which is checked, hashed and copied when this is made, and never again.
/// A clone is a pointer to the same. [`Cx::topic`](crate::Cx::topic) makes one in a callback.
///
/// Calls that publish, subscribe or unsubscribe also take the name as text; then it is checked and
/// hashed in each call.
#[derive(Clone)]
pub struct Topic(Arc<Interned>);

struct Interned {
    hash: u64,
    name: Box<str>,
}

/// What names a topic: a [`Topic`], or its name as text.
pub trait TopicName {
    /// The name.
    fn name(&self) -> &str;

    /// The topic, if this is one.
    fn topic(&self) -> Option<&Topic> {
        None
    }
}

impl<T: AsRef<str> + ?Sized> TopicName for T {
    fn name(&self) -> &str {
        self.as_ref()
    }
}

impl TopicName for Topic {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn topic(&self) -> Option<&Topic> {
        Some(self)
    }
}

/// No topic has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a topic's name has 1 to {TOPIC_BYTES_MAX} bytes, and is not . or ..")]
pub struct TopicNameError;

impl Topic {
    /// The topic of this name.
    ///
    /// # Errors
    ///
    /// No topic has this name.
    pub fn new(name: impl AsRef<str>) -> Result<Self, TopicNameError> {
        Ok(Hashed::of(name.as_ref())?.intern())
    }

    /// The pattern of this text: not the topic of the same name, and no topic that a message has.
    ///
    /// # Errors
    ///
    /// It is longer than the name of a topic.
    pub(in crate::topic) fn pattern(text: &str) -> Result<Self, TopicNameError> {
        let Hashed { hash, name } = Hashed::of(text)?;
        let hash = hash | PATTERN;
        Ok(Hashed { hash, name }.intern())
    }

    /// Whether it is a pattern.
    pub(crate) fn is_pattern(&self) -> bool {
        self.0.hash & PATTERN != 0
    }

    /// The topic of a name that is checked later.
    pub(crate) fn unchecked(name: &str) -> Self {
        Hashed::unchecked(name).intern()
    }

    /// What is named.
    ///
    /// # Errors
    ///
    /// No topic has this name.
    pub(crate) fn named(
        named: &(impl TopicName + ?Sized),
    ) -> Result<Cow<'_, Self>, TopicNameError> {
        Ok(match named.topic() {
            Some(topic) => Cow::Borrowed(topic),
            None => Cow::Owned(Self::new(named.name())?),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The hash of its name, the same on all shards.
    pub(crate) fn hash(&self) -> u64 {
        self.0.hash
    }

    /// Its home among `shards`: the shard that sets the order of its messages.
    #[doc(hidden)]
    pub fn home(&self, shards: u16) -> ShardId {
        ShardId::of_hash(self.0.hash, shards)
    }

    /// A hash of it together with a key.
    pub(crate) fn hash_with(&self, key: &str) -> u64 {
        SEED.hash_one((self.0.hash, key))
    }
}

/// A name with its hash, and no copy of it yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hashed<'n> {
    pub(crate) hash: u64,
    pub(crate) name: &'n str,
}

impl<'n> Hashed<'n> {
    pub(crate) fn of(name: &'n str) -> Result<Self, TopicNameError> {
        let is_good = is_topic_name(name);
        is_good.then(|| Self::unchecked(name)).ok_or(TopicNameError)
    }

    fn unchecked(name: &'n str) -> Self {
        let hash = SEED.hash_one(name) & !PATTERN;
        Self { hash, name }
    }

    /// The topic of this name.
    pub(crate) fn intern(self) -> Topic {
        let Self { hash, name } = self;
        let name = name.into();
        Topic(Arc::new(Interned { hash, name }))
    }
}

impl Hash for Hashed<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<Topic> for Hashed<'_> {
    fn equivalent(&self, topic: &Topic) -> bool {
        self.hash == topic.hash() && self.name == topic.name()
    }
}

/// The bit of a hash that patterns have and topics have not: no table finds its entries by it, and
/// no home is chosen by it.
const PATTERN: u64 = 1 << 50;

/// One for the process, so that a topic is the same for all its servers.
static SEED: LazyLock<HashKey> = LazyLock::new(HashKey::default);

impl PartialEq for Topic {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.hash == other.0.hash && self.0.name == other.0.name
    }
}

impl Eq for Topic {}

impl Hash for Topic {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

/// Tables whose keys keep a hash: it is passed on.
pub(crate) type ByKeptHash = BuildHasherDefault<KeptHash>;

/// The hash that a key keeps.
#[derive(Debug, Default)]
pub(crate) struct KeptHash(u64);

impl Hasher for KeptHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        debug_assert!(false, "keys of these tables are hashed as one number");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> Topic {
        Topic::new(name).unwrap()
    }

    #[test]
    fn topics_are_equal_by_name_and_hash_alike() {
        let (one, copy, other) = (topic("a"), topic("a"), topic("b"));
        assert!(one == copy && one == one.clone() && one != other);
        let hash = |topic: &Topic| ByKeptHash::default().hash_one(topic);
        assert_eq!(hash(&one), hash(&copy));
        assert_eq!(hash(&one), one.hash());
        assert_ne!(hash(&one), hash(&other));
    }

    #[test]
    fn a_pattern_is_not_the_topic_of_the_same_name() {
        let (exact, pattern) = (topic("a/+"), Topic::pattern("a/+").unwrap());
        assert!(exact != pattern && pattern == Topic::pattern("a/+").unwrap());
        assert!(pattern.is_pattern() && !exact.is_pattern());
        assert_ne!(exact.hash(), pattern.hash());
        let named = Hashed::of("a/+").unwrap();
        assert!(named.equivalent(&exact) && !named.equivalent(&pattern));
    }

    #[test]
    fn names_that_no_topic_has_make_none() {
        let long = "x".repeat(TOPIC_BYTES_MAX + 1);
        for name in ["", ".", "..", &long] {
            assert_eq!(Topic::new(name).err(), Some(TopicNameError));
        }
        assert_eq!(topic(&long[1..]).name(), &long[1..]);
    }

    #[test]
    fn homes_are_spread_over_all_shards_and_leave_the_bits_that_tables_use() {
        let topics: Vec<Topic> = (0..4096).map(|n| topic(&n.to_string())).collect();
        for shards in [1, 2, 3, 64] {
            let at = |home| {
                topics
                    .iter()
                    .filter(move |topic| topic.home(shards) == home)
            };
            for home in ShardId::all(shards) {
                let mean = topics.len() / usize::from(shards);
                let count = at(home).count();
                assert!(mean / 4 < count && count < mean * 4, "{count} of {shards}");
                let lowest = at(home).fold((0, 0), |(ones, zeros), topic| {
                    (ones | topic.hash(), zeros | !topic.hash())
                });
                let both = lowest.0 & lowest.1;
                assert_eq!(both & 0x1F, 0x1F, "places");
                assert_eq!(both >> 59, 0x1F, "tags");
            }
        }
    }
}
