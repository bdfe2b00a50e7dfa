//! Pushes that are written by hand, against those that `prost` and `serde` write and read.

use prost::Message as _;
use serde_json::Value;

use crate::internals::Rng;
use crate::position::{Epoch, Position};
use crate::proto::Kind;
use crate::proto::centrifuge::{
    ClientInfo, Content, Data, Event, Message, Publication, PublicationRef, Push, PushEncoding,
    Reply, Wire, Wrap,
};

/// The push of a message as values.
fn push(message: PublicationRef<'_>) -> Push {
    let data = message.payload.to_vec();
    let Some(channel) = message.channel else {
        return Push::to_connection(Event::Message(Message { data }));
    };
    let position = message.position;
    let first = position.filter(|position| position.offset == 1);
    let tags = message.tags.iter();
    let publication = Publication {
        data,
        info: message.info.cloned(),
        offset: position.map_or(0, |position| position.offset),
        tags: tags
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        channel: message.source.unwrap_or_default().to_owned(),
        epoch: first.map_or_else(String::new, |position| position.epoch.to_string()),
        delta: message.content == Content::Delta,
        ..Publication::default()
    };
    Push::of(channel, Event::Pub(publication))
}

fn encoded(wire: Wire, wrap: Wrap, message: PublicationRef<'_>) -> Vec<u8> {
    let push = PushEncoding::new(wire, wrap, message);
    let mut out = Vec::new();
    push.encode(&mut out);
    assert_eq!(out.len(), push.len(), "{message:?}");
    assert!(out.len() <= PushEncoding::len_max(wire, wrap, message));
    if let Some((before, after)) = push.around_payload() {
        assert_eq!(&out[before..out.len() - after], message.payload);
    }
    out
}

fn check(message: PublicationRef<'_>) {
    let expected = push(message);
    let reply = Reply::push(expected.clone());
    let bare = encoded(Wire::Protobuf, Wrap::Bare, message);
    let out = encoded(Wire::Protobuf, Wrap::Reply, message);
    assert_eq!(
        Push::decode_length_delimited(&bare[..]),
        Ok(expected.clone())
    );
    assert_eq!(Reply::decode_length_delimited(&out[..]), Ok(reply.clone()));
    if !message.payload.is_empty() {
        // Derived encoders leave out what is empty.
        assert_eq!(
            bare,
            expected.encode_length_delimited_to_vec(),
            "{message:?}"
        );
        assert_eq!(out, reply.encode_length_delimited_to_vec(), "{message:?}");
    }

    let mut expected = serde_json::to_value(&expected).unwrap();
    if message.kind == Kind::Binary {
        // No kind is known of values.
        let mut data = Vec::new();
        Data::Base64.encode(&mut data, message.payload);
        let event = if message.channel.is_some() {
            "pub"
        } else {
            "message"
        };
        expected[event]["data"] = serde_json::from_slice(&data).unwrap();
    }
    if message.content != Content::Payload {
        expected["pub"]["data"] = std::str::from_utf8(message.payload).unwrap().into();
    }
    let out = encoded(Wire::Json, Wrap::Bare, message);
    assert!(!out.contains(&b'\n') && !out.contains(&b'\r'));
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), expected);
    let out = encoded(Wire::Json, Wrap::Reply, message);
    let expected = serde_json::json!({"push": expected});
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), expected);
}

fn infos() -> Vec<ClientInfo> {
    let long = "x".repeat(200);
    let info = |user: &str, conn: &[u8], chan: &[u8]| ClientInfo {
        user: user.to_owned(),
        client: "c".to_owned(),
        conn_info: conn.to_vec(),
        chan_info: chan.to_vec(),
    };
    vec![
        info("42", b"", b""),
        info("", br#"{"a":1}"#, b""),
        info("\"", b"{\n}", b"\xff"),
        info(&long, long.as_bytes(), b"1"),
    ]
}

#[test]
fn pushes_are_those_of_the_derived_encoders() {
    let many: Vec<_> = (0..3)
        .map(|tag| (format!("n{tag}").into(), "va\"lue".into()))
        .collect();
    let empty = [(Box::from(""), Box::from(""))];
    let all_tags: [&[(Box<str>, Box<str>)]; 3] = [&[], &many, &empty];
    let infos = infos();
    let payloads: [&[u8]; 6] = [
        b"",
        b"{\"a\": 1}",
        b"[\r\n]",
        b"text",
        &[b'1'; 127],
        &[b'1'; 130],
    ];
    let offsets = [0, 1, 2, 127, 128, u64::MAX];
    let mut rng = Rng::new(5);
    for _ in 0..20_000 {
        let offset = offsets[rng.below(offsets.len())];
        let epoch = Epoch::new(rng.next_u64());
        let kind = [Kind::Text, Kind::Binary][rng.below(2)];
        let channel = ["news", "a\"b", "ä:1"][rng.below(3)];
        let content = match kind {
            Kind::Text => [Content::Payload, Content::Value, Content::Delta][rng.below(3)],
            Kind::Binary => Content::Payload,
        };
        check(PublicationRef {
            channel: Some(channel),
            source: [None, None, Some("news/ä\"")][rng.below(3)],
            position: (0 < offset).then_some(Position { epoch, offset }),
            kind,
            payload: payloads[rng.below(payloads.len())],
            content,
            info: infos.get(rng.below(infos.len() + 1)),
            tags: all_tags[rng.below(all_tags.len())],
        });
    }
}

#[test]
fn a_message_for_one_connection_has_a_push_of_its_own() {
    for kind in [Kind::Text, Kind::Binary] {
        for payload in [&b""[..], b"{}", b"x\n"] {
            check(PublicationRef {
                channel: None,
                source: None,
                position: None,
                kind,
                payload,
                content: Content::Payload,
                info: None,
                tags: &[],
            });
        }
    }
}
