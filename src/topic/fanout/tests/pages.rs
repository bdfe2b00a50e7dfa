//! Encoded pages: which are kept for the next reader.

use std::rc::Rc;
use std::sync::Arc;

use crate::id::ShardId;
use crate::payload::{Form, Payload};
use crate::position::Epoch;
use crate::proto::Kind;
use crate::proto::ws::deflate::Compression;
use crate::time::Now;
use crate::topic::Topic;
use crate::topic::fanout::Fanout;
use crate::topic::history::{Kept, Page};

#[test]
fn a_page_that_is_not_sent_is_there_for_the_next_reader_also_without_space_for_more() {
    let mut fanout = Fanout::new(Compression::default());
    let topic = fanout.add(&Topic::new("topic").unwrap(), ShardId::default());
    let pages = [1, 2].map(|offset| Page {
        epoch: Epoch::new(7),
        entries: Box::new([Kept {
            offset,
            payload: Payload {
                kind: Kind::Text,
                bytes: Arc::from(b"message".as_slice()),
            },
            extra: None,
        }]),
        has_removals: false,
    });
    let [sent, unsent] = &pages;
    let form = Form::LengthPrefix;
    let encode = |fanout: &mut Fanout, page: &Page| {
        let page = fanout.page(topic, form, page, Now::default(), |_| true);
        page.segment
    };
    drop(encode(&mut fanout, sent));
    let outbox = encode(&mut fanout, unsent);
    assert!(!fanout.has_space_for_pages(1));
    assert!(!fanout.has_page(topic, form, sent));
    assert!(Rc::ptr_eq(&outbox, &encode(&mut fanout, unsent)));
    drop(outbox);
    assert!(fanout.has_space_for_pages(1));
    assert!(!fanout.has_page(topic, form, unsent));
}
