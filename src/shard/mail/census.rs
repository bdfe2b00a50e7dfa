//! What all shards are asked together: how much each has, and which topics have subscribers there.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::handler::{Census, HomeReply, TopicFilter};
use crate::id::ShardId;
use crate::limits::CENSUS_TOPICS_MAX;

/// Collects, by shard, what shards have. The last one gives the whole away.
pub(crate) struct CensusParts {
    parts: Box<[OnceLock<Census>]>,
    /// Which topics are listed, if any.
    filter: Option<TopicFilter>,
    reply: HomeReply<Census>,
}

/// What shards have, while it is added up.
pub(crate) struct CensusSum {
    parts: Vec<Census>,
    sum: Census,
    reply: HomeReply<Census>,
}

/// How far a shard has looked at its topics.
#[derive(Debug)]
pub struct CensusScan {
    parts: Arc<CensusParts>,
    /// The shard that has it is to give each shard one.
    pub(crate) is_for_all: bool,
    /// The first place that was not looked at.
    pub(crate) next: usize,
    pub(crate) found: Census,
}

impl fmt::Debug for CensusParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CensusParts").finish_non_exhaustive()
    }
}

impl fmt::Debug for CensusSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CensusSum").finish_non_exhaustive()
    }
}

impl CensusScan {
    /// One for so many shards.
    pub(crate) fn for_all(
        shards: u16,
        filter: Option<TopicFilter>,
        reply: HomeReply<Census>,
    ) -> Self {
        let parts = Arc::new(CensusParts {
            parts: (0..shards).map(|_| OnceLock::new()).collect(),
            filter,
            reply,
        });
        Self {
            parts,
            is_for_all: true,
            next: 0,
            found: Census::default(),
        }
    }

    /// One for each shard.
    pub(crate) fn split(self) -> impl Iterator<Item = Box<Self>> {
        (0..self.parts.parts.len()).map(move |_| {
            Box::new(Self {
                parts: Arc::clone(&self.parts),
                is_for_all: false,
                next: 0,
                found: Census::default(),
            })
        })
    }

    /// Which topics are listed, if any.
    pub(crate) fn filter(&self) -> Option<&TopicFilter> {
        self.parts.filter.as_ref()
    }

    /// A shard has looked at all. The last one is to add up what all have.
    pub(crate) fn finish(self, shard: ShardId) -> Option<CensusSum> {
        let Self { parts, found, .. } = self;
        if let Some(place) = parts.parts.get(shard.index()) {
            // A shard says it once.
            let _set = place.set(found);
        }
        let CensusParts { parts, reply, .. } = Arc::into_inner(parts)?;
        let parts = parts.into_iter().filter_map(OnceLock::into_inner);
        Some(CensusSum {
            parts: parts.collect(),
            sum: Census::default(),
            reply,
        })
    }
}

impl CensusSum {
    /// Adds some topics; gives the sum away if there are no more, and else itself back.
    pub(crate) fn add_some(mut self, count: usize) -> Option<Self> {
        for _ in 0..count {
            let Some(part) = self.parts.last_mut() else {
                self.reply.give(self.sum);
                return None;
            };
            if let Some((topic, subscribers)) = part.subscribers.pop_first() {
                self.sum.add(&topic, subscribers, CENSUS_TOPICS_MAX);
            } else {
                self.sum.add_numbers(part);
                self.parts.pop();
            }
        }
        Some(self)
    }
}
