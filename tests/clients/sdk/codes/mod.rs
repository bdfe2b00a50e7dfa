//! What npm's `centrifuge` makes of each code: of all that the protocol has, and of an
//! application's own. What makes the program send them is in `node_codes.cjs`.

mod ordered;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use corecast::proto::centrifuge::UnsubscribeCode;
use corecast::{
    Config, DisconnectCode, ErrorCode, HistorySettings, Namespaces, ProtocolError, TopicSettings,
};
use serde_json::{Value, json};

use self::ordered::{Ordered, REASONS};
use super::node_packages;
use crate::support::server::{Running, builder};
use crate::tools::{run, script};

/// Formats and transports.
const ALL: [(&str, &str); 5] = [
    ("json", "websocket"),
    ("json", "http_stream"),
    ("json", "sse"),
    ("protobuf", "websocket"),
    ("protobuf", "http_stream"),
];

/// What a client does, and what is to become of it.
type Case = (Value, Value);

/// The case over each transport.
fn over_each<'o>(
    over: &'o [(&'o str, &'o str)],
    on: &'o str,
    order: Value,
    expected: Value,
) -> impl Iterator<Item = Case> + 'o {
    over.iter().map(move |(kind, over)| {
        let case = json!({ "kind": kind, "over": over, "on": on, "order": order });
        (case, expected.clone())
    })
}

/// Plays all cases beside each other, with an application that does what it is ordered to.
fn check(name: &str, cases: impl IntoIterator<Item = Case>) {
    let Some(packages) = node_packages() else {
        return;
    };
    let history = HistorySettings {
        entries_max: 10,
        bytes_max: 1 << 20,
        ttl: Duration::from_secs(60),
        meta_ttl: Duration::from_secs(60),
        is_keyed: false,
    };
    let settings = TopicSettings {
        history: Some(history),
        force_recovery: true,
        ..TopicSettings::default()
    };
    let config = Config {
        namespaces: Namespaces::new(settings, Vec::new()),
        ..Config::default()
    };
    let server = Running::with(builder(2).config(config), |_| Ordered::default());
    let (cases, expected): (Vec<Value>, Vec<Value>) = cases.into_iter().unzip();
    let input = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&input, Value::from(cases.clone()).to_string()).unwrap();
    let mut node = Command::new("node");
    node.arg(script("node_orders.cjs")).arg(packages);
    node.arg(server.http().to_string());
    let became = run(node.stdin(File::open(input).unwrap()));
    let became: Vec<Value> = serde_json::from_str(&became).unwrap();
    assert_eq!(became.len(), cases.len());
    for ((case, expected), became) in cases.iter().zip(expected).zip(became) {
        assert_eq!(became, expected, "{case}");
    }
}

/// Whether an SDK tries again after an error; with 109 it does so with a new token.
fn is_temporary(code: ErrorCode) -> bool {
    use ErrorCode::{ConcurrentPagination, Internal, TokenExpired, TooManyRequests};
    matches!(
        code,
        Internal | TokenExpired | TooManyRequests | ConcurrentPagination
    )
}

#[test]
fn after_an_error_a_client_tries_again_or_gives_up() {
    let known = ErrorCode::ALL.iter().map(|code| {
        let says_so = code.is_temporary();
        (code.code(), says_so, is_temporary(*code), code.message())
    });
    let own = [400, 1999].map(|code| [true, false].map(|temporary| (code, temporary)));
    let own = own.into_iter().flatten();
    let own = own.map(|(code, temporary)| (code, temporary, temporary, "of the application"));
    let cases = known
        .chain(own)
        .flat_map(|(code, says_so, comes_back, message)| {
            let order = json!({ "error": code, "temporary": says_so });
            let tokens = u8::from(code == ErrorCode::TokenExpired.code());
            let expected = |called| match comes_back {
                true => json!(["comes back", code, tokens, called]),
                false => json!(["ends", code, tokens, message]),
            };
            let [of_connect, of_sub] = ["connect called", "subscribe called"].map(expected);
            let of_rpc = json!(["fails", code, says_so, "connected"]);
            let connects = over_each(&ALL, "connect", order.clone(), of_connect);
            let subscribes = over_each(&ALL, "subscribe", order.clone(), of_sub);
            connects
                .chain(subscribes)
                .chain(over_each(&ALL, "rpc", order, of_rpc))
        });
    check("errors", cases.collect::<Vec<_>>());
}

