//! What is read of commands, and which error is made of what is none.

use prost::Message as _;

use crate::proto::centrifuge::{
    Command, CommandError, ConnectRequest, Filter, HistoryRequest, PresenceRequest, PublishRequest,
    RefreshRequest, Request, RpcRequest, SendRequest, StreamPosition, SubRefreshRequest,
    SubscribeRequest, UnsubscribeRequest, Wire,
};

fn all(wire: Wire, message: &[u8]) -> Result<Vec<Command>, CommandError> {
    wire.commands(message).collect()
}

fn one(text: &str) -> Result<Command, CommandError> {
    let mut commands = all(Wire::Json, text.as_bytes())?;
    assert_eq!(commands.len(), 1);
    Ok(commands.remove(0))
}

fn channel() -> String {
    "news".to_owned()
}

const CONNECT: &str = r#"{"id":1,"connect":{"token":"t","data":{"a": [1]},"subs":{"news":{"recover":true,"epoch":"e","offset":18446744073709551615}},"name":"js","version":"1","headers":{"h":"v"},"flag":1}}"#;

fn connect() -> ConnectRequest {
    let recover = SubscribeRequest {
        recover: true,
        epoch: "e".to_owned(),
        offset: u64::MAX,
        ..SubscribeRequest::default()
    };
    ConnectRequest {
        token: "t".to_owned(),
        data: br#"{"a": [1]}"#.to_vec(),
        subs: [(channel(), recover)].into(),
        name: "js".to_owned(),
        version: "1".to_owned(),
        headers: [("h".to_owned(), "v".to_owned())].into(),
    }
}

const SUBSCRIBE: &str = r#"{"id":1,"subscribe":{"channel":"news","token":"t","recover":true,"epoch":"e","offset":5,"data":null,"positioned":true,"recoverable":true,"join_leave":true,"delta":"fossil","tf":{"op":"and","nodes":[{"key":"a"}]},"flag":3,"type":4,"of_later":{}}}"#;

fn subscribe() -> SubscribeRequest {
    SubscribeRequest {
        channel: channel(),
        token: "t".to_owned(),
        recover: true,
        epoch: "e".to_owned(),
        offset: 5,
        data: b"null".to_vec(),
        positioned: true,
        recoverable: true,
        join_leave: true,
        delta: "fossil".to_owned(),
        tf: Some(Filter {}),
        flag: 3,
        r#type: 4,
    }
}

const HISTORY: &str = r#"{"id":1,"history":{"channel":"news","limit":-1,"since":{"offset":7,"epoch":"e"},"reverse":true}}"#;

fn history() -> HistoryRequest {
    let since = StreamPosition {
        offset: 7,
        epoch: "e".to_owned(),
    };
    HistoryRequest {
        channel: channel(),
        limit: -1,
        since: Some(since),
        reverse: true,
    }
}

