//! Shared topics with a history, of which the engine gives the positions.

use corecast::Kind;
use corecast::positions::{Frame, decode};
use corecast::shard::mail::{Fill, Inward, Outward};

use crate::shared::{LINGER, Scene, at, kept};

#[test]
fn the_history_is_that_of_the_engine() {
    let mut scene = Scene::new(true);
    let id = scene.subscribe();
    let (ticket, _) = scene.take_attach();
    let fill = Fill {
        top: at(8),
        entries: vec![kept(5, "five"), kept(7, "seven")],
        is_whole: false,
    };
    scene.attached(ticket, Some(fill));
    let greeting = scene.shard.take(id);
    let text = String::from_utf8_lossy(&greeting);
    assert!(
        text.ends_with("\u{81}\u{4}five") || text.contains("five"),
        "{text}"
    );
    assert!(text.contains("seven"), "{text}");
    let nine = scene.arrival(ticket, Some(9), "nine");
    assert!(scene.give(nine).is_none());
    assert_eq!(scene.texts(id), ["nine"]);
    let whole = Inward::Refill {
        topic: scene.topic.clone(),
        ticket,
        fill: Fill {
            top: at(13),
            entries: vec![kept(10, "ten"), kept(12, "twelve")],
            is_whole: true,
        },
    };
    assert!(scene.give(whole).is_none());
    assert_eq!(scene.texts(id), ["ten", "twelve"]);
    let next = scene.arrival(ticket, Some(14), "next");
    assert!(scene.give(next).is_none());
    assert_eq!(scene.texts(id), ["next"]);
    scene.shard.core.handle_reset(id);
    for _ in 0..3 {
        scene.shard.wait(2 * LINGER);
    }
    assert!(matches!(scene.take_outward()[..], [Outward::Detach { .. }]));
    scene.subscribe();
    assert_eq!(
        scene.take_attach().1,
        Some(at(14)),
        "it has all up to there"
    );
}

#[test]
fn subscribers_learn_that_messages_cannot_be_had_any_more() {
    let mut scene = Scene::new(true);
    let plain = scene.subscribe();
    let (ticket, _) = scene.take_attach();
    let fill = Fill {
        top: at(0),
        entries: Vec::new(),
        is_whole: false,
    };
    scene.attached(ticket, Some(fill));
    assert!(scene.has_greeting(plain));
    let path = format!("/sub/{}", scene.topic);
    let fields = "Sec-WebSocket-Protocol: corecast.positions\r\n";
    let positioned = scene.shard.upgrade(&path, fields);
    scene.shard.take(positioned);
    let one = scene.arrival(ticket, Some(1), "one");
    assert!(scene.give(one).is_none());
    assert_eq!(scene.texts(plain), ["one"]);
    assert!(scene.shard.take(positioned).ends_with(b"one"));
    let refill = Inward::Refill {
        topic: scene.topic.clone(),
        ticket,
        fill: Fill {
            top: at(9),
            entries: vec![kept(8, "eight"), kept(9, "nine")],
            is_whole: false,
        },
    };
    assert!(scene.give(refill).is_none());
    assert_eq!(scene.texts(plain), ["eight", "nine"]);
    let told = scene.shard.take(positioned);
    let decoded = decode(Kind::Text, &told[2..]);
    assert_eq!(decoded, Ok(Frame::Gap(Some(at(9)))));
    let next = scene.arrival(ticket, Some(10), "ten");
    assert!(scene.give(next).is_none());
    assert!(scene.shard.take(positioned).ends_with(b"ten"));
}
