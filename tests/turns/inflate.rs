//! Compressed messages that come in.

use corecast::Config;
use corecast::limits::FINAL_BLOCKS_MAX;

use crate::shard::Shard;
use crate::{DEFLATE, frame};

/// FIN, RSV1, binary.
const COMPRESSED: u8 = 0xc2;

/// Blocks that each say that they are the last, and that nothing comes out of.
fn final_blocks(count: usize) -> Vec<u8> {
    let mut message = [0x03, 0x00].repeat(count);
    message.push(0x00);
    message
}

/// Blocks that are not compressed, and have no bytes.
fn empty_blocks() -> Vec<u8> {
    let mut message = [0x00, 0x00, 0x00, 0xff, 0xff].repeat(12_000);
    message.push(0x00);
    message
}

#[test]
fn a_message_that_nothing_comes_out_of_has_its_price() {
    for (message, count) in [(final_blocks(FINAL_BLOCKS_MAX), 200), (empty_blocks(), 20)] {
        let mut shard = Shard::new(Config::default());
        let client = shard.upgrade("/pub/a", DEFLATE);
        shard.read(client, frame(COMPRESSED, &message).repeat(count));
        let taken = usize::try_from(shard.counters().messages_in).unwrap();
        assert!((1..count / 2).contains(&taken), "{taken} of {count}");
        shard.rest();
        assert_eq!(shard.counters().messages_in, count as u64);
    }
}

#[test]
fn so_has_one_that_is_refused_when_it_has_cost_much() {
    let bad = [empty_blocks(), vec![0x07]].concat();
    for message in [bad, final_blocks(10_000)] {
        let mut shard = Shard::new(Config::default());
        let clients = [0; 100].map(|_| shard.upgrade("/pub/a", DEFLATE));
        for client in clients {
            shard.read(client, frame(COMPRESSED, &message));
        }
        shard.core.settle(|_, _, _| {});
        let closed: u64 = shard.counters().closed.iter().sum();
        assert!((1..75).contains(&closed), "{closed} are closed");
        shard.rest();
        assert_eq!(shard.counters().closed.iter().sum::<u64>(), 100);
        assert_eq!(shard.counters().messages_in, 0);
    }
}
