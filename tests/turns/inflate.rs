//! Compressed messages that come in.

use std::cell::Cell;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use corecast::internals::Rng;
use corecast::limits::{
    FINAL_BLOCKS_MAX, INFLATE_COST_OF_INPUT, INFLATE_COST_OF_RESTART, INFLATE_COST_PER_STEP,
    INFLATE_COST_PER_TURN, MESSAGE_BYTES_MAX,
};
use corecast::proto::ws::deflate::{Deflater, Window};
use corecast::{
    Busy, Config, ConnId, Cx, Halt, Handler, Message, Opening, Refusal, Request, Response,
};

use crate::shard::Answer;
use crate::shard::Shard;
use crate::{DEFLATE, frame, hostile};

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
fn a_compressed_message_without_content_costs_time_of_the_turn() {
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
fn a_refused_compressed_message_costs_time_of_the_turn() {
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

/// As many letters as 1 MiB of compressed message has at the least.
const LETTERS: usize = 11_900;

/// A message that takes nearly as long to inflate as one can.
fn longest() -> Vec<u8> {
    let longest = hostile::letters(LETTERS);
    assert!((MESSAGE_BYTES_MAX - 10_000..MESSAGE_BYTES_MAX).contains(&longest.len()));
    longest
}

/// The turns that it takes at the least, and some for what is done in steps.
fn turns_for(longest: &[u8]) -> RangeInclusive<usize> {
    let cost = longest.len() * INFLATE_COST_OF_INPUT;
    let most = INFLATE_COST_PER_TURN + INFLATE_COST_PER_STEP + INFLATE_COST_OF_RESTART;
    cost / most..=cost / INFLATE_COST_PER_TURN + 2
}

/// A text that is compressed.
fn hello(word: &str) -> Vec<u8> {
    let len = u8::try_from(word.len()).unwrap();
    let block = [&[0, len, 0, !len, 0xff], word.as_bytes(), &[0]].concat();
    frame(COMPRESSED, &block)
}

/// The messages that a subscriber without compression was sent.
fn messages(shard: &mut Shard, client: ConnId) -> Vec<String> {
    let sent = shard.take(client);
    let mut rest = &sent[..];
    let mut messages = Vec::new();
    while let [_, len, more @ ..] = rest {
        let (len, more) = match (usize::from(*len), more) {
            (126, [a, b, more @ ..]) => (usize::from(*a) << 8 | usize::from(*b), more),
            (len, more) => (len, more),
        };
        let (payload, more) = more.split_at(len);
        messages.push(String::from_utf8(payload.to_vec()).unwrap());
        rest = more;
    }
    messages
}

#[test]
fn the_slowest_message_is_inflated_over_many_turns() {
    let mut shard = Shard::new(Config::default());
    let reader = shard.upgrade("/sub/a", "");
    let client = shard.upgrade("/pub/a", DEFLATE);
    let longest = longest();
    shard.read(client, frame(COMPRESSED, &longest));
    let turns = shard.rest();
    assert!(turns_for(&longest).contains(&turns), "{turns} turns");
    assert_eq!(messages(&mut shard, reader), ["a".repeat(LETTERS)]);
    assert_eq!(
        (shard.counters().paused, shard.counters().assembly_bytes),
        (0, 0)
    );
}

#[test]
fn a_large_text_is_inflated_in_a_few_turns() {
    let mut rng = Rng::new(1);
    let words: Vec<String> = (0..2000)
        .map(|_| format!("{:x} ", rng.next_u64() >> 40))
        .collect();
    let mut text = String::new();
    while text.len() < MESSAGE_BYTES_MAX - 10 {
        text += &words[rng.below(words.len())];
    }
    let mut deflater = Deflater::new(6);
    let mut once = deflater.once(text.as_bytes());
    let compressed = once.compressed(Window::LARGEST).unwrap();
    assert!(text.len() < 5 * compressed.len(), "it is no simple text");
    let mut shard = Shard::new(Config::default());
    let client = shard.upgrade("/pub/a", DEFLATE);
    shard.read(client, frame(COMPRESSED, compressed));
    let turns = shard.rest();
    assert!((2..=5).contains(&turns), "{turns} turns");
    assert_eq!(shard.counters().bytes_in, text.len() as u64);
}

#[test]
fn during_inflation_others_go_on_and_compressed_messages_wait_in_order() {
    let mut shard = Shard::new(Config::default());
    let reader = shard.upgrade("/sub/a", "");
    let hostile = shard.upgrade("/pub/a", DEFLATE);
    let clients = [0; 3].map(|_| shard.upgrade("/pub/a", DEFLATE));
    let longest = longest();
    shard.read(hostile, frame(COMPRESSED, &longest).repeat(3));
    for (at, client) in clients.into_iter().enumerate() {
        let words = [
            format!("{at} now"),
            format!("{at} then"),
            format!("{at} last"),
        ];
        let [now, then, last] = &words;
        let bytes = [frame(0x82, now.as_bytes()), hello(then), hello(last)].concat();
        shard.read(client, bytes);
        assert!(!shard.core.wants_bytes(client));
    }
    shard.turn();
    assert_eq!(messages(&mut shard, reader), ["0 now", "1 now", "2 now"]);
    let mut turns = 0;
    let first = loop {
        assert!(shard.turn(), "it goes on at once");
        turns += 1;
        let sent = messages(&mut shard, reader);
        if !sent.is_empty() {
            break sent;
        }
    };
    assert!(turns <= *turns_for(&longest).end(), "{turns} turns");
    let expected = ["0 then", "0 last", "1 then", "1 last", "2 then", "2 last"];
    assert_eq!(first[0].len(), LETTERS);
    assert_eq!(first[1..], expected, "before the next of the first");
    for client in clients {
        assert!(shard.core.wants_bytes(client));
    }
    // A client that sends again meanwhile does not wait for the third either.
    shard.read(clients[0], hello("again"));
    shard.rest();
    let sent = messages(&mut shard, reader);
    let lens: Vec<usize> = sent.iter().map(String::len).collect();
    assert_eq!(lens, [LETTERS, "again".len(), LETTERS]);
}

#[test]
fn a_connection_that_ends_during_inflation_leaves_nothing() {
    let mut shard = Shard::new(Config::default());
    let reader = shard.upgrade("/sub/a", "");
    let longest = longest();
    for reset in [true, false] {
        let hostile = shard.upgrade("/pub/a", DEFLATE);
        let gone = shard.upgrade("/pub/a", DEFLATE);
        let other = shard.upgrade("/pub/a", DEFLATE);
        shard.read(hostile, frame(COMPRESSED, &longest));
        shard.read(gone, hello("never"));
        shard.read(other, hello("hello"));
        shard.turn();
        shard.turn();
        for client in [hostile, gone] {
            if reset {
                shard.core.handle_reset(client);
            } else {
                shard.core.handle_read_end(client);
            }
        }
        shard.core.reap(|_, _, _| {});
        // The place of the first may have another tenant at once.
        let tenant = shard.connect();
        shard.read(tenant, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        shard.rest();
        assert!(shard.take(tenant).starts_with(b"HTTP/1.1 200 "));
        assert_eq!(messages(&mut shard, reader), ["hello"]);
        assert_eq!(
            (shard.counters().paused, shard.counters().assembly_bytes),
            (0, 0)
        );
    }
}

/// Takes no message of more than a word before the flag says so.
struct Picky(Rc<Cell<bool>>);

impl Handler for Picky {
    type Conn = ();
    type Answer = Answer;

    fn on_open(&mut self, _: &mut Cx<'_, (), Answer>, _: &Opening<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn on_message(&mut self, _: &mut Cx<'_, (), Answer>, message: Message<'_>) -> Result<(), Halt> {
        let is_word = message.payload.len() < 10;
        assert!(is_word || message.payload == [b'a'; LETTERS]);
        if is_word || self.0.get() {
            Ok(())
        } else {
            Err(Busy::outside().into())
        }
    }

    fn on_request(
        &mut self,
        _: &mut Cx<'_, (), Answer>,
        _: &Request<'_>,
    ) -> Result<Response, Refusal> {
        Ok(Response::empty())
    }
}

#[test]
fn a_message_that_a_busy_handler_did_not_take_is_not_inflated_again() {
    let has_space = Rc::new(Cell::new(false));
    let mut shard = Shard::of(Config::default(), Picky(Rc::clone(&has_space)));
    let client = shard.upgrade("/a", DEFLATE);
    let other = shard.upgrade("/a", DEFLATE);
    let longest = longest();
    shard.read(
        client,
        [frame(COMPRESSED, &longest), hello("behind")].concat(),
    );
    shard.read(other, hello("hello"));
    assert!(turns_for(&longest).contains(&shard.rest()));
    assert_eq!(
        (shard.counters().messages_in, shard.counters().paused),
        (2, 1)
    );
    let kept = shard.counters().assembly_bytes;
    assert!(
        (1..100_000).contains(&kept),
        "{kept}: it is kept as it was offered"
    );
    for _ in 0..3 {
        let pauses = shard.counters().pauses;
        shard.wait(Duration::from_secs(1));
        assert!(pauses < shard.counters().pauses, "it was offered again");
        // There is as much time for others as ever.
        shard.read(other, hello("hello"));
        assert_eq!(shard.rest(), 1);
    }
    assert_eq!(shard.counters().messages_in, 5);
    has_space.set(true);
    shard.wait(Duration::from_secs(1));
    assert_eq!(
        (shard.counters().messages_in, shard.counters().paused),
        (6, 0)
    );
}