/// Whether a client comes back after the end of its connection, by the ranges of the protocol.
fn comes_back(code: u16) -> &'static str {
    match code {
        3500..=3999 | 4500..=4999 => "ends",
        _ => "comes back",
    }
}

#[test]
fn after_its_connection_has_ended_a_client_comes_back_or_not() {
    let known = DisconnectCode::ALL.iter();
    let known = known.map(|code| (code.code(), 0, code.reason()));
    // An SDK would come back if it took an empty reason, or not at all if it took JSON.
    let reasons = REASONS.into_iter().enumerate().map(|(nth, reason)| {
        let is_taken = nth == 0;
        (nth, if is_taken { reason } else { "disconnect" })
    });
    let own = reasons.flat_map(|(nth, reason)| [4000, 4500].map(|code| (code, nth, reason)));
    let edges = [3000, 3499, 3510, 3999, 4499, 4999].map(|code| (code, 0, REASONS[0]));
    let cases = known
        .chain(own)
        .chain(edges)
        .flat_map(|(code, nth, reason)| {
            let order = json!({ "disconnect": code, "reason": nth });
            // The token of a client whose state is invalid is fetched again.
            let tokens = u8::from(code == DisconnectCode::StateInvalidated.code());
            let expected = json!([comes_back(code), code, tokens, reason]);
            over_each(&ALL, "send", order, expected)
        });
    let plain = json!(["ends", 3503, 0, "force disconnect"]);
    let closed = over_each(&ALL, "send", json!({ "close": true }), plain.clone());
    // An application has no codes below 3000.
    let below = over_each(&ALL, "send", json!({ "disconnect": 1000 }), plain);
    let websockets = [ALL[0], ALL[3]];
    let violations = ProtocolError::ALL.into_iter().flat_map(|error| {
        let expected = match error.close_code() {
            1009 => json!(["ends", 3, 0, "message size limit exceeded"]),
            code => {
                assert!(code < 3000, "{error}");
                json!(["comes back", 1, 0, "transport closed"])
            }
        };
        let order = json!({ "protocol": error.label() });
        over_each(&websockets, "send", order, expected).collect::<Vec<_>>()
    });
    let cases = cases.chain(closed).chain(below).chain(violations);
    check("disconnects", cases.collect::<Vec<_>>());
}

#[test]
fn after_its_subscription_has_ended_a_client_subscribes_again_or_not() {
    let cases = UnsubscribeCode::ALL.iter().flat_map(|kind| {
        let code = kind.code();
        let is_over = *kind == UnsubscribeCode::Server;
        let forgets = *kind == UnsubscribeCode::StateInvalidated;
        let end = if is_over { "ends" } else { "comes back" };
        // The application can say 2000; for the others, it is changed on its way.
        let reason = UnsubscribeCode::Server.reason();
        ["json", "protobuf"].map(|format| {
            let mut expected = json!([end, code, u8::from(forgets), reason]);
            if !is_over && format == "json" {
                let again = match forgets {
                    true => json!({ "token": "token 1", "hasEpoch": false }),
                    false => json!({ "token": "first", "offset": 1, "hasEpoch": true }),
                };
                expected.as_array_mut().unwrap().push(again);
            }
            let case = json!({
                "kind": format, "over": "websocket", "on": "unsubscribe", "code": code,
            });
            (case, expected)
        })
    });
    check("unsubscribes", cases.collect::<Vec<_>>());
}
