//! Connections that are only held.

use std::collections::BTreeMap;

use crate::app::{App, EndedBy, LinkName};
use crate::outbox::Outbox;
use crate::record::Recorder;

/// The application of a thread that holds connections.
#[derive(Debug)]
pub(super) struct Idlers {
    /// Time from connecting to live.
    pub(super) took: Recorder,
    /// Messages, though nobody published any.
    pub(super) messages: u64,
    /// Why the server ended live connections.
    pub(super) ended: BTreeMap<String, u64>,
}

impl Idlers {
    /// For any number of connections.
    pub(super) fn new() -> Self {
        Self {
            took: Recorder::new(),
            messages: 0,
            ended: BTreeMap::new(),
        }
    }
}

impl App for Idlers {
    fn on_live(&mut self, _link: LinkName, _now: u64, took_ns: u64, _out: &mut Outbox) {
        self.took.record(took_ns);
    }

    fn on_end(&mut self, _link: LinkName, by: EndedBy<'_>, _now: u64, _out: &mut Outbox) {
        if let EndedBy::Server(why) = by {
            *self.ended.entry(why.to_owned()).or_default() += 1;
        }
    }

    fn on_message(&mut self, _link: LinkName, _payload: &[u8], _now: u64, _out: &mut Outbox) {
        self.messages += 1;
    }

    fn on_turn(&mut self, _now: u64, _out: &mut Outbox) -> Option<u64> {
        None
    }
}
