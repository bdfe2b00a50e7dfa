//! The application of a thread whose connections subscribe, publish, or do both.

use crate::client::outbox::Outbox;
use crate::client::structured::Standing;
use crate::client::{App, EndedBy, LinkName};
use crate::pubsub::inbox::Inbox;
use crate::pubsub::publishers::Publishers;
use crate::pubsub::subscribers::Subscribers;
use crate::run::record::Recorder;

#[derive(Default)]
pub(crate) struct Members {
    pub(crate) subscribers: Option<Box<Subscribers>>,
    pub(crate) publishers: Option<Box<Publishers>>,
    /// Of publishers that do not subscribe: the checks of copies, which come on some paths.
    pub(crate) copies: Option<Inbox>,
    /// Time until a message came back to its publisher.
    pub(crate) own: Recorder,
}

impl App for Members {
    fn on_live(&mut self, link: LinkName, now: u64, took_ns: u64, _out: &mut Outbox) {
        if let Some(publishers) = &mut self.publishers {
            publishers.on_live(link);
        }
        if let Some(subscribers) = &mut self.subscribers {
            subscribers.on_live(link.index, now, took_ns);
        }
    }

    fn on_end(&mut self, link: LinkName, by: EndedBy<'_>, now: u64, out: &mut Outbox) {
        if let Some(subscribers) = &mut self.subscribers {
            subscribers.on_end(link.index, by, now, out);
        }
    }

    #[inline]
    fn on_message(&mut self, link: LinkName, payload: &[u8], now: u64, out: &mut Outbox) {
        let Some(subscribers) = &mut self.subscribers else {
            let copies = self.copies.iter_mut();
            return copies.for_each(|copies| copies.receive_copy(link.index, payload));
        };
        if let Some((stamp, latency_ns)) = subscribers.receive(link, payload, now)
            && let Some(publishers) = &mut self.publishers
            && publishers.is_own(link.index, stamp)
        {
            self.own.record(latency_ns);
            publishers.on_own(link.index, stamp.seq, now, out);
        }
    }

    fn on_standing(&mut self, index: usize, standing: Standing<'_>) {
        let subscribers = self.subscribers.iter_mut();
        subscribers.for_each(|subscribers| subscribers.on_standing(index, standing));
    }

    #[inline]
    fn on_offset(&mut self, index: usize, offset: u64) {
        let subscribers = self.subscribers.iter_mut();
        subscribers.for_each(|subscribers| subscribers.on_offset(index, offset));
    }

    fn since(&self, index: usize) -> Option<String> {
        self.subscribers.as_ref()?.since(index)
    }

    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        let subscribers = self.subscribers.as_mut();
        let leaves = subscribers.and_then(|subscribers| subscribers.turn(now, out));
        let publishers = self.publishers.as_mut();
        let sends = publishers.and_then(|publishers| publishers.turn(now, out));
        [leaves, sends].into_iter().flatten().min()
    }
}
