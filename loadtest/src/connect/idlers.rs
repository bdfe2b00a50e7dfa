//! Connections that are only held.

use std::collections::BTreeMap;

use crate::app::{App, EndedBy, LinkName};
use crate::outbox::Outbox;
use crate::record::Recorder;

/// The application of a thread that holds connections.
#[derive(Debug)]
pub(crate) struct Idlers {
    pub(crate) took: Recorder,
    /// Messages, though none was published.
    pub(crate) messages: u64,
    pub(crate) ended: BTreeMap<String, u64>,
}

impl Idlers {
    pub(crate) fn new() -> Self {
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
}
