//! What clients were told, and what is checked of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use corecast::{Epoch, Position};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// Messages by their epochs and offsets.
pub(super) type Messages = HashMap<Epoch, BTreeMap<u64, String>>;

/// A client that has all.
#[derive(Deserialize)]
pub(super) struct Ended {
    pub(super) topic: String,
    kind: String,
    over: String,
    pub(super) cuts: u64,
    told: Vec<Told>,
}

/// What a client is told.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Told {
    /// Was it recovering, did it recover, and where the subscription is.
    Subscribed(bool, bool, #[serde(deserialize_with = "epoch")] Epoch, u64),
    Message(u64, String),
}

/// What a client has, and what it went through.
#[derive(Default)]
pub(super) struct Story {
    pub(super) messages: Messages,
    /// How often it has missed some, and was told so.
    pub(super) gaps: u64,
    /// How often it has missed none.
    pub(super) recovered: u64,
}

/// What a client was told, checked against itself.
pub(super) fn follow(ended: &Ended, kept: u64) -> Story {
    let (mut here, mut story) = (None::<Position>, Story::default());
    let of = format!("of {} over {}", ended.kind, ended.over);
    for told in &ended.told {
        match (told, here) {
            (Told::Subscribed(false, false, epoch, offset), None) => {
                here = Some(at(*epoch, *offset));
            }
            (Told::Subscribed(true, true, epoch, offset), Some(here)) => {
                assert_eq!(at(*epoch, *offset), here, "{of}");
                story.recovered += 1;
            }
            (Told::Subscribed(true, false, epoch, offset), Some(before)) => {
                // All of an epoch that is kept is recovered.
                let is_lawful = match *epoch == before.epoch {
                    true => before.offset + kept < *offset,
                    false => !story.messages.contains_key(epoch),
                };
                assert!(is_lawful, "{of}: from {before} to {epoch}:{offset}");
                here = Some(at(*epoch, *offset));
                story.gaps += 1;
            }
            (Told::Message(offset, text), Some(before)) => {
                assert_eq!(*offset, before.offset + 1, "{of}: after {before}");
                here = Some(at(before.epoch, *offset));
                let epoch = story.messages.entry(before.epoch).or_default();
                assert_eq!(epoch.insert(*offset, text.clone()), None);
            }
            (told, here) => panic!("{of}: {told:?} at {here:?}"),
        }
    }
    story
}

pub(super) fn epoch<'de, D: Deserializer<'de>>(from: D) -> Result<Epoch, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(D::Error::custom)
}

pub(super) fn at(epoch: Epoch, offset: u64) -> Position {
    Position { epoch, offset }
}

/// Adds what a client or the publishers have: what stands at one place is the same for all.
pub(super) fn agree(agreed: &mut Messages, other: &Messages) {
    for (epoch, messages) in other {
        let known = agreed.entry(*epoch).or_default();
        for (offset, text) in messages {
            let known = known.entry(*offset).or_insert_with(|| text.clone());
            assert_eq!(known, text, "at {epoch}:{offset}");
        }
    }
}

/// The messages of each publisher are in their order, each once.
pub(super) fn check_order(messages: &Messages) {
    let mut all = HashSet::new();
    for epoch in messages.values() {
        let mut next = HashMap::new();
        for text in epoch.values() {
            assert!(all.insert(text), "{text} twice");
            let (publisher, n) = text.split_once('.').unwrap();
            let before = next.insert(publisher, n.parse::<u64>().unwrap());
            assert!(
                before < Some(n.parse().unwrap()),
                "{before:?} before {text}"
            );
        }
    }
}
