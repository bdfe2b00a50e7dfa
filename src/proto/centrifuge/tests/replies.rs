//! How replies and pushes are written.

use prost::Message as _;
use serde_json::{Value, json};

use crate::proto::centrifuge::{
    Answer, ClientInfo, ConnectResult, Disconnect, Empty, Error, ErrorCode, Event, HistoryResult,
    Join, Message, PresenceResult, PresenceStatsResult, Publication, Push, Refresh, RefreshResult,
    Reply, RpcResult, ServerSub, SubRefreshResult, Subscribe, SubscribeResult, Unsubscribe, Wire,
};

fn text(text: &str) -> String {
    text.to_owned()
}

fn info() -> ClientInfo {
    ClientInfo {
        user: text("42"),
        client: text("c"),
        conn_info: br#"{"name": "Jo"}"#.to_vec(),
        chan_info: Vec::new(),
    }
}

fn publication() -> Publication {
    Publication {
        data: b"{\n\"input\": \"hi\"}".to_vec(),
        info: Some(info()),
        offset: 1,
        tags: [(text("a"), text("b"))].into(),
        time: 1_700_000_000_000,
        epoch: text("mzxw6ytb"),
        ..Publication::default()
    }
}

fn info_json() -> Value {
    json!({"user": "42", "client": "c", "conn_info": {"name": "Jo"}})
}

fn publication_json() -> Value {
    json!({
        "data": {"input": "hi"}, "info": info_json(), "offset": 1, "tags": {"a": "b"},
        "time": 1_700_000_000_000_u64, "epoch": "mzxw6ytb",
    })
}

fn subscribe() -> (SubscribeResult, Value) {
    let result = SubscribeResult {
        recoverable: true,
        epoch: text("mzxw6ytb"),
        publications: vec![publication()],
        recovered: true,
        positioned: true,
        was_recovering: true,
        ..SubscribeResult::default()
    };
    let json = json!({
        "recoverable": true, "epoch": "mzxw6ytb", "publications": [publication_json()],
        "recovered": true, "positioned": true, "was_recovering": true,
    });
    (result, json)
}

fn connect() -> (ConnectResult, Value) {
    let (subscribe, subscribe_json) = subscribe();
    let result = ConnectResult {
        client: text("c"),
        version: text("0.1.0"),
        expires: true,
        ttl: 60,
        data: b"no json".to_vec(),
        subs: vec![ServerSub {
            channel: text("news"),
            result: subscribe,
        }],
        ping: 25,
        pong: true,
        ..ConnectResult::default()
    };
    let json = json!({
        "client": "c", "version": "0.1.0", "expires": true, "ttl": 60, "data": "no json",
        "subs": {"news": subscribe_json}, "ping": 25, "pong": true,
    });
    (result, json)
}

#[test]
fn a_subscription_that_says_nothing_is_not_null() {
    let result = ConnectResult {
        subs: vec![ServerSub {
            channel: text("a"),
            ..ServerSub::default()
        }],
        ..ConnectResult::default()
    };
    assert_eq!(result.encode_to_vec(), b"\x32\x05\x0a\x01a\x12\x00");
    assert_eq!(json!(result), json!({"subs": {"a": {}}}));
}

/// Each result with its JSON.
fn results() -> Vec<(Answer, Value)> {
    let (connect, connect_json) = connect();
    let (subscribe, subscribe_json) = subscribe();
    let presence = PresenceResult {
        presence: [(text("c"), info())].into(),
    };
    let stats = PresenceStatsResult::default();
    let history = HistoryResult {
        publications: vec![Publication::default()],
        epoch: text("mzxw6ytb"),
        offset: 0,
    };
    let refresh = RefreshResult {
        client: text("c"),
        ttl: 5,
        ..RefreshResult::default()
    };
    let sub_refresh = SubRefreshResult {
        expires: true,
        ttl: 5,
    };
    vec![
        (Answer::Connect(connect), json!({"connect": connect_json})),
        (
            Answer::Subscribe(subscribe),
            json!({"subscribe": subscribe_json}),
        ),
        (Answer::Unsubscribe(Empty {}), json!({"unsubscribe": {}})),
        (Answer::Publish(Empty {}), json!({"publish": {}})),
        (
            Answer::Presence(presence),
            json!({"presence": {"presence": {"c": info_json()}}}),
        ),
        (
            Answer::Presence(PresenceResult::default()),
            json!({"presence": {"presence": {}}}),
        ),
        (
            Answer::PresenceStats(stats),
            json!({"presence_stats": {"num_clients": 0, "num_users": 0}}),
        ),
        (
            Answer::History(history),
            json!({"history": {"publications": [{"data": ""}], "epoch": "mzxw6ytb", "offset": 0}}),
        ),
        (
            Answer::History(HistoryResult::default()),
            json!({"history": {"publications": [], "epoch": "", "offset": 0}}),
        ),
        (
            Answer::Rpc(RpcResult { data: vec![0xff] }),
            json!({"rpc": {"data": "/w=="}}),
        ),
        (
            Answer::Refresh(refresh),
            json!({"refresh": {"client": "c", "ttl": 5}}),
        ),
        (
            Answer::SubRefresh(sub_refresh),
            json!({"sub_refresh": {"expires": true, "ttl": 5}}),
        ),
    ]
}

