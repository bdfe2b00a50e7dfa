//! The body and the place of a message, whole, cut and changed.

use std::sync::Arc;

use crate::handler::Publisher;
use crate::id::{ConnId, ShardId};
use crate::internals::Rng;
use crate::payload::{ClientEvent, Extra, Payload};
use crate::position::{Epoch, Position};
use crate::proto::Kind;
use crate::proto::centrifuge::ClientInfo;
use crate::redis::envelope::{Body, EnvelopeError, NodeId, Place, split};

const NODE: NodeId = NodeId(7);

fn full() -> Body {
    Body {
        payload: Payload {
            kind: Kind::Text,
            bytes: Arc::from(&b"21.5 \xc2\xb0C"[..]),
        },
        extra: Some(Arc::new(Extra {
            key: Some(Arc::from("temperature")),
            is_removal: true,
            tags: vec![("source".into(), "sensor-7".into()), ("".into(), "".into())],
            info: Some(Arc::new(ClientInfo {
                user: "42".to_owned(),
                client: "3.17.2".to_owned(),
                conn_info: b"{}".to_vec(),
                chan_info: Vec::new(),
            })),
            event: Some(ClientEvent::Joined),
        })),
        skips_history: true,
        excluded: Some(Publisher {
            shard: ShardId::new(3),
            conn: ConnId::unpack(0x2_0000_0011),
        }),
    }
}

#[test]
fn a_body_comes_back_as_it_was() {
    let body = full();
    let read = Body::decode(&body.encode(NODE), NODE).unwrap();
    assert_eq!(read.payload.bytes, body.payload.bytes);
    assert_eq!(read.payload.kind, Kind::Text);
    assert_eq!(read.extra, body.extra);
    assert_eq!(read.excluded, body.excluded);
    assert!(read.skips_history);
}

#[test]
fn only_the_server_of_a_publisher_excludes_it() {
    let read = Body::decode(&full().encode(NODE), NodeId(8)).unwrap();
    assert_eq!(read.excluded, None);
}

#[test]
fn text_that_is_no_text_is_refused() {
    let mut body = full();
    body.payload.bytes = Arc::from(&b"\xff"[..]);
    let read = Body::decode(&body.encode(NODE), NODE);
    assert_eq!(read.unwrap_err(), EnvelopeError);
}

#[test]
fn what_is_cut_or_changed_makes_an_error_or_another_message() {
    let bytes = full().encode(NODE);
    for end in 0..bytes.len() {
        Body::decode(&bytes[..end], NODE).ok();
    }
    let mut rng = Rng::new(1);
    for _ in 0..20_000 {
        let mut bytes = bytes.clone();
        for _ in 0..=rng.below(3) {
            let at = rng.below(bytes.len());
            bytes[at] = rng.byte();
        }
        if let Ok(body) = Body::decode(&bytes, NODE)
            && body.payload.kind == Kind::Text
        {
            assert!(str::from_utf8(&body.payload.bytes).is_ok());
        }
        split(&bytes).ok();
    }
}

#[test]
fn places_are_read_whole_or_not_at_all() {
    let epoch: Epoch = "mzxw6ytb".parse().unwrap();
    let position = Position {
        epoch,
        offset: u64::MAX,
    };
    let known: [(&[u8], Place); 4] = [
        (b"hmzxw6ytb18446744073709551615;", Place::Ordered(position)),
        (b"rmzxw6ytb18446744073709551615;", Place::Removed(position)),
        (b"n12;", Place::Counted(12)),
        (b"p3;", Place::Probe(3)),
    ];
    for (text, place) in known {
        let pushed = [text, b"body;"].concat();
        assert_eq!(split(&pushed), Ok((place, &b"body;"[..])));
        for end in 0..text.len() {
            assert_eq!(split(&text[..end]), Err(EnvelopeError), "{end}");
        }
    }
    for text in [
        "",
        "x1;",
        "n;",
        "n+1;",
        "hmzxw6ytb;",
        "hMZXW6YTB1;",
        "n99999999999999999999;",
    ] {
        assert_eq!(split(text.as_bytes()), Err(EnvelopeError), "{text}");
    }
}
