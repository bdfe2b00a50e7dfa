//! Clients that send what no client would: each is answered with a code or closed with one, and no
//! other client notices.

use corecast::internals::Rng;
use serde_json::Value;

use super::*;

/// What clients say, of which others are made.
const COMMANDS: &[&str] = &[
    CONNECT,
    r#"{"id":2,"subscribe":{"channel":"news","recover":true,"offset":3,"epoch":"abcdefgh"}}"#,
    r#"{"id":3,"subscribe":{"channel":"NAME","positioned":true,"join_leave":true}}"#,
    r#"{"id":4,"unsubscribe":{"channel":"news"}}"#,
    r#"{"id":5,"publish":{"channel":"other","data":{"a":[1,2]}}}"#,
    r#"{"id":6,"history":{"channel":"news","limit":-1,"since":{"offset":1,"epoch":"x"}}}"#,
    r#"{"id":7,"history":{"channel":"NAME","limit":2147483647,"reverse":true}}"#,
    r#"{"id":8,"presence":{"channel":"news"}}"#,
    r#"{"id":9,"presence_stats":{"channel":"NAME"}}"#,
    r#"{"id":10,"rpc":{"method":"m","data":1}}"#,
    r#"{"id":11,"refresh":{"token":"t"}}"#,
    r#"{"id":12,"sub_refresh":{"channel":"news","token":"t"}}"#,
    r#"{"id":13,"subscribe":{"channel":"a","type":3}}"#,
    r#"{"id":14,"subscribe":{"channel":"a","delta":"x"}}"#,
    r#"{"id":4294967295,"ping":{}}"#,
    r#"{"send":{"data":{}}}"#,
    "{}",
];

/// The same over protobuf: connect, subscribe to `a`, publish `1` to `a`, a pong.
const BINARY: &[&[u8]] = &[
    &[4, 8, 1, 0x22, 0],
    &[7, 8, 2, 0x2a, 3, 0x0a, 1, b'a'],
    &[10, 8, 3, 0x3a, 6, 0x0a, 1, b'a', 0x12, 1, b'1'],
    &[0],
];

const SUBSCRIPTIONS: usize = 4;

/// Some commands, some of them damaged.
fn message(rng: &mut Rng, is_binary: bool) -> Vec<u8> {
    let mut message = Vec::new();
    for _ in 0..=rng.below(6) {
        if is_binary {
            message.extend_from_slice(BINARY[rng.below(BINARY.len())]);
            continue;
        }
        let name = match rng.below(5) {
            0 => "x".repeat(256),
            1 => "..".to_owned(),
            number => format!("t{}", number * rng.below(9)),
        };
        let command = COMMANDS[rng.below(COMMANDS.len())].replace("NAME", &name);
        message.extend_from_slice(command.as_bytes());
        message.push(b'\n');
    }
    for _ in 0..[0, 0, 1, 3][rng.below(4)] {
        let at = rng.below(message.len());
        match rng.below(3) {
            0 => message[at] = rng.byte(),
            1 => message.truncate(at.max(1)),
            _ => message.insert(at, b"{}[],:\"\\\n0"[rng.below(10)]),
        }
    }
    message
}

/// Whether a client may be told this.
fn is_known(told: &Told) -> bool {
    match told {
        Told::Text(text) => {
            let told: Value = serde_json::from_str(text).unwrap();
            let code = told["error"]["code"].as_u64();
            code.is_none_or(|code| (100..=113).contains(&code))
        }
        Told::Binary(_) => true,
        // Text that is no UTF-8 is an error of WebSocket.
        Told::Close(code, _) => matches!(code, 1007 | 3501 | 3508),
        Told::Ping => false,
    }
}

#[test]
fn whatever_one_client_sends_has_a_known_end_and_no_other_client_notices() {
    for seed in 0..100 {
        let mut rng = Rng::new(seed);
        let mut scene = Scene::connected(Config {
            subscriptions_max: SUBSCRIPTIONS,
            ..with_history(5)
        });
        assert_eq!(
            scene
                .ask(r#"{"id":2,"subscribe":{"channel":"steady"}}"#)
                .len(),
            1
        );
        for number in 0..20 {
            let is_binary = rng.below(3) == 0;
            let query = if is_binary { "?format=protobuf" } else { "" };
            let client = scene.shard.upgrade(&format!("{PATH}{query}"), "");
            let first: &[u8] = if is_binary {
                BINARY[0]
            } else {
                CONNECT.as_bytes()
            };
            let mut sent = Vec::new();
            if rng.below(4) != 0 {
                sent = frame(0x82, first);
            }
            for _ in 0..=rng.below(3) {
                let opcode = 0x81 + u8::from(is_binary || rng.below(2) == 0);
                sent.extend(frame(opcode, &message(&mut rng, is_binary)));
            }
            scene.shard.read(client, sent);
            scene.shard.rest();
            let told = heard(scene.shard.take(client));
            let unknown = told.iter().find(|told| !is_known(told));
            assert_eq!(unknown, None, "seed {seed}");
            let ends = told.iter().position(|told| matches!(told, Told::Close(..)));
            assert!(ends.is_none_or(|at| at + 1 == told.len()), "{told:?}");
            scene.shard.core.audit();
            let publish = r#"{"id":3,"publish":{"channel":"steady","data":NUMBER}}"#;
            let told = scene.ask(&publish.replace("NUMBER", &number.to_string()));
            let push = format!(r#"{{"push":{{"channel":"steady","pub":{{"data":{number},"#);
            assert!(told.iter().any(|told| told.starts_with(&push)), "{told:?}");
            assert_eq!(told.len(), 2, "{told:?}");
        }
    }
}
