//! What a reader may be told after an epoch that had no message.

use std::time::Duration;

use corecast::{HistorySettings, Position, Since, TopicSettings};

use super::{Reader, Told};
use crate::order::Orders;

/// The order of a topic with keys in which these messages follow each other, from an epoch's first.
fn keyed(names: &[usize]) -> Orders {
    let settings = TopicSettings {
        history: Some(HistorySettings {
            entries_max: 20,
            bytes_max: 5_000,
            ttl: Duration::from_secs(1),
            meta_ttl: Duration::from_secs(1),
            is_keyed: true,
        }),
        ..TopicSettings::default()
    };
    let orders = Orders::new(&[settings], false);
    for (at, &name) in names.iter().enumerate() {
        orders.all()[0].place(name, 1, Some(position("newepoch", at + 1)));
    }
    orders
}

fn position(epoch: &str, offset: usize) -> Position {
    let text = format!("{epoch}:{offset}");
    text.parse().expect("a position")
}

/// Has a reader that read of a position without messages when all had been placed see one.
fn see(orders: &Orders, name: usize, offset: usize) {
    let order = &orders.all()[0];
    let mut reader = Reader::new(true);
    reader.ask(Since::Last(2), None, order, 0);
    reader.take(Told::Position(position("oldepoch", 0)), order);
    let placed = Some(position("newepoch", offset));
    reader.take(Told::Message(placed, name), order);
}

// Messages 2 and 10 have one key, and 1 another.

#[test]
fn what_a_newer_message_of_its_key_has_replaced_may_be_passed_over_after_an_epoch() {
    see(&keyed(&[10, 2, 1]), 2, 2);
}

#[test]
#[should_panic(expected = "is missing")]
fn what_none_has_replaced_may_not() {
    see(&keyed(&[1, 2, 10]), 2, 2);
}
