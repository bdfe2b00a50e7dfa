//! The API that revokes tokens.

use corecast::auth::create;
use serde_json::{Value, json};

use crate::auth::manage::{KEY, SECRET, Scene, nothing};
use crate::support::http::ask;
use crate::support::socket::read_to_the_end;
use crate::support::ws::Ws;

/// Long ago for a token, and for the table.
const OLD: u64 = 1_700_000_000;

impl Scene {
    fn with_token(&self, claims: &Value) -> Ws {
        let token = create(SECRET, &claims.to_string()).unwrap();
        Ws::connect(self.0.http(), &format!("/ws/room?token={token}"))
    }

    /// The status of a request for a stream.
    fn status(&self, claims: &Value) -> u16 {
        let token = create(SECRET, &claims.to_string()).unwrap();
        let request = format!("HEAD /sse/room?token={token} HTTP/1.0\r\nHost: a\r\n\r\n");
        ask(self.0.http(), request).status
    }
}

#[test]
fn a_user_whose_tokens_are_invalidated_comes_back_with_another() {
    let scene = Scene::new(&["users all room"]);
    let old = json!({"sub": "ann", "iat": OLD});
    let (mut ws, mut events, mut tcp) = (scene.ws("ann"), scene.events("ann"), scene.tcp("ann"));
    let (mut other, mut bob) = (scene.with_token(&old), scene.ws("bob"));
    let body = json!({"user": "ann", "expire_at": 9_000_000_000_u64});
    assert_eq!(scene.ask("invalidate_user_tokens", &body), nothing());
    assert_eq!(ws.expect_close().0, 3005);
    assert_eq!(other.expect_close().0, 3005);
    read_to_the_end(&mut events);
    assert_eq!(tcp.next_or_end(), None);
    assert_eq!(scene.status(&old), 401);
    assert_eq!(scene.status(&json!({"sub": "ann"})), 401);
    // One that was issued by now.
    let entries = scene.list("bob");
    let now = entries[0].1["connected_at"].as_u64().unwrap() + 20;
    let new = json!({"sub": "ann", "iat": now});
    assert_eq!(scene.status(&new), 200);
    bob.send_text("still here");
    assert_eq!(bob.next_text(), "still here");
}

#[test]
fn tokens_that_were_issued_at_the_given_time_or_later_stay() {
    let scene = Scene::new(&["users all room"]);
    let body = json!({"user": "ann", "issued_before": OLD});
    assert_eq!(scene.ask("invalidate_user_tokens", &body), nothing());
    assert_eq!(scene.status(&json!({"sub": "ann", "iat": OLD - 1})), 401);
    assert_eq!(scene.status(&json!({"sub": "ann", "iat": OLD})), 200);
}

#[test]
fn a_token_that_is_revoked_opens_nothing_and_its_user_is_closed_where_it_is_named() {
    let scene = Scene::new(&["users all room"]);
    let [first, second] = ["1", "2"].map(|id| json!({"sub": "ann", "jti": id}));
    let mut ws = scene.with_token(&first);
    assert_eq!(scene.ask("revoke_token", &json!({"uid": "1"})), nothing());
    assert_eq!(scene.status(&first), 401);
    assert_eq!(scene.status(&second), 200);
    ws.send_text("still here");
    assert_eq!(ws.next_text(), "still here");
    let body = json!({"uid": "2", "user": "ann", "expire_at": 9_000_000_000_u64});
    assert_eq!(scene.ask("revoke_token", &body), nothing());
    assert_eq!(scene.status(&second), 401);
    assert_eq!(ws.expect_close().0, 3005);
    // It has expired by then, and no entry is made.
    let body = json!({"uid": "3", "expire_at": OLD});
    assert_eq!(scene.ask("revoke_token", &body), nothing());
    assert_eq!(scene.status(&json!({"sub": "ann", "jti": "3"})), 200);
}

#[test]
fn a_batch_revokes_as_single_requests_do() {
    let scene = Scene::new(&["users all room"]);
    let mut ws = scene.ws("ann");
    let batch = json!({"commands": [
        {"revoke_token": {"uid": "1"}},
        {"invalidate_user_tokens": {"user": "ann"}},
        {"invalidate_user_tokens": {"user": ""}},
    ]});
    let answer = scene.ask("batch", &batch);
    let replies = answer["replies"].as_array().unwrap();
    assert_eq!(replies[0], json!({"revoke_token": {}}));
    assert_eq!(replies[1], json!({"invalidate_user_tokens": {}}));
    assert_eq!(replies[2]["error"]["code"], 107);
    assert_eq!(ws.expect_close().0, 3005);
    assert_eq!(scene.status(&json!({"sub": "ann", "jti": "1"})), 401);
}

#[test]
fn what_revokes_no_token_is_an_error() {
    let scene = Scene::new(&["users all room"]);
    let mut ws = scene.ws("ann");
    for (method, body) in [
        ("invalidate_user_tokens", json!({})),
        (
            "invalidate_user_tokens",
            json!({"user": "ann", "channel": "room"}),
        ),
        ("revoke_token", json!({})),
        ("revoke_token", json!({"uid": ""})),
        (
            "revoke_token",
            json!({"uid": "1", "user": "a".repeat(10_000)}),
        ),
    ] {
        let answer = scene.ask(method, &body);
        assert_eq!(answer["error"]["code"], 107, "{body}");
    }
    for (method, body) in [
        (
            "invalidate_user_tokens",
            json!({"user": "ann", "issuedBefore": OLD}),
        ),
        ("revoke_token", json!({"uid": "1", "client": "a"})),
    ] {
        assert_eq!(scene.post(KEY, method, &body).status, 400, "{body}");
    }
    assert_eq!(scene.status(&json!({"sub": "ann", "jti": "1"})), 200);
    ws.send_text("still here");
    assert_eq!(ws.next_text(), "still here");
}

#[test]
fn an_api_key_revokes_tokens_of_the_users_and_with_the_ids_that_its_rules_name() {
    let scene = Scene::new(&["users all room", "key:desk manage guest-{id}"]);
    for (method, body, is_allowed) in [
        ("invalidate_user_tokens", json!({"user": "guest-7"}), true),
        ("invalidate_user_tokens", json!({"user": "ann"}), false),
        ("revoke_token", json!({"uid": "guest-1"}), true),
        ("revoke_token", json!({"uid": "1"}), false),
        (
            "revoke_token",
            json!({"uid": "guest-1", "user": "ann"}),
            false,
        ),
    ] {
        assert_eq!(scene.post("wrong", method, &body).status, 401);
        let answer: Value = serde_json::from_str(&scene.post("test", method, &body).body).unwrap();
        let expected = if is_allowed {
            &Value::Null
        } else {
            &json!(103)
        };
        assert_eq!(&answer["error"]["code"], expected, "{body}");
    }
}

#[test]
fn a_full_table_is_an_error_and_closes_nothing() {
    let scene = Scene::new(&["users all room"]);
    let mut ws = scene.ws("ann");
    let revoke = |n: usize| scene.0.handle().revoke_user(&n.to_string(), OLD);
    (0..).find(|n| revoke(*n).is_err());
    // Another user may have space in the table; each that has takes some of it.
    let ask = |n: usize| scene.ask("invalidate_user_tokens", &json!({"user": format!("u{n}")}));
    let refused = (0..1_000_000).map(ask).find(|answer| *answer != nothing());
    assert_eq!(refused.unwrap()["error"]["code"], 106);
    ws.send_text("still here");
    assert_eq!(ws.next_text(), "still here");
}