fn errors() -> [(Answer, Value); 2] {
    let own = Error {
        code: 400,
        ..Error::default()
    };
    let internal_json = json!({"error": {
        "code": 100, "message": "internal server error", "temporary": true,
    }});
    [
        (Answer::Error(ErrorCode::Internal.into()), internal_json),
        (
            Answer::Error(own),
            json!({"error": {"code": 400, "message": ""}}),
        ),
    ]
}

/// Each event of a channel with its JSON.
fn events_of_channel() -> Vec<(Event, Value)> {
    let join = || Join { info: Some(info()) };
    let subscribe = Subscribe {
        positioned: true,
        offset: 3,
        ..Subscribe::default()
    };
    let unsubscribe = Unsubscribe {
        code: 2500,
        reason: text("insufficient state"),
    };
    let unsubscribe_json = json!({"code": 2500, "reason": "insufficient state"});
    vec![
        (
            Event::Pub(publication()),
            json!({"pub": publication_json()}),
        ),
        (Event::Join(join()), json!({"join": {"info": info_json()}})),
        (
            Event::Leave(join()),
            json!({"leave": {"info": info_json()}}),
        ),
        (
            Event::Subscribe(subscribe),
            json!({"subscribe": {"positioned": true, "offset": 3}}),
        ),
        (
            Event::Unsubscribe(unsubscribe),
            json!({"unsubscribe": unsubscribe_json}),
        ),
    ]
}

/// Each event of a connection with its JSON.
fn events_of_connection() -> Vec<(Event, Value)> {
    let (connect, connect_json) = connect();
    let message = Message {
        data: b"1".to_vec(),
    };
    let disconnect = Disconnect {
        code: 3001,
        reason: text("shutdown"),
    };
    let disconnect_json = json!({"code": 3001, "reason": "shutdown"});
    let refresh = Refresh {
        expires: true,
        ttl: 60,
    };
    vec![
        (Event::Message(message), json!({"message": {"data": 1}})),
        (Event::Connect(connect), json!({"connect": connect_json})),
        (
            Event::Disconnect(disconnect),
            json!({"disconnect": disconnect_json}),
        ),
        (
            Event::Refresh(refresh),
            json!({"refresh": {"expires": true, "ttl": 60}}),
        ),
    ]
}

/// Each reply and push with its JSON.
fn samples() -> Vec<(Reply, Value)> {
    let answers = results().into_iter().chain(errors());
    let answers = answers.map(|(answer, mut json)| {
        json["id"] = 1.into();
        (Reply::new(1, answer), json)
    });
    let of_channel = events_of_channel().into_iter().map(|(event, mut json)| {
        json["channel"] = "news".into();
        (Reply::push(Push::of("news", event)), json!({"push": json}))
    });
    let of_connection = events_of_connection().into_iter();
    let of_connection = of_connection.map(|(event, json)| {
        (
            Reply::push(Push::to_connection(event)),
            json!({"push": json}),
        )
    });
    let ping = (Reply::PING, json!({}));
    answers
        .chain(of_channel)
        .chain(of_connection)
        .chain([ping])
        .collect()
}

#[test]
fn every_reply_is_one_line_of_json() {
    for (reply, json) in samples() {
        let mut out = Vec::new();
        Wire::Json.encode_reply(&mut out, &reply);
        assert!(!out.contains(&b'\n'), "{reply:?}");
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), json);
    }
    let mut ping = Vec::new();
    Wire::Json.encode_reply(&mut ping, &Reply::PING);
    assert_eq!(ping, b"{}");
}

#[test]
fn every_reply_is_protobuf_with_its_length() {
    let mut out = Vec::new();
    for (reply, _) in samples() {
        Wire::Protobuf.encode_reply(&mut out, &reply);
    }
    let mut rest = &out[..];
    for (reply, _) in samples() {
        assert_eq!(Reply::decode_length_delimited(&mut rest), Ok(reply));
    }
    assert!(rest.is_empty());
    let mut ping = Vec::new();
    Wire::Protobuf.encode_reply(&mut ping, &Reply::PING);
    assert_eq!(ping, [0]);
}
