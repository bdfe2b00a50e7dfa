use std::cell::Cell;
use std::rc::Rc;

use super::{Chunk, Outbox};
use crate::id::TopicKey;

#[test]
fn memory_is_counted_from_the_first_byte_until_all_is_sent_or_dropped() {
    let sum = Rc::new(Cell::new(0));
    let mut outboxes = [(); 2].map(|()| Outbox::counted_by(&sum));
    for (size, outbox) in [1000, 5000].into_iter().zip(&mut outboxes) {
        outbox.append(|bytes| bytes.extend_from_slice(&vec![0; size]));
        assert!(size <= outbox.held());
    }
    assert!(6000 <= sum.get());
    let [mut first, second] = outboxes;
    drop(second);
    assert_eq!(sum.get(), first.held());
    first.advance(1000);
    assert!(first.recycle(1 << 20));
    assert_eq!((sum.get(), first.held()), (0, 0));
    first.append(|bytes| bytes.push(0));
    assert!(1000 <= sum.get(), "what was kept counts again");
    drop(first);
    assert_eq!(sum.get(), 0);
}

#[test]
fn the_next_owner_rejoins_nothing() {
    let mut outbox = Outbox::default();
    outbox.keep_unread(TopicKey(3), 10, Vec::new());
    assert!(outbox.recycle(0));
    assert_eq!(outbox.take_rejoin(), []);
}

#[test]
fn a_feed_is_rejoined_where_it_was_left_last() {
    let mut outbox = Outbox::default();
    outbox.keep_unread(TopicKey(3), 10, Vec::new());
    outbox.keep_unread(TopicKey(4), 11, Vec::new());
    outbox.keep_unread(TopicKey(3), 12, Vec::new());
    assert_eq!(outbox.take_rejoin(), [(TopicKey(4), 11), (TopicKey(3), 12)]);
}

#[test]
fn every_cut_sends_the_same_bytes() {
    for step in 1..12 {
        let mut outbox = Outbox::default();
        let mut sent = Vec::new();
        for reply in [&b"hello"[..], b"", b"wide world", b"!"] {
            outbox.append(|bytes| bytes.extend_from_slice(reply));
            let next: Vec<u8> = outbox.slices().flatten().copied().take(step).collect();
            sent.extend_from_slice(&next);
            outbox.advance(next.len());
        }
        sent.extend(outbox.slices().flatten().copied());
        let left = outbox.len();
        outbox.advance(left);
        assert!(outbox.is_empty());
        assert_eq!(sent, b"hellowide world!", "in steps of {step}");
    }
}

#[test]
fn an_outbox_that_is_never_empty_keeps_only_unsent_bytes() {
    let mut outbox = Outbox::default();
    outbox.append(|bytes| bytes.extend_from_slice(&[0; 1000]));
    for _ in 0..10_000 {
        outbox.append(|bytes| bytes.extend_from_slice(&[1; 500]));
        outbox.advance(500);
    }
    assert_eq!(outbox.len(), 1000);
    let Some(Chunk::Owned { bytes, .. }) = outbox.chunks.back() else {
        panic!("replies are owned");
    };
    assert!(bytes.capacity() < 10_000, "{} bytes", bytes.capacity());
}
