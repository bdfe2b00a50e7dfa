//! The feeds of one topic: a list, as a topic has one or two of them, and there are more forms than
//! a topic should have room for.

use slab::Slab;

use crate::payload::Form;
use crate::topic::feed::Feed;

/// No feed.
pub const NO_FEED: u32 = u32::MAX;

/// The keys of a topic's feeds, of which `first` is the first.
pub(crate) fn feeds_of(feeds: &Slab<Box<Feed>>, first: u32) -> impl Iterator<Item = u32> {
    let known = move |key: u32| (key != NO_FEED).then_some(key);
    std::iter::successors(known(first), move |&key| {
        known(feeds.get(key as usize)?.next)
    })
}

/// The key of a topic's feed of one form, or `NO_FEED`.
pub(crate) fn feed_of(feeds: &Slab<Box<Feed>>, first: u32, form: Form) -> u32 {
    let is_of_form = |key: &u32| {
        feeds
            .get(*key as usize)
            .is_some_and(|feed| feed.form == form)
    };
    feeds_of(feeds, first).find(is_of_form).unwrap_or(NO_FEED)
}
