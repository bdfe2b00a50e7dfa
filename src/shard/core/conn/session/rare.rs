//! What few sessions have, most of them while their clients wait for something.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};

use crate::proto::centrifuge::SubscribeResult;
use crate::shard::core::conn::session::Session;

/// What few sessions have, most of them while their clients wait for something.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// What its command has asked the home of a topic.
    asked: Option<Box<dyn Any>>,
    /// What the client is told, when it is connected, of subscriptions that it has not asked for.
    told_later: BTreeMap<String, SubscribeResult>,
    /// Topics and patterns that its token names and that had no space for it.
    refused: BTreeSet<Box<str>>,
}

impl Session {
    /// Its client is told of a subscription that it has not asked for when it is connected.
    pub(crate) fn tell_later(&mut self, channel: &str, result: SubscribeResult) {
        let told = &mut self.rare.get_or_insert_default().told_later;
        told.insert(channel.to_owned(), result);
    }

    /// What it is told then.
    pub(super) fn take_told_later(&mut self) -> BTreeMap<String, SubscribeResult> {
        let told = self.rare.as_mut();
        let told = told.map(|rare| std::mem::take(&mut rare.told_later));
        self.rest();
        told.unwrap_or_default()
    }

    /// A topic that its token names had no space for it.
    pub(crate) fn note_refused(&mut self, channel: &str) {
        let refused = &mut self.rare.get_or_insert_default().refused;
        refused.insert(channel.into());
    }

    pub(crate) fn was_refused(&self, channel: &str) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| rare.refused.contains(channel))
    }

    /// Its command has asked the home of a topic, and waits for the answer.
    pub(crate) fn ask(&mut self, asked: Box<dyn Any>) {
        self.rare.get_or_insert_default().asked = Some(asked);
    }

    /// What its command has asked.
    pub(crate) fn take_asked(&mut self) -> Option<Box<dyn Any>> {
        let asked = self.rare.as_mut()?.asked.take();
        self.rest();
        asked
    }

    /// Gives back the memory of what is over.
    fn rest(&mut self) {
        let is_over = |rare: &mut Box<Rare>| {
            rare.asked.is_none() && rare.told_later.is_empty() && rare.refused.is_empty()
        };
        self.rare.take_if(is_over);
    }
}
