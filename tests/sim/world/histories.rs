//! Clients that come back to where they were in topics with histories, and what happens to those.

use corecast::{Position, Since};

use crate::client::reader::Reader;
use crate::client::{Client, Place};
use crate::faults::Planted;
use crate::order::Orders;
use crate::world::{Action, World};

impl World {
    pub(super) fn act_on_history(&mut self, shard: usize) {
        let Some(histories) = &self.profile.histories else {
            return;
        };
        let (removes, reloads) = (histories.removes, histories.reloads);
        let topic = self.rng.below(self.profile.topics);
        let client = self.rng.below(self.clients.len());
        match self.rng.below(8) {
            0 if removes => self.act(Action::Remove(shard, topic)),
            1 if reloads => self.act(Action::Reload(topic)),
            2 => {
                let millis = self.rng.below(300) as u64;
                self.act(Action::Pass(millis));
            }
            // It comes back when chance has it, as others do.
            _ if self.clients[client].stays() && !self.clients[client].reference => {
                self.act(Action::Reset(client));
            }
            _ => {}
        }
    }

    /// Has all shards have a fault.
    pub(crate) fn plant(&mut self, make: impl Fn(Orders) -> Planted) {
        let orders = self.ledger.borrow().places.clone().unwrap_or_default();
        for shard in &mut self.shards {
            shard.host.planted = Some(make(orders.clone()));
        }
    }

    pub(super) fn remove_history(&mut self, shard: usize, topic: usize) {
        let Some(orders) = self.ledger.borrow().places.clone() else {
            return;
        };
        let core = &mut self.shards[shard].driver.core;
        let name = &self.names[topic];
        // One for which there is no space does nothing.
        let _busy =
            core.shard_cx(|cx| cx.remove_history(name, move |_| orders.all()[topic].note_gone()));
    }

    pub(super) fn reload(&mut self, topic: usize) {
        let Some(histories) = &mut self.profile.histories else {
            return;
        };
        histories.change(topic, &mut self.rng);
        let namespaces = histories.namespaces();
        for shard in &mut self.shards {
            shard.driver.core.set_namespaces(namespaces.clone());
        }
        if let Some(orders) = &self.ledger.borrow().places {
            orders.all()[topic].set(&histories.settings[topic]);
        }
    }

    /// What a new client asks for of the history of its topic.
    pub(super) fn choose_place(&mut self, client: &mut Client) {
        let is_web_socket = matches!(client.place, Place::Ws | Place::Sub | Place::Command);
        if is_web_socket && self.rng.below(3) != 0 {
            let topic = client.topics.first().copied();
            client.positions = Some(topic.unwrap_or_else(|| self.rng.below(self.profile.topics)));
        }
        if client.topics.is_empty() {
            return;
        }
        let last = [0, 1, 2, 5, 1_000][self.rng.below(5)];
        client.since = match self.rng.below(8) {
            // A listener for TCP says nothing by 0.
            0..2 if client.place == Place::Tcp && last == 0 => Since::Default,
            // There is no way to ask for that.
            0..2 if client.place == Place::Session => Since::Default,
            0..2 => Since::Last(last),
            2..7 if client.told_of().is_some() => self.some_position(client.topics[0]),
            7 if client.told_of().is_some() => Since::Foreign,
            _ => Since::Default,
        };
    }

    /// Where some client is in a topic, or was when it left.
    fn some_position(&mut self, topic: usize) -> Since {
        let readers = self.clients.iter().map(|client| &client.readers[topic]);
        let positions: Vec<Position> = readers.filter_map(|reader| reader.position).collect();
        if positions.is_empty() {
            return Since::Default;
        }
        let mut position = positions[self.rng.below(positions.len())];
        if self.rng.below(10) == 0 {
            position.offset += 1_000;
        }
        Since::Position(position)
    }

    pub(super) fn give_readers(&self, client: &mut Client) {
        let book = self.ledger.borrow();
        let Some(orders) = &book.places else {
            return;
        };
        let orders = orders.all();
        client.readers = (0..self.profile.topics)
            .map(|topic| Reader::new(client.told_of() == Some(topic)))
            .collect();
        for &topic in &client.topics {
            let mut readers = self.clients.iter().map(|client| &client.readers[topic]);
            let source = readers.find(|reader| match client.since {
                Since::Position(position) => reader.position == Some(position),
                _ => false,
            });
            let asked_at = orders[topic].placed.len();
            client.readers[topic].ask(client.since, source, &orders[topic], asked_at);
        }
    }
}
