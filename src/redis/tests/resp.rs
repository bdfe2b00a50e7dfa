//! The decoder of replies, cut at every byte and changed at random.

use crate::internals::Rng;
use crate::redis::resp::{Reply, RespError, decode, encode};

const MESSAGE: &[u8] = b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\na\r\nb;\r\n";
const CONFIRMED: &[u8] = b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";

#[test]
fn replies_are_read_one_after_the_other() {
    let both = [MESSAGE, CONFIRMED].concat();
    let (reply, taken) = decode(&both).unwrap().unwrap();
    let parts = [&b"message"[..], b"c", b"a\r\nb;"].map(Reply::Text);
    assert_eq!(reply, Reply::Parts(parts.to_vec()));
    let (reply, rest) = decode(&both[taken..]).unwrap().unwrap();
    let parts = vec![
        Reply::Text(b"subscribe"),
        Reply::Text(b"c"),
        Reply::Number(1),
    ];
    assert_eq!(reply, Reply::Parts(parts));
    assert_eq!(taken + rest, both.len());
}

#[test]
fn a_reply_that_is_cut_waits_for_the_rest() {
    for reply in [MESSAGE, CONFIRMED, b"+OK\r\n", b"-ERR no\r\n", b"$-1\r\n"] {
        for end in 0..reply.len() {
            assert_eq!(decode(&reply[..end]), Ok(None), "{end}");
        }
        assert!(decode(reply).unwrap().is_some());
    }
}

#[test]
fn what_is_no_reply_is_refused() {
    for reply in [
        "HTTP/1.1 400\r\n",
        "$x\r\n",
        "$-2\r\n",
        "*17\r\n",
        "$1\r\nabc",
        "+a\n",
        "*1\r\n*1\r\n",
    ] {
        assert_eq!(decode(reply.as_bytes()), Err(RespError), "{reply}");
    }
    let mut rng = Rng::new(1);
    for _ in 0..20_000 {
        let mut bytes = MESSAGE.to_vec();
        let at = rng.below(bytes.len());
        bytes[at] = rng.byte();
        decode(&bytes).ok();
    }
}

#[test]
fn a_command_is_an_array_of_texts() {
    let mut out = Vec::new();
    encode(&mut out, [&b"SUBSCRIBE"[..], b"c"].into_iter());
    assert_eq!(out, b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n");
}
