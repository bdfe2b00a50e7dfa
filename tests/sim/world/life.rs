//! The life of a world, from its first connection to the end of the last.

use std::time::Duration;

use corecast::limits::PAGE_LINGER;
use corecast::time::Now;

use crate::client::{Client, Place, Stage};
use crate::world::{Action, World};

impl World {
    /// References, then the crowd and its traffic.
    pub(crate) fn live(&mut self) {
        for topic in 0..self.profile.topics {
            // Any connection may be ended where users are.
            if self.rng.below(5) != 0 && !self.profile.ends_users {
                let place = [Place::Tcp, Place::Sub, Place::Events][self.rng.below(3)];
                let at = self.connect(Client::new(place, vec![topic], self.profile.topics));
                self.clients[at].reference = true;
                self.references[topic] = Some(at);
            }
        }
        self.come_to_rest();
        let at_once = match self.profile.churns {
            true => self.profile.clients / 2,
            false => self.profile.clients,
        };
        for _ in 0..at_once {
            self.connect_any();
        }
        let drain_at = self.rng.below(usize::try_from(self.profile.steps).unwrap()) as u64;
        for step in 0..self.profile.steps {
            if self.profile.drains_early && step == drain_at {
                self.begin_drain();
            }
            self.step();
        }
        if self.profile.tokens {
            self.pass_a_second();
        }
    }

    /// In steps that are no gaps: connections that were told to end have ended.
    fn pass_a_second(&mut self) {
        for _ in 0..20 {
            self.come_to_rest();
            self.act(Action::Pass(50));
        }
    }

    /// Publishes one more message on each topic, for all subscribers; returns the first.
    pub(crate) fn probe(&mut self) -> Option<usize> {
        let publisher = self.connect(Client::new(Place::Pub, Vec::new(), self.profile.topics));
        self.come_to_rest();
        if !self.clients[publisher].stays() {
            return None;
        }
        let first = self.ledger.borrow().messages.len();
        for topic in 0..self.profile.topics {
            self.act(Action::Publish(publisher, topic));
        }
        self.come_to_rest();
        Some(first)
    }

    /// Clients that stopped reading read on.
    pub(crate) fn wake_all(&mut self) {
        for at in 0..self.clients.len() {
            if self.clients[at].stalled {
                self.act(Action::Stall(at, false));
            }
        }
    }

    /// All clients leave, by themselves or because the server drains.
    pub(crate) fn end(&mut self) {
        if self.draining || self.rng.below(2) == 0 {
            self.begin_drain();
        } else {
            for at in 0..self.clients.len() {
                let client = &self.clients[at];
                // A client that has ended its side and listens on would never leave.
                let is_bound = client.has_no_words() || client.stage == Stage::Opening;
                if is_bound && !client.ended {
                    self.act(Action::Reset(at));
                } else if client.stays() {
                    self.say_goodbye(at);
                }
            }
        }
        let start = self.now;
        while self
            .shards
            .iter()
            .any(|shard| !shard.driver.core.is_empty())
        {
            self.come_to_rest();
            let deadlines = self
                .shards
                .iter()
                .filter_map(|shard| shard.driver.core.next_deadline());
            let next = deadlines.min().map_or(0, Now::millis);
            assert!(self.now < start + 20_000, "connections outlive the end");
            self.act(Action::Pass(next.saturating_sub(self.now).clamp(1, 50)));
        }
        self.come_to_rest();
        let linger = self.profile.config.interest_linger.max(PAGE_LINGER);
        let linger = linger + Duration::from_millis(1);
        self.act(Action::Pass(u64::try_from(linger.as_millis()).unwrap()));
        self.come_to_rest();
    }

    fn begin_drain(&mut self) {
        if !std::mem::replace(&mut self.draining, true) {
            self.ledger.borrow_mut().begin_drain();
            self.act(Action::Drain);
        }
    }
}
