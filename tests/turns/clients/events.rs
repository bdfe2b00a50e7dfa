//! The handler hears of topics that have subscribers.

use corecast::{ShardId, TopicEvent};

use crate::clients::Pair;

#[test]
fn the_handler_at_the_home_hears_when_a_topic_is_occupied_and_when_it_is_vacated() {
    for at in [0, 1] {
        let mut pair = Pair::new(false);
        let clients = [pair.open(0, ""), pair.open(1, "")];
        let (first, second) = (clients[at], clients[1 - at]);
        pair.does(first, "+");
        assert_eq!(
            pair.events.take(),
            [(ShardId::new(1), TopicEvent::Occupied)]
        );
        pair.does(second, "+");
        pair.does(first, "-");
        pair.linger();
        pair.does(second, "-");
        pair.does(second, "+");
        pair.linger();
        assert_eq!(
            pair.events.take(),
            [],
            "it has had a subscriber all the time"
        );
        pair.does(second, "-");
        assert_eq!(pair.events.take(), [], "one may come back");
        pair.linger();
        assert_eq!(pair.events.take(), [(ShardId::new(1), TopicEvent::Vacated)]);
        pair.does(first, "+");
        assert_eq!(
            pair.events.take(),
            [(ShardId::new(1), TopicEvent::Occupied)]
        );
    }
}
