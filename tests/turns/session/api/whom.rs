//! Which clients a command of a backend is about.

use super::*;

#[test]
fn a_client_or_a_session_may_be_meant_alone() {
    let mut shard = shard();
    let [socket, stream] = both(&mut shard, "ann");
    let Live::Stream(Streamed { session, .. }) = &stream else {
        unreachable!();
    };
    let (client, session) = (socket.id(), session.clone());
    for (whom, hears_it) in [
        (format!(r#""user":"ann","client":"0.{client}""#), [1, 0]),
        (format!(r#""user":"ann","session":"{session}""#), [0, 1]),
        (format!(r#""session":"{session}","user":"""#), [0, 0]),
        (format!(r#""user":"bob","session":"{session}""#), [0, 0]),
        (r#""user":"ann","session":"0.0.1-00""#.to_owned(), [0, 0]),
        (
            format!(r#""user":"ann","client":"0.{client}","session":"{session}""#),
            [0, 0],
        ),
        (r#""user":"ann","client":"9.0.1""#.to_owned(), [0, 0]),
        (r#""user":"","client":"9.0.1""#.to_owned(), [0, 0]),
    ] {
        for (method, told) in [("subscribe", SUBSCRIBED), ("unsubscribe", UNSUBSCRIBED)] {
            have(
                &mut shard,
                method,
                &format!(r#"{{{whom},"channel":"news"}}"#),
            );
            let heard = [&socket, &stream].map(|live| live.hear(&mut shard));
            let expected = hears_it.map(|count| vec![told.to_owned(); count]);
            assert_eq!(heard, expected, "{whom}");
        }
    }
}

#[test]
fn a_client_without_a_user_is_meant_by_its_id() {
    let mut shard = shard_with(Config::default(), &["anyone all #"], true);
    let (socket, raw) = (shard.upgrade(PATH, ""), shard.upgrade("/sub/news", ""));
    shard.read(socket, text(CONNECT));
    shard.rest();
    shard.take(socket);
    let others = both(&mut shard, "ann");
    let body = |id: ConnId| format!(r#"{{"user":"","client":"0.{id}","channel":"news"}}"#);
    have(&mut shard, "subscribe", &body(socket));
    have(&mut shard, "subscribe", &body(others[0].id()));
    let told = heard(shard.take(socket)).into_iter().map(as_push);
    assert_eq!(told.collect::<Vec<_>>(), [SUBSCRIBED]);
    have(&mut shard, "unsubscribe", &body(raw));
    publish(&mut shard, 1);
    assert_eq!(heard(shard.take(raw)), [Told::Text("1".to_owned())]);
    let body = format!(r#"{{"client":"0.{socket}"}}"#);
    have(&mut shard, "disconnect", &body);
    let told = heard(shard.take(socket));
    assert_eq!(told.last(), Some(&close(3503, "force disconnect")));
    for client in &others {
        assert_eq!(client.hear(&mut shard), [""; 0]);
    }
    let all = ask(&mut shard, "disconnect", r#"{"user":""}"#);
    assert!(all.contains(r#""code":107"#), "{all}");
}

#[test]
fn connections_of_other_protocols_keep_the_topics_that_they_have() {
    let mut shard = shard();
    let fields = format!("Authorization: Bearer {}\r\n", token_of("ann"));
    let raw = shard.upgrade("/sub/other", &fields);
    have(
        &mut shard,
        "subscribe",
        r#"{"user":"ann","channel":"news"}"#,
    );
    have(
        &mut shard,
        "unsubscribe",
        r#"{"user":"ann","channel":"other"}"#,
    );
    publish(&mut shard, 1);
    ask(&mut shard, "publish", r#"{"channel":"other","data":2}"#);
    assert_eq!(heard(shard.take(raw)), [Told::Text("2".to_owned())]);
}

#[test]
fn a_key_needs_the_user_and_the_topic_for_a_subscription() {
    let rules = [
        "key:backend manage ann",
        "key:backend subscribe news",
        "users all #",
    ];
    let mut shard = shard_with(Config::default(), &rules, false);
    let [socket, _] = both(&mut shard, "ann");
    let mut ask = |method: &str, user: &str, channel: &str| {
        let body = format!(r#"{{"user":"{user}","channel":"{channel}"}}"#);
        ask_with(&mut shard, "test", method, &body)
    };
    let denied = r#"{"error":{"code":103,"message":"permission denied"}}"#;
    assert_eq!(ask("subscribe", "ann", "secret"), denied);
    assert_eq!(ask("subscribe", "bob", "news"), denied);
    assert_eq!(ask("unsubscribe", "bob", "news"), denied);
    assert_eq!(ask("subscribe", "ann", "news"), r#"{"result":{}}"#);
    assert_eq!(socket.hear(&mut shard), [SUBSCRIBED]);
}

#[test]
fn clients_on_all_shards_are_subscribed_and_a_batch_takes_all_methods() {
    let mut shards = shards();
    let clients = [0, 1].map(|at| {
        let client = shards[at].upgrade(PATH, "");
        shards[at].read(client, text(&connect(&token_of("ann"))));
        exchange(&mut shards);
        shards[at].take(client);
        client
    });
    let api = shards[0].connect();
    let body = r#"{"commands":[{"subscribe":{"user":"ann","channel":"news"}},
        {"unsubscribe":{"user":"ann","channel":"news"}},{"refresh":{"user":"ann"}},
        {"disconnect":{"user":"ann"}}]}"#;
    shards[0].read(api, request(KEY, "batch", body));
    exchange(&mut shards);
    let answer = String::from_utf8(shards[0].take(api)).unwrap();
    let replies =
        r#"{"replies":[{"subscribe":{}},{"unsubscribe":{}},{"refresh":{}},{"disconnect":{}}]}"#;
    assert!(answer.ends_with(replies), "{answer}");
    for (shard, client) in shards.iter_mut().zip(clients) {
        let told: Vec<_> = heard(shard.take(client)).into_iter().map(as_push).collect();
        let end = ended(3503, "force disconnect");
        assert_eq!(told.last(), Some(&end), "{told:?}");
        let refresh = r#"{"push":{"refresh":{}}}"#;
        assert!(told.contains(&refresh.to_owned()), "{told:?}");
        assert!(told.contains(&UNSUBSCRIBED.to_owned()), "{told:?}");
    }
}

#[test]
fn a_session_is_there_when_its_client_has_connected() {
    let mut shard = shard_with(Config::default(), &["anyone all #"], true);
    let client = shard.upgrade(PATH, "");
    for method in ["subscribe", "disconnect"] {
        let channel = if method == "subscribe" {
            r#","channel":"news""#
        } else {
            ""
        };
        let body = format!(r#"{{"client":"0.{client}"{channel}}}"#);
        have(&mut shard, method, &body);
    }
    publish(&mut shard, 1);
    assert_eq!(shard.take(client), b"");
    shard.read(client, text(CONNECT));
    shard.rest();
    let [Told::Text(told)] = &heard(shard.take(client))[..] else {
        panic!("it is connected, and told nothing else");
    };
    assert!(!told.contains("subs"), "{told}");
}

#[test]
fn a_client_of_one_way_is_meant_by_its_session() {
    let mut shard = shard();
    let connect = format!(r#"{{"token":"{}"}}"#, token_of("ann"));
    let socket = shard.upgrade("/connection/uni_websocket", "");
    shard.read(socket, text(&connect));
    shard.rest();
    let told = String::from_utf8_lossy(&shard.take(socket)).into_owned();
    let stream = post("/connection/uni_http_stream", &connect);
    let (stream, answer) = open(&mut shard, &stream);
    for (client, connected) in [(socket, told), (stream, answer)] {
        let (_, session) = connected.split_once(r#""session":""#).unwrap();
        let (session, _) = session.split_once('"').unwrap();
        let fields = format!(r#""user":"ann","session":"{session}""#);
        for method in ["subscribe", "unsubscribe"] {
            let body = format!(r#"{{{fields},"channel":"news"}}"#);
            have(&mut shard, method, &body);
            let told = String::from_utf8_lossy(&shard.take(client)).into_owned();
            let push = format!(r#"{{"channel":"news","{method}":{{"#);
            assert!(told.contains(&push), "{told}");
        }
    }
}

#[test]
fn a_user_with_many_clients_takes_no_more_of_a_turn_than_another() {
    let mut shard = shard();
    let clients: Vec<Live> = (0..10).flat_map(|_| both(&mut shard, "ann")).collect();
    let subscription = corecast::ServerSubscription::new("news");
    let which = corecast::Selection::All;
    let asked = shard
        .core
        .shard_cx(|cx| cx.subscribe_user("ann", which, subscription));
    asked.unwrap();
    let work = corecast::limits::WORK_OF_MESSAGE;
    shard.core.limit_work(work, work);
    let turns = shard.rest();
    assert!(10 < turns, "{turns}");
    for client in &clients {
        assert_eq!(client.hear(&mut shard), [SUBSCRIBED]);
    }
}

#[test]
fn a_key_needs_every_topic_that_matches_a_pattern_for_a_subscription_to_it() {
    let rules = [
        "key:backend manage ann",
        "deny key:backend subscribe hall:secret",
        "key:backend subscribe hall:+",
        "key:backend subscribe sensor:+",
        "key:backend subscribe yard:#",
        "users all #",
    ];
    let mut shard = shard_with(Config::default(), &rules, false);
    both(&mut shard, "ann");
    let mut ask = |channel: &str| {
        let body = format!(r#"{{"user":"ann","channel":"{channel}"}}"#);
        ask_with(&mut shard, "test", "subscribe", &body)
    };
    let denied = r#"{"error":{"code":103,"message":"permission denied"}}"#;
    for pattern in ["#", "+", "sensor:#", "hall:+"] {
        assert_eq!(ask(pattern), denied, "{pattern}");
    }
    for pattern in ["sensor:+", "yard:#", "yard:+"] {
        assert_eq!(ask(pattern), r#"{"result":{}}"#, "{pattern}");
    }
}
