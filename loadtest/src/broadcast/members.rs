//! The application of a thread whose connections subscribe, publish, or do both.

use crate::app::{App, LinkName};
use crate::broadcast::publishers::Publishers;
use crate::broadcast::subscribers::{Inbox, Subscribers};
use crate::outbox::Outbox;
use crate::record::Recorder;

#[derive(Debug)]
pub(crate) struct Members {
    pub(super) role: Role,
    /// Time until a message came back to its publisher.
    pub(super) own: Recorder,
}

#[derive(Debug)]
pub(super) enum Role {
    Subscribe(Subscribers),
    /// With the checks of copies, which come on some paths.
    Publish(Box<Publishers>, Inbox),
    Both(Box<Publishers>, Subscribers),
}

impl Members {
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            own: Recorder::new(),
        }
    }

    pub(super) fn publishers(&self) -> Option<&Publishers> {
        match &self.role {
            Role::Publish(publishers, _) | Role::Both(publishers, _) => Some(publishers),
            Role::Subscribe(_) => None,
        }
    }

    /// How late the messages of a schedule went out.
    pub(crate) fn lateness(&self) -> Option<&Recorder> {
        self.publishers().map(|publishers| &publishers.lateness)
    }
}

impl App for Members {
    fn on_live(&mut self, link: LinkName, _now: u64, _took_ns: u64, _out: &mut Outbox) {
        if let Role::Publish(publishers, _) | Role::Both(publishers, _) = &mut self.role {
            publishers.on_live(link);
        }
    }

    #[inline]
    fn on_message(&mut self, link: LinkName, payload: &[u8], now: u64, out: &mut Outbox) {
        match &mut self.role {
            Role::Subscribe(subscribers) => {
                subscribers.receive(link, payload, now);
            }
            Role::Publish(_, copies) => {
                copies.receive(link, payload);
            }
            Role::Both(publishers, subscribers) => {
                if let Some((stamp, latency_ns)) = subscribers.receive(link, payload, now)
                    && publishers.is_own(link.index, stamp)
                {
                    self.own.record(latency_ns);
                    publishers.on_own(link.index, stamp.seq, now, out);
                }
            }
        }
    }

    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        if let Role::Subscribe(subscribers) | Role::Both(_, subscribers) = &mut self.role {
            subscribers.turn();
        }
        match &mut self.role {
            Role::Publish(publishers, _) | Role::Both(publishers, _) => publishers.turn(now, out),
            Role::Subscribe(_) => None,
        }
    }
}
