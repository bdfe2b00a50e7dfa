//! Faults of a home, planted into what it tells other shards: each is found.

use std::sync::Arc;

use corecast::internals::Rng;
use corecast::shard::core::ShardCore;
use corecast::shard::mail::FromHome;
use corecast::topic::history::{Page, Start};
use corecast::{Epoch, Position};

use crate::handler::App;
use crate::order::Orders;
use crate::profile::{Profile, Theme};
use crate::world::World;

/// A fault, and the orders that it is a fault in.
#[derive(Clone, Debug)]
pub(crate) struct Planted {
    fault: Fault,
    orders: Orders,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A page lacks the newest message of the ring.
    Dropped,
    /// An answer begins one message late.
    Late,
    /// A topic has its first epoch for ever.
    EpochKept,
    /// A gap is not told as one.
    GapHidden,
    /// A message does not reach the subscribers of a pattern that matches.
    Unmatched,
}

impl Planted {
    pub(crate) fn change_mail(&self, core: &mut ShardCore<App>) {
        let outgoing = core.mail().iter_mut();
        for message in outgoing.flat_map(|mail| mail.from_home.each_mut()) {
            match message {
                FromHome::Joined { joined, .. } => joined
                    .start
                    .iter_mut()
                    .for_each(|start| self.change_start(start)),
                FromHome::Deliver {
                    position: Some(position),
                    ..
                } if self.fault == Fault::EpochKept => {
                    position.epoch = self.first_epoch(position.epoch);
                }
                FromHome::Matched(matched) if self.fault == Fault::Unmatched => {
                    // Patterns are before the topic.
                    matched.interests.remove(0);
                }
                _ => {}
            }
        }
    }

    fn change_start(&self, start: &mut Start) {
        match self.fault {
            Fault::Dropped | Fault::Late => {
                let page = start.page.take();
                start.page = page.and_then(|page| self.shorten(&page)).map(Arc::new);
            }
            Fault::GapHidden => start.has_gap = false,
            Fault::Unmatched => {}
            Fault::EpochKept => {
                let epoch = self.first_epoch(start.position.epoch);
                start.position.epoch = epoch;
                start.page = start.page.take().map(|page| {
                    let entries = page.entries.clone();
                    Arc::new(Page {
                        epoch,
                        entries,
                        ..*page
                    })
                });
            }
        }
    }

    fn shorten(&self, page: &Page) -> Option<Page> {
        let len = page.entries.len();
        let entries = match self.fault {
            Fault::Late => &page.entries[1..],
            _ => &page.entries[..len - 1],
        };
        (!entries.is_empty()).then(|| Page {
            entries: entries.into(),
            ..*page
        })
    }

    /// The first epoch of the topic that has this one.
    fn first_epoch(&self, epoch: Epoch) -> Epoch {
        let orders = self.orders.all();
        let first = Position { epoch, offset: 1 };
        let mut with = orders.iter().filter(|order| order.after(first).is_some());
        let placed = with.next().into_iter().flat_map(|order| &order.placed);
        let mut positions = placed.filter_map(|placed| placed.position);
        positions.next().map_or(epoch, |first| first.epoch)
    }
}

/// Tries worlds with a fault until one fails.
fn try_with(fault: Fault) {
    let theme = match fault {
        Fault::Unmatched => Theme::Patterns,
        _ => Theme::Histories,
    };
    let mut seeds = Rng::new(0);
    for _ in 0..300 {
        let seed = seeds.next_u64();
        let mut profile = Profile::of_theme(theme, &mut Rng::new(seed));
        // Answers to the home's own clients are no mail.
        profile.shards = profile.shards.max(2);
        let mut world = World::with_profile(seed, profile);
        world.plant(|orders| Planted { fault, orders });
        crate::live(&mut world);
    }
}

#[test]
#[should_panic(expected = "is missing")]
fn a_message_missing_at_the_edge_of_a_ring_is_found() {
    try_with(Fault::Dropped);
}

#[test]
#[should_panic(expected = "is missing")]
fn an_answer_that_begins_one_message_late_is_found() {
    try_with(Fault::Late);
}

#[test]
#[should_panic(expected = "is not the place of")]
fn an_epoch_that_is_kept_when_it_must_change_is_found() {
    try_with(Fault::EpochKept);
}

#[test]
#[should_panic(expected = "no gap")]
fn a_gap_that_is_not_told_is_found() {
    try_with(Fault::GapHidden);
}

#[test]
#[should_panic(expected = "lacks")]
fn a_message_that_misses_a_pattern_is_found() {
    try_with(Fault::Unmatched);
}
