//! Encoded pages: which are kept for the next reader.

use std::rc::Rc;
use std::sync::Arc;

use crate::id::{ShardId, TopicKey};
use crate::payload::{Form, Payload};
use crate::position::Epoch;
use crate::proto::Kind;
use crate::proto::ws::deflate::Compression;
use crate::time::Now;
use crate::topic::Topic;
use crate::topic::fanout::{Fanout, PageId, Segment};
use crate::topic::history::{Kept, Page};

fn page(offset: u64, bytes: &[u8], is_snapshot: bool) -> Page {
    let kept = Kept {
        offset,
        payload: Payload {
            kind: Kind::Text,
            bytes: Arc::from(bytes),
        },
        extra: None,
    };
    Page {
        epoch: Epoch::new(7),
        entries: Box::new([kept]),
        has_removals: false,
        is_snapshot,
    }
}

fn has(fanout: &mut Fanout, topic: TopicKey, page: &Page) -> bool {
    let id = PageId::of(topic, Form::LengthPrefix, page);
    fanout.find_page(&id, Now::default()).is_some()
}

fn encode(fanout: &mut Fanout, topic: TopicKey, page: &Page) -> Rc<Segment> {
    let (id, now) = (PageId::of(topic, Form::LengthPrefix, page), Now::default());
    let found = fanout.find_page(&id, now);
    let page = found.unwrap_or_else(|| fanout.encode_page(id, page, now, |_| true));
    page.segment
}

#[test]
fn a_page_that_is_not_sent_is_there_for_the_next_reader_also_without_space_for_more() {
    let mut fanout = Fanout::new(Compression::default());
    let topic = fanout.add(&Topic::new("topic").unwrap(), ShardId::default());
    let [sent, unsent] = &[1, 2].map(|offset| page(offset, b"message", false));
    drop(encode(&mut fanout, topic, sent));
    let outbox = encode(&mut fanout, topic, unsent);
    assert!(!fanout.has_space_for_pages(1));
    assert!(!has(&mut fanout, topic, sent));
    assert!(Rc::ptr_eq(&outbox, &encode(&mut fanout, topic, unsent)));
    drop(outbox);
    assert!(fanout.has_space_for_pages(1));
    assert!(!has(&mut fanout, topic, unsent));
}

#[test]
fn the_state_of_a_room_is_shared_while_it_is_the_same() {
    let mut fanout = Fanout::new(Compression::default());
    let topic = fanout.add(&Topic::new("topic").unwrap(), ShardId::default());
    let [state, same, other] = [b"state", b"state", b"other"]
        .map(|bytes| encode(&mut fanout, topic, &page(1, bytes, true)));
    assert!(Rc::ptr_eq(&state, &same));
    assert_ne!(state.slice(0, 9), other.slice(0, 9));
    let message = encode(&mut fanout, topic, &page(1, b"state", false));
    assert!(
        !Rc::ptr_eq(&state, &message),
        "the message there is not the state"
    );
    let first = page(0, b"state", true);
    assert!(
        !has(&mut fanout, topic, &first),
        "nothing was published yet"
    );
}