/// Each command as JSON, and what it asks for.
fn samples() -> Vec<(&'static str, Request)> {
    let publish = PublishRequest {
        channel: channel(),
        data: br#""x""#.to_vec(),
        r#type: 1,
    };
    let rpc = RpcRequest {
        data: b"[]".to_vec(),
        method: "m".to_owned(),
    };
    let token = || "t".to_owned();
    let sub_refresh = SubRefreshRequest {
        channel: channel(),
        token: token(),
        r#type: 1,
    };
    let send = SendRequest {
        data: b"[]".to_vec(),
    };
    let of_channel = || PresenceRequest { channel: channel() };
    let unsubscribe = UnsubscribeRequest { channel: channel() };
    vec![
        (CONNECT, Request::Connect(connect())),
        (SUBSCRIBE, Request::Subscribe(subscribe())),
        (
            r#"{"id":1,"unsubscribe":{"channel":"news"}}"#,
            Request::Unsubscribe(unsubscribe),
        ),
        (
            r#"{"id":1,"publish":{"channel":"news","data":"x","type":1}}"#,
            Request::Publish(publish),
        ),
        (
            r#"{"id":1,"presence":{"channel":"news"}}"#,
            Request::Presence(of_channel()),
        ),
        (
            r#"{"id":1,"presence_stats":{"channel":"news"}}"#,
            Request::PresenceStats(of_channel()),
        ),
        (HISTORY, Request::History(history())),
        (r#"{"id":1,"send":{"data":[]}}"#, Request::Send(send)),
        (
            r#"{"id":1,"rpc":{"data":[],"method":"m"}}"#,
            Request::Rpc(rpc),
        ),
        (
            r#"{"id":1,"refresh":{"token":"t"}}"#,
            Request::Refresh(RefreshRequest { token: token() }),
        ),
        (
            r#"{"id":1,"sub_refresh":{"channel":"news","token":"t","type":1}}"#,
            Request::SubRefresh(sub_refresh),
        ),
    ]
}

#[test]
fn every_command_is_read_from_json() {
    for (text, request) in samples() {
        assert_eq!(one(text), Ok(Command { id: 1, request }), "{text}");
    }
    let pong = Command {
        id: 0,
        request: Request::Pong,
    };
    assert_eq!(one("{}"), Ok(pong.clone()));
    assert_eq!(all(Wire::Protobuf, &[0]), Ok(vec![pong]));
}

#[test]
fn a_message_has_several_commands_and_may_be_taken_up_after_any() {
    let lines: Vec<&str> = samples().iter().map(|(text, _)| *text).collect();
    let requests = || {
        samples()
            .into_iter()
            .map(|(_, request)| Command { id: 1, request })
    };
    for end in ["", "\n", "\r\n"] {
        let message = lines.join("\n") + end;
        let message = message.as_bytes();
        assert_eq!(all(Wire::Json, message), Ok(requests().collect()));
        let mut commands = Wire::Json.commands(message);
        for done in 1..=lines.len() {
            commands.next();
            let rest = &message[commands.taken()..];
            if rest.is_empty() {
                assert_eq!(done, lines.len());
                continue;
            }
            let rest: Vec<_> = Wire::Json.commands(rest).collect::<Result<_, _>>().unwrap();
            assert!(rest.into_iter().eq(requests().skip(done)));
        }
    }
}

#[test]
fn what_is_no_command_ends_the_message() {
    let check = |text: &str, error| {
        let read: Vec<_> = Wire::Json.commands(text.as_bytes()).collect();
        assert_eq!(read.last(), Some(&Err(error)), "{text}");
    };
    check("", CommandError::Empty);
    check("\n", CommandError::Json);
    check("{}\n\n{}", CommandError::Json);
    check("null", CommandError::Json);
    check("[]", CommandError::Json);
    check(" []", CommandError::Json);
    check("{}{}", CommandError::Json);
    check("{\"id\":-1}", CommandError::Json);
    check("{\"id\":4294967296}", CommandError::Json);
    check("{\"id\":1,\"connect\":{\"token\":1}}", CommandError::Json);
    check("{\"id\":1,\"rpc\":{\"data\":nul}}", CommandError::Json);
    check("{\"id\":1}", CommandError::Request);
    check("{\"id\":1,\"ping\":{}}", CommandError::Request);
    check("{\"ping\":{}}", CommandError::Request);
    check("{\"connect\":{}}", CommandError::Request);
    check("{\"id\":1,\"of_later\":{}}", CommandError::Request);
    let deep = "[".repeat(1000);
    check(
        &format!("{{\"id\":1,\"subscribe\":{{\"tf\":{{\"a\":{deep}"),
        CommandError::Json,
    );
    assert!(
        one("{\"send\":{\"data\":1}}").is_ok(),
        "it has no reply, so it needs no number"
    );
}

#[test]
fn the_first_request_of_a_command_counts() {
    let both = r#"{"id":1,"rpc":{"method":"m"},"connect":null,"unsubscribe":{"channel":"news"}}"#;
    let request = Request::Unsubscribe(UnsubscribeRequest { channel: channel() });
    assert_eq!(one(both), Ok(Command { id: 1, request }));
}

#[test]
fn protobuf_that_is_cut_or_wrong_is_refused() {
    let connect = ConnectRequest {
        token: "a token".to_owned(),
        data: vec![0; 200],
        ..ConnectRequest::default()
    };
    // id 1, and connect in field 4.
    let mut command = vec![0x08, 1, 0x22];
    connect.encode_length_delimited(&mut command).unwrap();
    let mut message = Vec::new();
    prost::encode_length_delimiter(command.len(), &mut message).unwrap();
    message.extend_from_slice(&command);
    let request = Request::Connect(connect);
    assert_eq!(
        all(Wire::Protobuf, &message),
        Ok(vec![Command { id: 1, request }])
    );
    for cut in 0..message.len() {
        let error = if cut == 0 {
            CommandError::Empty
        } else {
            CommandError::Length
        };
        assert_eq!(
            all(Wire::Protobuf, &message[..cut]),
            Err(error),
            "cut at {cut}"
        );
    }
    for cut in 3..command.len() {
        let mut message = Vec::new();
        prost::encode_length_delimiter(cut, &mut message).unwrap();
        message.extend_from_slice(&command[..cut]);
        let read = all(Wire::Protobuf, &message);
        assert_eq!(read, Err(CommandError::Protobuf), "cut at {cut}");
    }
    let wrong: [(&[u8], CommandError); 4] = [
        (&[0xff; 11], CommandError::Length),
        (
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0],
            CommandError::Length,
        ),
        (&[2, 0x08, 1], CommandError::Request),
        // An invalid tag, and a token that is not UTF-8.
        (&[1, 0], CommandError::Protobuf),
    ];
    for (message, error) in wrong {
        assert_eq!(all(Wire::Protobuf, message), Err(error), "{message:02x?}");
    }
}

#[test]
fn nested_groups_of_protobuf_are_not_followed_for_ever() {
    // The start of a group in an unknown field, again and again.
    let mut message = Vec::new();
    let groups = [0xa3, 0x06].repeat(20_000);
    prost::encode_length_delimiter(groups.len(), &mut message).unwrap();
    message.extend_from_slice(&groups);
    assert_eq!(all(Wire::Protobuf, &message), Err(CommandError::Protobuf));
}

#[test]
fn lines_that_are_cut_are_refused() {
    for (text, _) in samples() {
        for cut in 1..text.len() {
            assert_eq!(
                one(&text[..cut]),
                Err(CommandError::Json),
                "{}",
                &text[..cut]
            );
        }
    }
}
